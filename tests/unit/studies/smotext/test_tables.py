import io
import json
import re
import zipfile
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies.smotext.protocol import LABEL_ONLY, REAL, STYLE, VARIANTS, SmotextProtocol
from studies.smotext.summary import GAIN, RATIO, goals, over_seeds
from studies.smotext.tables import write_smotext_tables
from studies.smotext.text_sets import SOURCES
from studies.smotext.trial import MEASURE
from studies.smotext.trials import LAMBDAS

STUDIES = Path(__file__).parents[4] / "docs" / "studies"
# seeds of the archived trials that were written with a style adapter
ADAPTER_SEEDS = {"newsgroups20": 0, "ag_news": 0, "sst2": 0, "mts_dialog": 5}

META = {"bridge": "builtin", "datasets": {"d": {"test records": 50}}}
ALONG = {"lambda": 0.5, "pairs": 4, "target": 0.4, "target_low": 0.3, "target_high": 0.5, "class_kept": 0.9}
ALONG |= {"first": 0.3, "second": 0.3, "others": 0.1}
ALONG |= {"says_first": 0.5, "says_second": 0.4, "says_both": 0.25, "says_both_others": 0.0}
VALUES = {
    (REAL, REAL): 0.8,
    ("smotext", "synthetic"): 0.7,
    ("smotext", "real+synthetic"): 0.83,
    (LABEL_ONLY, "synthetic"): 0.5,
    (LABEL_ONLY, "real+synthetic"): 0.8,
}


def made_up(datasets=("d",), seeds=3):
    """Return measures whose differences are those of VALUES; `smotext` gains a tenth of a point per seed."""
    rows = []
    for dataset, seed in product(datasets, range(seeds)):
        found = []  # (variant, arm, by, measure, value, n)
        for (variant, arm), value in VALUES.items():
            more = 0.001 * seed if variant == "smotext" else 0
            for by, n in product(("encoder-logistic", "tfidf-linear"), (0,) if variant == REAL else (10, 20)):
                found.append((variant, arm, by, "accuracy", value + more - 0.01 * (n == 10), n))
        found.append(("smotext", "", "", "records", 20, 20))
        found.append(("smotext", "", "", "target_cosine", 0.375 + 0.001 * seed, 20))
        found.append((LABEL_ONLY, "", "", "records", 19, 20))
        for by in ("encoder", "characters"):
            found.append(("smotext", "synthetic", by, "parent_nearest", 0.25, 20))
            found.append(("smotext", "synthetic", by, "membership_auc", 0.6, 20))
            found.append((LABEL_ONLY, "synthetic", by, "membership_auc", 0.5, 20))
        place = {"dataset": dataset, "seed": seed, "n_real": 100, "n_pool": 300}
        names = ("variant", "arm", "by", "measure", "value", "n")
        rows += [place | dict(zip(names, row, strict=True)) for row in found]
    return pa.Table.from_pylist(rows, schema=MEASURE)


@pytest.fixture
def folder(tmp_path):
    write_smotext_tables(made_up(), {"d": [ALONG]}, META, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def page(folder):
    return (folder / "results.md").read_text(encoding="utf-8")


def test_tables_are_written_with_their_settings(folder):
    measures = made_up()
    for name, wanted in (("measures", measures), ("results", over_seeds(measures)), ("goals", goals(measures))):
        found = pq.read_table(folder / f"{name}.parquet")
        assert found.to_pylist() == wanted.to_pylist()
        assert json.loads(found.schema.metadata[b"study"]) == META
    assert json.loads((folder / "lambdas.json").read_text()) == {"d": [ALONG]}


def test_utility_and_privacy_are_in_one_row(page, lines_of):
    (row,) = lines_of(page, "| smotext | 20 |")
    cells = [c.strip().split(" ±")[0] for c in row.strip("|").split("|")]
    assert " ".join(cells) == "smotext 20 0.701 0.831 0.701 0.831 0.25 0.25 0.60 0.60 0.38"
    (real,) = lines_of(page, "| real | – |")
    assert real == "| real | – | 0.800 | – | 0.800 | – | – | – | – | – | – |"
    (label,) = lines_of(page, "| label-only | 19 |")
    assert "| – | – | 0.50 | 0.50 | – |" in label


def test_every_goal_is_judged(page, lines_of):
    (row,) = lines_of(page, "| smotext | TF-IDF |")
    assert "| 87.6 % [" in row
    assert "missed | +3.1 points [" in row
    assert row.count("reached") == 3
    (label,) = lines_of(page, "| label-only | TF-IDF |")
    assert label.endswith("| – | – |")
    short = page.split("## In short")[1].split("\n## ")[0]
    assert f"- {RATIO} (≥ 100 %): missed 2 times" in short
    assert f"- {GAIN} (≥ +2 points): reached 2 times" in short
    assert lines_of(short, "| d | smotext | encoder head | 87.6 %, missed |")


def test_one_seed_has_no_interval_and_no_verdict(tmp_path):
    write_smotext_tables(made_up(seeds=1), {"d": [ALONG]}, META, tmp_path)
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| 87.5 %, not measurable |" in page
    assert "±" not in page


def test_every_table_is_rectangular_and_figures_are_linked(tmp_path, lines_of, check_tables):
    write_smotext_tables(made_up(("d", "e")), {"d": [ALONG], "e": [ALONG]}, META, tmp_path)
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    linked = {line[line.rindex("(") :] for line in lines_of(page, "![")}
    assert linked >= {f"({name}.svg)" for name in ("accuracy", "privacy-utility", "lambdas-d", "lambdas-e")}
    check_tables(page)


def shown_part(page):
    """Return the part of a page that depends only on the trials: its tables, and how to read them."""
    return page[page.index("## In short") : page.index("## How it was made")]


def test_the_page_is_generated_from_the_archived_trials(tmp_path):
    with zipfile.ZipFile(STUDIES / "smotext-trials.zip") as kept:
        # dataset, variant, seed and the sha256 of the trial's inputs, joined by hyphens
        named = {name.removeprefix("trials/").rsplit("-", 1)[0]: kept.read(name) for name in kept.namelist()}
    along = {dataset: json.loads(named.pop(f"{dataset}-{LAMBDAS}--1")) for dataset in SOURCES}
    jobs = product(SOURCES, range(SmotextProtocol().seeds), (REAL, *VARIANTS))
    drawn = [(dataset, v, seed) for dataset, seed, v in jobs if v != STYLE or seed < ADAPTER_SEEDS[dataset]]
    tables = [pq.read_table(io.BytesIO(named.pop(f"{dataset}-{v}-{seed}"))) for dataset, v, seed in drawn]
    assert not named
    assert all(table.schema == MEASURE for table in tables)
    write_smotext_tables(pa.concat_tables(tables), along, META, tmp_path)
    made = shown_part((tmp_path / "results.md").read_text(encoding="utf-8"))
    shown = shown_part((STUDIES / "smotext.md").read_text(encoding="utf-8"))
    assert re.sub(r"\]\((.*?\.svg)\)", r"](smotext-\1)", made) == shown
