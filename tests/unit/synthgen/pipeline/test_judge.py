import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import audits
from audits.attacks.parent_recovery.lineage import check_lineage
from audits.core.types import without_number
from audits.runner.run import CheckedTables
from synthgen.core.tables import read_corpus, read_latents
from synthgen.pipeline.judge import counted, synthetic_corpus

JUDGE, EVALUATE = "synthgen.pipeline.judge", "synthgen.evaluate.stage"
CHECKED = f"{JUDGE}.CheckedTables"


class Outcome(NamedTuple):
    control: Any
    evaluated: Any
    audited: Any


@pytest.fixture(scope="module")
def trial(new_bench, tmp_path_factory):
    """Return a run up to and including its audit, with intermediate results."""
    with pytest.MonkeyPatch.context() as patch:
        bench = new_bench(tmp_path_factory.mktemp("judge"), patch)
        job, given, check = bench.job(), [], CheckedTables.of
        patch.setattr(f"{CHECKED}.of", lambda inputs, **more: given.append(inputs) or check(inputs, **more))
        prepared, _, embedded = bench.prepare(job)
        writing = bench.writer(job)
        written = writing.write()
        seen_before = list(bench.encoder.seen)
        results = {"prepared": prepared, "embedded": embedded, "written": written}

        def judge(job, **changes):
            return Outcome(*bench.judge(job, **(results | changes)))

        stages = {"rounds": writing.stages, "cleaned": bench.stages, "judged": judge(job)}
        patch.setattr(f"{CHECKED}.of", check)
        (inputs,) = given
        yield SimpleNamespace(bench=bench, judge=judge, seen_before=seen_before, inputs=inputs, **results, **stages)


def checked(report):
    """Return a stand-in for `CheckedTables` whose audits measure nothing; `report` is the content of its report."""
    return SimpleNamespace(
        result=lambda name: without_number(name, "not_measurable", "not run"),
        report=lambda _: SimpleNamespace(to_json=lambda: json.dumps(report).encode(), results=()),
    )


@pytest.fixture
def quick(monkeypatch):
    """Replace the audits and the utility study by empty results, for tests of the stages' digests."""
    empty = {"results": [], "input_checks": {}}
    monkeypatch.setattr(f"{CHECKED}.of", lambda *_, **__: checked(empty))
    monkeypatch.setattr(f"{EVALUATE}.evaluate", lambda *_, **__: SimpleNamespace(results={"metrics": {}}))
    monkeypatch.setattr(f"{JUDGE}.evidence_from", lambda *_: SimpleNamespace(to_bytes=lambda: b"{}"))


def test_near_duplicates_set_aside_by_the_split_reach_the_evidence(trial):
    given, check = [], CheckedTables.of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{CHECKED}.of", lambda inputs, **more: given.append(inputs) or check(inputs, **more))
        patch.setattr(f"{JUDGE}.applicable_audits", lambda _: ("memorization",))
        judged = trial.judge(trial.bench.job(), prepared=replace(trial.prepared, near_duplicate_rate=0.26))
    evidence = json.loads((judged.audited.folder / "evidence.json").read_bytes())
    assert evidence["metrics"]["input_checks.near_duplicate_rate"]["value"] == pytest.approx(0.26)
    assert evidence["metrics"]["input_checks.problems"]["value"] >= 1
    assert judged.audited.digest != trial.judged.audited.digest
    assert given[0].near_duplicate_rate == 0.26


def test_control_is_never_embedded_before_the_audit(trial):
    control = set(trial.prepared.control.texts)
    assert len(control) > 30
    assert not control & set(trial.seen_before)
    assert sorted(trial.bench.encoder.seen[len(trial.seen_before) :]) == sorted(control)
    raw = {r.text for r in read_corpus(trial.cleaned[1].folder / "control.parquet", "control").records}
    assert not raw & set(trial.bench.encoder.seen)  # control with identifiers is never embedded


def test_the_audits_get_the_tables_and_the_replaced_identifiers(trial):
    inputs, prepared = trial.inputs, trial.prepared
    assert inputs.train.texts == tuple(prepared.train.texts)
    assert inputs.control.texts == tuple(prepared.control.texts)
    assert inputs.synthetic.texts == tuple(c.text for c in trial.written.records)
    assert inputs.identifiers == prepared.identifiers
    assert inputs.control_identifiers == prepared.control_identifiers
    assert len(inputs.identifiers) == len(inputs.train)
    assert inputs.near_duplicate_rate == prepared.near_duplicate_rate
    assert prepared.near_duplicate_rate == trial.cleaned[1].counts["near_duplicate_rate"]
    assert sum(map(len, inputs.identifiers)) > len(inputs.train)
    assert inputs.train.groups == tuple(r.group for r in prepared.train.records)
    assert (inputs.train.has_groups, inputs.synthetic.has_groups) == (True, False)
    np.testing.assert_array_equal(inputs.synthetic.vectors["counting"], trial.written.vectors)
    np.testing.assert_array_equal(inputs.train.vectors["counting"], trial.embedded.vectors)
    assert len(inputs.control.vectors["counting"]) == len(inputs.control)


def test_the_audits_get_the_parents_of_each_record(trial):
    made, records = trial.inputs.lineage, trial.prepared.train.records
    check_lineage(made, len(trial.inputs.synthetic), len(trial.inputs.train))
    assert {len(rows) for rows in made.parents} == {2}
    (stage,) = [s for s in trial.rounds if s.name == "interpolate"]
    latents = read_latents(stage.folder)
    at = {name: i for i, name in enumerate(latents.ids)}
    for rows, weights, record in zip(made.parents, made.weights, trial.written.records, strict=True):
        i = at[record.latent_id]
        assert {records[row].label for row in rows} == {record.label}
        assert tuple(records[row].id for row in rows) == latents.parent_ids[i]
        assert weights == latents.weights[i]


def test_ids_are_unique_and_cannot_be_computed_without_the_seed(trial):
    synthetic = read_corpus(trial.judged.audited.folder / "synthetic.parquet", "synthetic")
    ids = [r.id for r in synthetic.records]
    assert len(set(ids)) == len(ids) == 15
    assert all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in ids)
    assert synthetic == synthetic_corpus(trial.bench.job(), trial.written)
    other = synthetic_corpus(trial.bench.job(seed=8), trial.written)
    assert not {r.id for r in other.records} & set(ids)
    assert [(r.text, r.label) for r in synthetic.records] == [(c.text, c.label) for c in trial.written.records]
    counts = dict(trial.judged.audited.counts)
    assert re.fullmatch("[0-9a-f]{64}", counts.pop("attempt"))
    assert counts == {"in": 15, "out": 15, "classes": dict.fromkeys(synthetic.counts(), 5)}


def test_the_folder_holds_the_report_and_the_evidence(trial):
    report = json.loads((trial.judged.audited.folder / "audit.json").read_bytes())
    audited = ["memorization", "neighbours", "identifiers", "membership", "parent_recovery", "linkage"]
    assert [r["name"] for r in report["results"]] == audited
    assert json.loads((trial.judged.evaluated.folder / "evaluation.json").read_bytes())
    evidence = (trial.judged.audited.folder / "evidence.json").read_text()
    metrics = {"records.synthetic", "utility.tstr_over_trtr", "balance.tv_distance", "attempts.number"}
    assert json.loads(evidence)["metrics"].keys() >= metrics | {"secret.private", "method.private"}
    for record in (*trial.prepared.train.records, *trial.prepared.control.records):
        assert record.text not in evidence
        assert record.group not in evidence
    n = counted(15)
    assert (n.low, n.value, n.high, n.confidence, n.n) == (15, 15, 15, 1, 15)


def test_a_second_run_reuses_the_audits(trial, monkeypatch):
    monkeypatch.setattr(f"{CHECKED}.of", lambda *_, **__: pytest.fail("the audits ran again"))
    monkeypatch.setattr(trial.bench.encoder, "encode", lambda *_: pytest.fail("a text was encoded"))
    again = trial.judge(trial.bench.job())
    assert all(stage.reused for stage in again)
    assert again.audited.folder == trial.judged.audited.folder


def test_changed_inputs_are_audited_again(trial, quick):
    prepared, written = trial.prepared, trial.written
    fewer = replace(prepared.control, records=prepared.control.records[1:])
    turned = replace(written, records=written.records[::-1], vectors=written.vectors[::-1].copy())
    judged = [
        trial.judge(trial.bench.job(audit={"confidence": 0.99})),
        trial.judge(trial.bench.job(), prepared=replace(prepared, identifiers=None)),
        trial.judge(trial.bench.job(), prepared=replace(prepared, control=fewer)),
        trial.judge(trial.bench.job(), written=turned),
        trial.judge(trial.bench.job(), written=replace(written, filtered="f" * 64)),
        trial.judge(trial.bench.job(seed=8)),
    ]
    assert not any(j.audited.reused for j in judged)
    assert len({j.audited.folder for j in (*judged, trial.judged)}) == 7
    assert trial.judge(trial.bench.job()).audited.reused


def test_a_changed_evaluation_is_computed_again(trial):
    path = trial.judged.evaluated.folder / "evaluation.json"
    before = path.read_bytes()
    path.write_text(path.read_text().replace('"value": 0.', '"value": 1.', 1))
    assert path.read_bytes() != before
    again = trial.judge(trial.bench.job())
    assert not again.evaluated.reused
    assert path.read_bytes() == before


def test_another_synthetic_table_is_another_attempt(trial, monkeypatch):
    seen = []
    monkeypatch.setattr(
        f"{CHECKED}.of", lambda *_, confidence, **__: seen.append(confidence) or checked({"results": []})
    )
    first = json.loads((trial.judged.audited.folder / "evidence.json").read_bytes())["metrics"]
    assert (first["attempts.number"]["value"], first["memorization.estimate"]["confidence"]) == (1, 0.96)
    job = trial.bench.job(ledger="fresh", release={"key": "fresh-keys/releaser.pem"})
    assert trial.judge(job).audited.reused
    columns = ("records", "vectors", "parents", "weights")
    fewer = replace(trial.written, **{name: getattr(trial.written, name)[:9] for name in columns})
    second = json.loads((trial.judge(job, written=fewer).audited.folder / "evidence.json").read_bytes())["metrics"]
    assert second["attempts.number"]["value"] == 2
    assert seen == [pytest.approx(0.992)]
    (trial.bench.root / "fresh" / "attempts.jsonl").write_text("{}")
    with pytest.raises(audits.InputError, match="has 0 entries, but had 2 before"):
        trial.judge(job)
