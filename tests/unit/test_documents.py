"""Check the documents against the code: examples load, links and paths exist, figures and tables agree."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import audits.core.errors
import synthgen.core.errors
from audits.selftest.cases import CASES
from studies.smotext.text_sets import SOURCES
from synthgen.config import Config

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CARD = ROOT / "synthgen/decode/builtin/README.md"
FOLDERS = ("docs", "examples", "policies")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(p for f in FOLDERS for p in (ROOT / f).rglob("*.md")), CARD])
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_README_LINES = 120
MAX_CELL = 200
MAX_CHANGELOG_BYTES = 9_000
MAX_PICTURE_BYTES = 150_000
IN_THE_TREE = re.compile(r"`((?:synthgen|audits|studies|tests|benchmarks|examples|policies|docs)/[\w./-]*)`")


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def prose(text):
    """Return a text without its code blocks."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def figures(text, name):
    """Return the text of one block of measured figures."""
    pattern = rf"^<!-- figures: {name} -->$(.*?)^<!-- /figures -->$"
    (block,) = re.findall(pattern, text, flags=re.DOTALL | re.MULTILINE)
    return block


def rows(text):
    """Return the cells of each row of the tables in a text; an empty first cell means the one above."""
    lines = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    found = [[cell.strip() for cell in line.split("|")] for line in lines]
    for above, below in pairwise(found):
        below[0] = below[0] or above[0]
    return found


def section(text, *headings):
    """Return the text below nested headings, up to the next heading of the last level."""
    for heading in headings:
        text = text.partition(f"\n{heading}\n")[2]
        assert text, heading
    return re.split(rf"^#{{1,{len(headings[-1].split()[0])}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]


def slugs(text):
    """Return the anchors of the headings of a text."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["own-data", "hospital-export", "release-externally-with-dp"])
def test_the_configuration_of_the_documents_loads(name):
    """A block without `version` shows sections that replace those of the first block of its page."""
    given = [YAML(typ="safe", pure=True).load(block) for block in blocks(page(f"how-to/{name}.md"), "yaml")]
    found = [Config.parse(one if "version" in one else {**given[0], **one}) for one in given]
    assert found
    assert all(config.interpolate.total == 1000 for config in found)


def test_the_python_of_the_documents_can_be_parsed():
    assert blocks(page("reference/python-api.md"), "python")
    for path in DOCUMENTS:
        for block in blocks(path.read_text(encoding="utf-8"), "python"):
            ast.parse(block)


def test_the_exit_codes_of_the_page_are_those_of_the_errors():
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page("reference/exit-codes.md"), flags=re.MULTILINE)}
    assert listed == {*range(9), *range(10, 16), 20}
    values = [*vars(synthgen.core.errors).values(), *vars(audits.core.errors).values()]
    assert {v.exit_code for v in values if isinstance(v, type) and issubclass(v, Exception)} <= listed


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_and_paths_exist_and_no_machine_is_named(path):
    text = path.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text):
        if target.startswith("https://"):
            continue
        there = path.parent / target if target else path
        assert there.exists(), target
        assert not anchor or anchor in slugs(there.read_text(encoding="utf-8")), f"{target}#{anchor}"
    for named in IN_THE_TREE.findall(text):
        assert (ROOT / named).exists(), named
    assert not re.search(r"(?<![\w.])/(?:work|tmp|home|root|mnt)/", text)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(text), re.MULTILINE)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


ANSWERS = {  # text that the named file must contain
    "Where is the seed used?": "class SeedTree",
    "Where is the interpolation weight λ drawn?": "def draw_lambdas",
    "Where is a record rejected?": "class Filtered",
    "Which file holds the membership attack?": "def cross_fit",
    "Where do the gates decide?": "def decide",
    "Where is the signature made?": "key.sign(",
}


def test_the_index_of_the_architecture_page_names_the_right_files():
    answers = {row[0]: row[1] for row in rows(section(page("explanation/architecture.md"), "## Where is what"))}
    for question, needed in ANSWERS.items():
        first = IN_THE_TREE.findall(answers[question])[0]
        assert needed in (ROOT / first).read_text(encoding="utf-8"), f"{question} not {first}"


def test_every_page_is_in_the_index_with_a_line():
    listed = re.findall(r"^\| \[[^]]+\]\(([^)]+)\) \| .+ \|$", page("README.md"), flags=re.MULTILINE)
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"README.md"}
    assert sorted(listed) == sorted(pages)


def is_short(cell):
    """Return whether a cell is a value or one short sentence; an abbreviation or a number ends no sentence."""
    ends = re.findall(r"[.!?](?= +[A-Z])", re.sub(r"`[^`]*`", "", cell.strip()))
    return len(cell.strip()) <= MAX_CELL and not ends


def test_a_cell_is_short_only_with_one_sentence():
    assert all(is_short(cell) for cell in ("One sentence.", ".5 [.4, .6]", "`a. B`"))
    assert not any(is_short(cell) for cell in ("Two. Sentences.", "x" * 201))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_table_cell_contains_one_short_sentence(path):
    table_rows = re.findall(r"^\|(.*)\|$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    cells = [cell for row in table_rows for cell in re.split(r"(?<!\\)\|", row)]
    assert [cell for cell in cells if not is_short(cell)] == []


def test_the_changelog_of_the_next_version_is_short():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert len(text.encode()) <= MAX_CHANGELOG_BYTES
    headings = re.findall(r"^### (\w+)$", text, flags=re.MULTILINE)
    assert " ".join(headings) == "Added Changed Fixed Removed Security"


def test_the_readme_is_short_and_shows_a_report():
    assert len(README.splitlines()) <= MAX_README_LINES
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    data = (ROOT / picture).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) <= MAX_PICTURE_BYTES


PLACES = {"README.md": ["results"], "docs/results.md": ["demo", "newsgroups"]}
PLACES["docs/studies/README.md"] = ["augmentation", "smotext", "styles"]


def test_blocks_of_measured_figures_are_complete():
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        opened = re.findall(r"^<!-- figures: (\w+) -->$", text, flags=re.MULTILINE)
        assert opened == PLACES.get(path.relative_to(ROOT).as_posix(), [])
        assert len(re.findall(r"^<!-- /figures -->$", text, flags=re.MULTILINE)) == len(opened)
        assert all(rows(figures(text, name)) for name in opened)


SETS = {"20 Newsgroups": "newsgroups20", "AG News": "ag_news", "SST-2": "sst2", "clinical sections": "mts_dialog"}
STUDIES = page("studies/README.md")


def smotext_rows():
    """Return the study's rows, by set and classifier."""
    found = re.findall(rf"^\| ({'|'.join(SETS)}), [\d,]+ \| (.*?) \| (.*) \|$", STUDIES, flags=re.MULTILINE)
    return {(name, classifier): cells.split(" | ") for name, classifier, cells in found}


def test_the_smotext_rows_are_those_of_the_page():
    assert len(smotext_rows()) == 2 * len(SETS)
    for (name, classifier), cells in smotext_rows().items():
        goals = page("studies/smotext.md").partition(f"\n## {SETS[name]}\n")[2]
        goals = goals.partition("### The goals")[2].partition("### ")[0]
        (there,) = re.findall(rf"^\| smotext-filtered \| {classifier} \| (.*) \|$", goals, flags=re.MULTILINE)
        assert cells == [re.sub(r" points|, [a-z ]+$", "", cell) for cell in there.split(" | ")]


def test_the_rows_of_styles_are_those_of_the_page():
    header, _, *table = rows(figures(STUDIES, "styles"))
    assert [row[:2] for row in table] == [
        [name, head] for name in SETS if SOURCES[SETS[name]].style for head in ("encoder head", "TF-IDF")
    ]
    for name, classifier, *cells in table:
        there = page("studies/smotext.md").partition(f"\n## {SETS[name]}\n")[2].partition("\n## ")[0]
        for column, row in (("plain", "smotext-filtered"), ("in its style", "smotext-style")):
            (goal,) = re.findall(rf"^\| {row} \| {classifier} \| (.*?), [a-z ]+ \|", there, flags=re.MULTILINE)
            assert cells[header.index(f"{column}, of real alone") - 2] == goal
            titles, _, *leaks = rows(there.partition("### The goals")[0])
            (found,) = [r[titles.index("membership AUC, encoder")] for r in leaks if r[0] == row]
            assert cells[header.index(f"{column}, membership AUC") - 2] == found


def test_the_summary_of_the_smotext_study_agrees_with_its_page():
    summary = " ".join(section(STUDIES, "## Is a classifier trained on synthetic texts as good?").split())
    headings = ("## newsgroups20", "### Accuracy and leakage")
    leakage = section(page("studies/smotext.md"), *headings)
    header, _, *table = rows(leakage)
    near, auc = header.index("parent nearest, encoder"), header.index("membership AUC, encoder")
    leaks = {row[0]: [row[i].split()[0].removeprefix("0") for i in (near, auc)] for row in table}
    filtered, words = leaks["smotext-filtered"], leaks["smotext-words"]
    assert f"for {filtered[0]} of them, and the membership AUC is {filtered[1]}." in summary
    assert f"leak more ({', '.join(words)})" in summary
    beyond = {name: smotext_rows()[name, "TF-IDF"][3].split()[0] for name in SETS}
    assert f"{beyond['AG News']} on AG News and {beyond['SST-2']} on SST-2 are shown" in summary
    unfiltered = {(r[0], r[1], r[2]): r[3] for r in rows(section(page("studies/smotext.md"), "## In short"))}
    kept = round(float(unfiltered["sst2", "smotext", "encoder head"].split()[0]))
    assert f"{kept} per cent on SST-2" in summary


METHODS = {"no augmentation": "none", "repeating records": "random-oversample", "SMOTE": "smote", "VAE": "vae"}
METHODS |= {"Borderline-SMOTE": "borderline-smote", "a class-weighted loss, no new rows": "class-weighted"}


def test_the_augmentation_rows_are_those_of_the_page():
    header, _, *table = rows(figures(STUDIES, "augmentation"))
    assert header[2:] == ["SST-2", "AG News"]
    assert len(table) == 8
    for column, name in enumerate(header[2:], start=2):
        headings = (f"## {SETS[name]}", "### Accuracy, difference over all n")
        text = section(page("studies/feature-augmentation.md"), *headings)
        there = {(row[0], row[1]): (row[2], row[3]) for row in rows(text)}
        for row in table:
            value, interval = there[METHODS[row[1]], METHODS[row[0]]]
            low, high = (number.lstrip("+") for number in interval.strip("[]").split(", "))
            assert row[column] == f"{value} [{low}, {high}]".replace("0.", ".")


def test_the_summary_of_the_calibration_suite_agrees_with_its_page():
    summary = page("how-to/audit-external-data.md")
    suites = [
        section(page("studies/audit-calibration.md"), f"## {name}") for name in ("newsgroups20", "clinic", "db_bio")
    ]
    shown = [row for row in rows(summary) if row[0] in {"20 Newsgroups", "fictional clinic", "biographies"}]
    assert len(shown) == len(suites)
    for row, suite in zip(shown, suites, strict=True):
        (right,) = re.findall(r"^Cases right: (\d+ of \d+);", suite, flags=re.MULTILINE)
        assert row[2].startswith(right)
        stopped = next(cells for cells in rows(suite) if cells[0] == "stopped")[-1]
        assert row[4] == f"{stopped.replace('%', ' %')} of 50"
    assert "No verdict was wrong" in summary
    assert all("wrong: 0." in suite for suite in suites)
    assert f"calibration suite: {len(CASES)} cases" in " ".join(summary.split())


def accuracy(name):
    """Return the accuracies of a release's table, by the first word of the classifier and what it was trained on."""
    return {(row[0].split()[0], row[1]): row[2] for row in rows(figures(page("results.md"), name))}


def membership(name):
    """Return the membership AUC of a release, with its interval."""
    text = " ".join(figures(page("results.md"), name).split())
    (found,) = re.findall(r"embership`? \(?AUC (\.\d+ \[[^]]+\])", text)
    return found


def percent(part, whole):
    """Return the ratio of two accuracies with intervals, in percent with one decimal, as the README shows it."""
    return f"{100 * float(part.split()[0]) / float(whole.split()[0]):.1f} %"


def dp_figures():
    """Return the accuracies of the clinic under differential privacy, and its membership AUC."""
    text = section(page("results.md"), "## The fictional clinic under differential privacy")
    kept = {(row[0].split()[0], row[1]): row[2] for row in rows(text)[2:]}
    (auc,) = re.findall(r"the membership AUC is (\.\d+ \[[^]]+\])", " ".join(text.split()))
    return kept, auc


def test_the_results_of_the_readme_are_those_of_the_pages():
    header, _, *table = rows(figures(README, "results"))
    assert len(table) <= 8
    titles = "data, persons in train, ε, synthetic records, encoder head, TF-IDF, membership AUC, page"
    assert ", ".join(header) == titles
    clinic, auc = dp_figures()
    news = accuracy("newsgroups")
    sets = {"AG News, 4 classes": "ag_news", "SST-2, 2 classes": "sst2"}
    sets["Medical Abstracts, 5 classes"] = "medical_abstracts"
    for name, persons, epsilon, records, *reached, where in table:
        assert epsilon == "no DP" or float(epsilon) <= 3
        if name in sets:
            there = rows(section(page("studies/dp.md"), f"## {sets[name]}"))
            found = [[row[4], row[5], row[9]] for row in there if row[:4] == [persons, "classes", epsilon, records]]
            assert reached in found
            assert "docs/studies/dp.md" in where
        elif name == "Fictional clinic, 6 classes":
            ratios = [percent(clinic[kind, "synthetic"], clinic[kind, "real"]) for kind in ("head", "word-based")]
            assert reached == [*(f"{float(ratio.split()[0]):.0f} %" for ratio in ratios), auc]
            assert "docs/results.md" in where
        else:
            assert name == "20 Newsgroups, 5 classes"
            ratios = [percent(news[kind, "synthetic"], news[kind, "real"]) for kind in ("head", "word-based")]
            assert reached == [*ratios, membership("newsgroups")]
            assert f"of {persons} authors" in figures(page("results.md"), "newsgroups")
            assert "docs/results.md" in where


def test_the_results_page_and_the_bridge_card_agree():
    card = CARD.read_text(encoding="utf-8")
    costs = section(card, "## Fidelity, utility and leakage")
    head, tfidf = (f"{kind}, trained on synthetic, accuracy" for kind in ("head on the frozen encoder", "TF-IDF"))
    card_rows = [row for row in rows(costs) if row[0] in {head, tfidf, "TF-IDF, real + synthetic, accuracy"}]
    news = accuracy("newsgroups")
    arms = (("head", "synthetic"), ("word-based", "synthetic"), ("word-based", "real + synthetic"))
    assert [row[-1] for row in card_rows[:3]] == [news[arm] for arm in arms]
    assert f"membership AUC {membership('newsgroups').split()[0]} since then" in " ".join(costs.split())
