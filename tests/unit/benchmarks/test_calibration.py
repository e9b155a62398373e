import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.selftest.cases import CASES


@pytest.fixture(scope="module")
def quick(bench, tmp_path_factory):
    """Run the quick form, and return its folder, Markdown, results and options."""
    folder = tmp_path_factory.mktemp("suite")
    options = ["--quick", "--only", "memorization,identifiers", "--checkpoints", str(folder / "kept")]
    bench.main([*options, "--markdown", str(folder / "x.md"), "--json", str(folder / "x.json")])
    return folder, (folder / "x.md").read_text(encoding="utf-8"), json.loads((folder / "x.json").read_text()), options


@pytest.mark.slow
def test_quick_makes_the_table(quick, bench):
    folder, text, found, options = quick
    assert "| verbatim | caught 1 | caught 1 |" in text
    assert "| one_identifier | (unsure 1) | caught 1 |" in text
    assert "Cases right: 3 of 4; too few people to be calibrated: 1; wrong: 0." in text
    assert "| stopped | 100% | 100% | 100% |" in text
    assert "| called a leak | 0% | 0% | 0% |" in text
    seeds, splits = found["clinic"]
    assert (len(seeds), len(splits)) == (1, 2)
    n_train, n_control, n_fresh = seeds[0]["persons"]
    assert (n_train, n_control) == (43, 58)
    assert 20 <= n_fresh <= 29  # every row of some of these persons repeats another person
    assert len(list((folder / "kept" / "clinic").rglob("*.json"))) == 4 + 1 + 2
    splits_alone = bench.written(bench.arguments(options), {"clinic": ([], splits)})
    assert "No case was run." in splits_alone
    assert "| stopped | 100% | 100% | 100% |" in splits_alone


@pytest.mark.slow
def test_a_second_run_reuses_every_case(quick, bench, monkeypatch, capsys):
    _, text, _, options = quick
    for name in ("run_case", "make_populations"):
        monkeypatch.setattr(bench, name, None)  # a call would fail
    bench.main(options)
    assert capsys.readouterr().out.strip() == text.strip()


@pytest.mark.slow
def test_an_interrupted_run_continues(quick, bench, capsys):
    folder, text, _, options = quick
    (folder / "kept/clinic/seed-0/one_identifier.json").unlink()
    (folder / "kept/clinic/resplit-001.json").unlink()
    bench.main(options)
    assert capsys.readouterr().out.strip() == text.strip()


@pytest.mark.slow
def test_checkpoints_of_another_run_are_not_mixed_in(quick, bench):
    options = quick[3]
    with pytest.raises(SystemExit, match="choose another --checkpoints"):
        bench.main([*options[:1], "--only", "identifiers", *options[3:]])


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--corpora", "clinic,moon"], "unknown corpora: moon"), (["--corpora", "synthpai"], "set SYNTHGEN_DATA")],
)
def test_unavailable_corpora_are_reported(bench, monkeypatch, capsys, options, words):
    monkeypatch.delenv("SYNTHGEN_DATA", raising=False)
    with pytest.raises(SystemExit):
        bench.main(options)
    assert words in capsys.readouterr().err


def test_rows_are_cut_and_near_duplicates_excluded(bench, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    words = ([*rng.choice([*"abcdefghij"], 4), *(f"w{j}" for j in rng.integers(900, size=170))] for _ in range(3))
    long = [" ".join(of) for of in words]
    texts = [long[0], "one two three", "one two three", f"{long[0]} more", long[1], "...", long[2]]
    (tmp_path / "synthpai").mkdir()
    groups = [f"p{i}" for i in range(len(texts))]
    pq.write_table(pa.table({"text": texts, "label": groups, "group": groups}), tmp_path / "synthpai" / "all.parquet")
    monkeypatch.setenv("SYNTHGEN_DATA", str(tmp_path))
    rows = bench.rows_of("synthpai", 3)
    assert [person for _, _, person in rows] == ["p0", "p1", "p4", "p6"]
    assert {label for _, label, _ in rows} == {None}
    assert [len(text.split()) for text, _, _ in rows] == [150, 3, 150, 150]


def test_the_notes_of_another_corpus_are_the_reference(bench, tmp_path, monkeypatch):
    (tmp_path / "aci_bench").mkdir()
    for i, part in enumerate(("train", "valid", "test1", "test2", "test3")):
        table = pa.table({"text": [f"note {i}"], "label": ["a"], "group": [f"e{i}"]})
        pq.write_table(table, tmp_path / "aci_bench" / f"{part}.parquet")
    monkeypatch.setenv("SYNTHGEN_DATA", str(tmp_path))
    assert bench.reference_of("mts_dialog").texts == tuple(f"note {i}" for i in range(5))
    assert bench.reference_of("mts_dialog").labels is None
    assert bench.reference_of("clinic") is bench.reference_of("synthpai") is None


def test_persons_are_split_whole_by_name(bench):
    rows = [(f"text {i} {k}", "a", f"p{i:02d}") for i in range(40) for k in range(i % 3 + 1)]
    one, two, again = bench.split(rows, 30, "one"), bench.split(rows, 30, "two"), bench.split(rows, 30, "one")
    assert one == again != two
    train, control = one
    assert (len(set(train.groups)), len(set(control.groups))) == (10, 20)
    assert not set(train.groups) & set(control.groups)
    assert len(train) == sum(row[2] in train.groups for row in rows)


def step(case, **cells):
    return {"case": case, "audits": {a: {"outcome": o, "verdicts": v} for a, (o, v) in cells.items()}}


def test_counts_by_hand(bench):
    caught, passed = ("right", {"fail": 1}), ("wrong", {"pass": 1})
    still_open, unsure = ("open", {"pass": 1}), ("uncalibrated", {"insufficient": 1})
    cells = ((caught, still_open), (passed, unsure), (caught, unsure))
    seeds = [{"steps": [step("x", memorization=one, membership=other)]} for one, other in cells]
    assert bench.right(seeds) == {"right": 1, "wrong": 1, "uncalibrated": 1}
    assert bench.said(*bench.tally(seeds, "x", "memorization")) == "caught 2, passed 1 **1 wrong**"
    assert bench.said(*bench.tally(seeds, "x", "membership")) == "(passed 1, unsure 2) **2 uncalibrated**"
    pairs = (("pass", "pass"), ("fail", "pass"), ("pass", "insufficient"), ("fail", "fail"))
    splits = [{"verdicts": dict(zip("ab", pair, strict=True))} for pair in pairs]
    assert bench.stopped(splits, ["a", "b"]) == {
        "a": {"stopped": 0.5, "called a leak": 0.5},
        "b": {"stopped": 0.5, "called a leak": 0.25},
        "all": {"stopped": 0.75, "called a leak": 0.5},
    }


def test_every_case_is_run_unless_quick_and_the_settings_name_the_source_of_the_audits(bench, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_DATA", "somewhere")
    assert bench.arguments([]).cases == CASES
    assert bench.arguments([]).corpora == list(bench.CORPORA)
    assert len(bench.arguments(["--quick"]).setting["code"]) == 16


def test_a_case_with_few_audits_has_a_row(bench):
    """A case that hides a leak runs only the audits that could find it."""
    seeds = [{"steps": [step("accents", memorization=("right", {"fail": 1}))]}]
    assert bench.said(*bench.tally(seeds, "accents", "memorization")) == "caught 1"
    assert bench.said(*bench.tally(seeds, "accents", "linkage")) == "not run"
