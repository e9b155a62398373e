"""The documents say what the code does: their examples load, their links lead somewhere, their tables are right."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import audits.core.errors
import synthgen.core.errors
from synthgen.config import Config

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def test_the_configuration_of_the_readme_loads():
    (block,) = blocks(README, "yaml")
    config = Config.parse(YAML(typ="safe", pure=True).load(block))
    assert config.interpolate.total == 1000


def test_the_python_of_the_readme_is_python():
    found = blocks(README, "python")
    assert found
    for block in found:
        ast.parse(block)


def test_the_exit_codes_of_the_readme_are_those_of_the_errors():
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE)}
    assert listed == {*range(8), *range(10, 16), 20}
    used = {
        value.exit_code
        for module in (synthgen.core.errors, audits.core.errors)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert used <= listed


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_documents_lead_somewhere_and_name_no_machine(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (path.parent / target).exists(), target
    assert not re.search(r"(?<![\w.])/(?:work|tmp|home|root|mnt)/", text)
    levels = [
        len(marks) for marks in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    ]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_places_for_measured_figures_are_whole():
    opened = re.findall(r"^<!-- figures: (\w+) -->$", README, flags=re.MULTILINE)
    assert opened == ["demo", "newsgroups", "augmentation", "smotext"]
    assert len(re.findall(r"^<!-- /figures -->$", README, flags=re.MULTILINE)) == len(opened)


SETS = {"20 Newsgroups": "newsgroups20", "AG News": "ag_news", "SST-2": "sst2", "clinical sections": "mts_dialog"}


def test_the_study_in_the_readme_is_that_of_its_page():
    page = (ROOT / "docs" / "studies" / "smotext.md").read_text(encoding="utf-8")
    rows = re.findall(rf"^\| ({'|'.join(SETS)}), [\d,]+ \| (.*?) \| (.*) \|$", README, flags=re.MULTILINE)
    assert len(rows) == 2 * len(SETS)
    for name, classifier, cells in rows:
        goals = page.partition(f"\n## {SETS[name]}\n")[2].partition("### The goals")[2].partition("### ")[0]
        (shown,) = re.findall(rf"^\| smotext-filtered \| {classifier} \| (.*) \|$", goals, flags=re.MULTILINE)
        assert cells.split(" | ") == [re.sub(r" points|, [a-z ]+$", "", cell) for cell in shown.split(" | ")]
