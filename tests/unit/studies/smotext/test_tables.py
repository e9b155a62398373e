import io
import json
import re
import zipfile
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
# seeds of the kept trials that were written with a style adapter; three of the four adapters were removed later
ADAPTER_SEEDS = {"newsgroups20": 2, "ag_news": 2, "sst2": 2, "mts_dialog": 5}

META = {"bridge": "builtin", "datasets": {"d": {"test records": 50}}}
ALONG = {
    "lambda": 0.5,
    "pairs": 4,
    "target": 0.4,
    "target_low": 0.3,
    "target_high": 0.5,
    "first": 0.3,
    "second": 0.3,
    "others": 0.1,
    "class_kept": 0.9,
    "says_first": 0.5,
    "says_second": 0.4,
    "says_both": 0.25,
    "says_both_others": 0.0,
}
VALUES = {
    (REAL, REAL): 0.8,
    ("smotext", "synthetic"): 0.7,
    ("smotext", "real+synthetic"): 0.83,
    (LABEL_ONLY, "synthetic"): 0.5,
    (LABEL_ONLY, "real+synthetic"): 0.8,
}


def made_up(datasets=("d",), seeds=3):
    """Return measures whose differences are VALUES', but for a tenth of a point from seed to seed of our own."""
    rows = []
    for dataset in datasets:
        for seed in range(seeds):

            def row(variant, arm, by, measure, value, *, n=20, dataset=dataset, seed=seed):
                rows.append(
                    {
                        "dataset": dataset,
                        "seed": seed,
                        "variant": variant,
                        "n": n,
                        "arm": arm,
                        "by": by,
                        "measure": measure,
                        "value": value,
                        "n_real": 100,
                        "n_pool": 300,
                    }
                )

            for (variant, arm), value in VALUES.items():
                wobble = 0.001 * seed if variant == "smotext" else 0
                for by in ("encoder-logistic", "tfidf-linear"):
                    for n in (0,) if variant == REAL else (10, 20):
                        row(variant, arm, by, "accuracy", value + wobble - 0.01 * (n == 10), n=n)
            row("smotext", "", "", "records", 20)
            row("smotext", "", "", "target_cosine", 0.375 + 0.001 * seed)
            row(LABEL_ONLY, "", "", "records", 19)
            for by in ("encoder", "characters"):
                row("smotext", "synthetic", by, "parent_nearest", 0.25)
                row("smotext", "synthetic", by, "membership_auc", 0.6)
                row(LABEL_ONLY, "synthetic", by, "membership_auc", 0.5)
    return pa.Table.from_pylist(rows, schema=MEASURE)


@pytest.fixture
def folder(tmp_path):
    write_smotext_tables(made_up(), {"d": [ALONG]}, META, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def page(folder):
    return (folder / "results.md").read_text(encoding="utf-8")


def test_tables_come_back_as_written_with_how_they_were_made(folder):
    measures = made_up()
    for name, wanted in (("measures", measures), ("results", over_seeds(measures)), ("goals", goals(measures))):
        found = pq.read_table(folder / f"{name}.parquet")
        assert found.to_pylist() == wanted.to_pylist()
        assert json.loads(found.schema.metadata[b"study"]) == META
    assert json.loads((folder / "lambdas.json").read_text()) == {"d": [ALONG]}


def lines(page, start):
    return [line for line in page.splitlines() if line.startswith(start)]


def test_utility_and_privacy_are_in_one_row(page):
    (row,) = lines(page, "| smotext | 20 |")
    cells = [c.strip() for c in row.strip("|").split("|")]
    assert [c.split(" ±")[0] for c in cells] == [
        "smotext",
        "20",
        "0.701",
        "0.831",
        "0.701",
        "0.831",
        "0.25",
        "0.25",
        "0.60",
        "0.60",
        "0.38",
    ]
    (real,) = lines(page, "| real | – |")
    assert real == "| real | – | 0.800 | – | 0.800 | – | – | – | – | – | – |"
    (label,) = lines(page, "| label-only | 19 |")
    assert "| – | – | 0.50 | 0.50 | – |" in label


def test_every_goal_is_judged(page):
    rows = lines(page, "| smotext | TF-IDF |")
    assert len(rows) == 1
    assert "| 87.6 % [" in rows[0]
    assert "missed | +3.1 points [" in rows[0]
    assert rows[0].count("reached") == 3
    (label,) = lines(page, "| label-only | TF-IDF |")
    assert label.endswith("| – | – |")
    short = page.split("## In short")[1].split("\n## ")[0]
    assert f"- {RATIO} (≥ 100 %): missed 2 times" in short
    assert f"- {GAIN} (≥ +2 points): reached 2 times" in short
    assert lines(short, "| d | smotext | encoder head | 87.6 %, missed |")


def test_one_seed_has_no_interval_and_no_verdict(tmp_path):
    write_smotext_tables(made_up(seeds=1), {"d": [ALONG]}, META, tmp_path)
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| 87.5 %, not measurable |" in page
    assert "±" not in page


def test_every_table_is_rectangular_and_figures_are_linked(tmp_path):
    write_smotext_tables(made_up(("d", "e")), {"d": [ALONG], "e": [ALONG]}, META, tmp_path)
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert {"(accuracy.svg)", "(privacy-utility.svg)", "(lambdas-d.svg)", "(lambdas-e.svg)"} <= {
        line[line.rindex("(") :] for line in lines(page, "![")
    }
    widths = []
    for line in page.splitlines():
        if line.startswith("|"):
            widths.append(line.count("|"))
        else:
            assert len(set(widths)) <= 1
            widths = []


def shown_part(page):
    """Return the part of a page that comes of the trials alone: its tables, and how to read them."""
    return page[page.index("## In short") : page.index("## How it was made")]


def test_the_page_is_generated_from_the_archived_trials(tmp_path):
    with zipfile.ZipFile(STUDIES / "smotext-trials.zip") as kept:
        # dataset, variant, seed and the sha256 of what decides the trial, a hyphen between them
        named = {name.removeprefix("trials/").rsplit("-", 1)[0]: kept.read(name) for name in kept.namelist()}
    along = {dataset: json.loads(named.pop(f"{dataset}-{LAMBDAS}--1")) for dataset in SOURCES}
    seeds = range(SmotextProtocol().seeds)
    drawn = [
        f"{dataset}-{v}-{seed}"
        for dataset in SOURCES
        for seed in seeds
        for v in (REAL, *VARIANTS)
        if v != STYLE or seed < ADAPTER_SEEDS[dataset]
    ]
    tables = [pq.read_table(io.BytesIO(named.pop(name))) for name in drawn]
    assert not named
    assert all(table.schema == MEASURE for table in tables)
    write_smotext_tables(pa.concat_tables(tables), along, META, tmp_path)
    made = shown_part((tmp_path / "results.md").read_text(encoding="utf-8"))
    shown = shown_part((STUDIES / "smotext.md").read_text(encoding="utf-8"))
    assert re.sub(r"\]\((.*?\.svg)\)", r"](smotext-\1)", made) == shown
