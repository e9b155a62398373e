import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from audits.attacks.accounting.accounting_audit import Accounting
from audits.core.errors import InputError
from audits.core.types import AuditInputs, Table
from audits.gate.shipped import load_policy
from audits.ledger.budgets import Overspent, all_reservations, note_made, spent_so_far
from synthgen.core.digest import sha256_file
from synthgen.core.errors import StorageError
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus
from synthgen.dp import basis as bases
from synthgen.dp import gaussian
from synthgen.dp import measure as measuring
from synthgen.dp import sealed_result as answer
from synthgen.dp.basis import fit_basis
from synthgen.dp.class_queries import class_scores
from synthgen.dp.measure import measure
from synthgen.dp.reserve import check_room, reserve_budget
from synthgen.dp.sealed_result import made_digest
from synthgen.pipeline import prepare
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.ledger import ledger_of

EMPTY = Corpus(role="control", records=(), has_groups=True)
DP = {"epsilon": 2.0, "delta": 4e-6, "persons": 30}
CHANGES = {
    "interpolate": {"method": "dp-gaussian", "k_neighbors": 5, "total": 15},
    "dp": DP,
    "source": {"id": None},
    "filter": {"class_agreement": None, "language": None, "length": None},
}


def run_measure(bench, **changes):
    """Return job, prepared data, measured result, its stages and the train source."""
    job = bench.job(**{**CHANGES, **changes})
    prepared, _, embedded = bench.prepare(job)
    parts = bench.stages[1]
    source = read_corpus(parts.folder / "train.parquet", "train")
    reservation, reserved = reserve_budget(job, load_policy("strict-dp"), EMPTY, EMPTY)
    measured, answered = measure(job, prepared.train, embedded, reservation, embedded.encoder)
    return job, prepared, measured, (reserved, answered), source


def test_later_stages_get_no_train_record_and_the_audit_agrees_with_the_log(ready):
    _, prepared, measured, (_, answered), _ = run_measure(ready)
    training_view = measured.training_view
    assert {r.text for r in training_view.train.records} == {""}
    assert not {r.id for r in training_view.train.records} & {r.id for r in prepared.train.records}
    assert not {r.group for r in training_view.train.records} & {r.group for r in prepared.train.records}
    train = as_table(prepared.train, {})
    inputs = AuditInputs(
        synthetic=Table(texts=("a",), labels=("x",), groups=("0",), has_groups=False),
        train=train,
        control=train,
        mechanism=measured.log,
    )
    found = Accounting().run(inputs, np.random.default_rng(0), 0.95)
    checks = dict(found.details["checks"])
    assert checks.pop("seeds") == "holds"
    assert set(checks.values()) == {"holds"}, found.reason
    assert found.verdict == "pass"
    assert found.metrics["epsilon_recomputed"].value == pytest.approx(2.0, rel=1e-3)
    assert answered.counts == {"in": len(prepared.train), "out": 3}
    assert found.details["outside_reads"] == ["audit-numbers"]  # one draw may leave under any policy


def halve(held, name):
    held[name] = [n / 4 for n in held[name]] if isinstance(held[name], list) else held[name] / 2


SPOILT = (
    (lambda log: halve(log["mechanisms"][0], "noise_multiplier"), "claim"),
    (lambda log: halve(log["mechanisms"][2]["dry_run"], "noise"), "noise"),
    (lambda log: log["mechanisms"][0].update(unit="record"), "unit"),
    (lambda log: log["mechanisms"][0].update(normaliser={"value": 30.0, "source": "data"}), "normaliser"),
    (lambda log: log["mechanisms"][1]["dry_run"].update(max_norm=3.0), "clipping"),
    (lambda log: log.update(person_set="0" * 64), "persons"),
    (lambda log: log["reads"].pop(), "reads"),
)


def test_a_log_of_something_else_does_not_pass(ready):
    _, prepared, measured, _, _ = run_measure(ready)
    train = as_table(prepared.train, {})
    for spoil, check in SPOILT:
        log = json.loads(json.dumps(measured.log))
        spoil(log)
        inputs = AuditInputs(synthetic=train, train=train, control=train, mechanism=log)
        found = Accounting().run(inputs, np.random.default_rng(0), 0.95)
        assert found.verdict != "pass", check
        assert dict(found.details["checks"])[check] != "holds", check


def test_with_style_votes_the_result_holds_the_chosen_styles(village_bench):
    _, _, measured, (_, answered), _ = run_measure(village_bench, decode={"style": "auto"})
    stored = json.loads((answered.folder / "style.json").read_bytes())["shares"]
    assert measured.shares == tuple((name, share) for name, share in stored)
    assert [cost["kind"] for cost in measured.log["mechanisms"]] == ["gaussian", "gaussian", "gaussian", "vote"]


def test_words_are_queried_once_and_the_number_of_prompt_words_changes_the_digest(ready, monkeypatch):
    basis = bases.load_basis("counting")
    vocabulary = SimpleNamespace(
        words=("fever", "river", "garden"),
        frequency=np.full(3, 0.1, dtype=np.float32),
        table=basis.axes[:3].astype(np.float32),
        centre=basis.mean.astype(np.float32),
    )
    monkeypatch.setattr(measuring, "public_words", lambda _: vocabulary)
    (job, _, more, (_, answered), _), (_, _, fewer, (_, again), _) = (
        run_measure(ready, decode={"words": words}) for words in (3, 2)
    )
    assert again.reused
    assert again.digest == answered.digest
    assert len(all_reservations(*ledger_of(job.config))) == 1
    assert [m.training_view.draws(None).words_per_vector for m in (more, fewer)] == [3, 2]
    assert (
        more.training_view.digest != fewer.training_view.digest
    )  # so that texts written from more words are not reused


def test_one_run_pays_once_and_goes_on_where_it_was_stopped(ready):
    job, _, first, stages, _ = run_measure(ready)
    _, _, again, kept, _ = run_measure(ready)
    assert [stage.reused for stage in kept] == [True, True]
    assert again.log == first.log
    assert len(all_reservations(*ledger_of(job.config))) == 1
    assert spent_so_far(*ledger_of(job.config)).epsilon == 2.0
    assert made_digest(stages[1].folder) == made_digest(kept[1].folder)


def test_the_second_run_that_would_overspend_reads_nothing(ready):
    run_measure(ready)
    with pytest.raises(Overspent) as refused:
        run_measure(ready, dp={**DP, "epsilon": 1.5})
    assert refused.value.exit_code == 5


def test_an_answer_that_was_exchanged_is_not_written_from(ready):
    _, _, _, (_, answered), _ = run_measure(ready)
    path = answered.folder / "classes.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    done = json.loads((answered.folder / "done.json").read_bytes())
    done["files"][path.name] = sha256_file(path)
    (answered.folder / "done.json").write_text(json.dumps(done))
    with pytest.raises(InputError, match="has no entry for the result"):
        run_measure(ready)


def test_a_file_that_was_put_there_before_the_draw_is_no_answer(ready, monkeypatch):
    def planted(job, *given):
        (partial,) = (job.workspace.root / "stages").glob("measure-*.partial")
        (partial / "style.json").write_text(json.dumps({"shares": [["clinical-note", 1.0]], "votes": {}}))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(measuring, "account_for", planted)
        with pytest.raises(KeyboardInterrupt):
            run_measure(ready)
    _, _, measured, (_, answered), _ = run_measure(ready)
    assert measured.shares is None
    assert not (answered.folder / "style.json").exists()


@pytest.mark.parametrize("stop", ["note_draw", "made_digest"])
def test_a_stop_before_the_noise_costs_nothing_more_and_one_after_it_does(ready, monkeypatch, stop):
    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((measuring, stop) if stop == "note_draw" else (answer, stop)), stopped)
        with pytest.raises(KeyboardInterrupt):
            run_measure(ready)
    if stop == "note_draw":
        job, *_ = run_measure(ready)
        assert [one["epsilon"] for one in all_reservations(*ledger_of(job.config))] == [2.0]
        return
    with pytest.raises(Overspent, match="drew its noise before"):
        run_measure(ready)


def test_an_answer_that_was_booked_before_a_stop_is_taken_up_as_it_is(ready, monkeypatch):
    def booked_and_stopped(*given):
        note_made(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(answer, "note_made", booked_and_stopped)
        with pytest.raises(KeyboardInterrupt):
            run_measure(ready)
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "PrivateMechanism", lambda _: None)  # no query is run again
        job, _, measured, (_, answered), _ = run_measure(ready)
    assert measured.log["mechanisms"]
    assert [one["state"] for one in all_reservations(*ledger_of(job.config))] == ["made"]
    kept = (answered.folder / "classes.safetensors").rename(answered.folder.with_name("kept"))
    (answered.folder / ".DS_Store").write_text("")
    with pytest.raises(StorageError, match="budget is spent") as refused:
        run_measure(ready)
    assert list(refused.value.problems) == [".DS_Store: added", "classes.safetensors: missing"]
    kept.rename(answered.folder / "classes.safetensors")
    (answered.folder / ".DS_Store").unlink()
    assert run_measure(ready)[3][1].reused
    assert len(all_reservations(*ledger_of(job.config))) == 1


def test_only_a_sealed_result_is_booked_by_the_next_run(ready, monkeypatch):
    def away(*_):
        raise InputError("the ledger cannot be used")

    with monkeypatch.context() as patch:
        patch.setattr(answer, "note_made", away)
        with pytest.raises(InputError):
            run_measure(ready)
    (partial,) = (ready.job(**CHANGES).workspace.root / "stages").glob("measure-*.partial")
    whole = partial / "classes.safetensors"
    data = whole.read_bytes()
    whole.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # as somebody would who has an answer with less noise
    with pytest.raises(StorageError, match="budget is spent"):
        run_measure(ready)
    whole.write_bytes(data)
    (partial / "more.safetensors").write_bytes(data)
    with pytest.raises(StorageError, match="budget is spent"):  # and nothing of it is thrown away
        run_measure(ready)
    config = ready.job(**CHANGES).config
    with pytest.raises(Overspent, match="does not cover this run"):  # what is sealed there is not that answer
        check_room(config, load_policy("strict-dp"))
    (partial / "more.safetensors").unlink()
    assert check_room(config, load_policy("strict-dp"))[1]
    job, _, _, (_, answered), _ = run_measure(ready)
    assert (answered.folder / whole.name).read_bytes() == data
    assert [one["state"] for one in all_reservations(*ledger_of(job.config))] == ["made"]


@pytest.mark.parametrize(
    "changes", [{"source": {"id": None, "max_bad_rows": 0.02}}, {"split": {"train": 0.6, "control": 0.4}}]
)
def test_changed_read_settings_do_not_spend_the_budget_again(ready, changes):
    job, *_ = run_measure(ready)
    with pytest.raises(Overspent, match="drew its noise before") as refused:
        run_measure(ready, **changes)
    assert "restore the configuration, data and version" in refused.value.hint
    assert run_measure(ready)[3][1].reused
    assert len(all_reservations(*ledger_of(job.config))) == 1


def test_a_spent_dp_result_is_used_after_an_upgrade_of_an_unrelated_stage(ready, monkeypatch):
    job, _, first, _, _ = run_measure(ready)
    for name in ("LOAD", "SPLIT", "DEIDENTIFY", "EMBED"):
        stage = getattr(prepare, name)
        monkeypatch.setattr(prepare, name, replace(stage, version=stage.version + 1))
    monkeypatch.setattr("synthgen.core.made_by.version", lambda _name: "another")
    _, _, again, (_, answered), _ = run_measure(ready)
    assert answered.reused
    assert again.log == first.log
    assert len(all_reservations(*ledger_of(job.config))) == 1


def test_a_ledger_of_before_is_seen(ready, tmp_path):
    run_measure(ready)
    (tmp_path / "ledger" / "attempts.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="entries"):
        run_measure(ready)


def test_a_public_run_says_where_its_noise_comes_from(ready):
    _, _, measured, _, _ = run_measure(ready)
    digests = [m["seed_digest"] for m in measured.log["mechanisms"]]
    assert None not in digests
    assert len(set(digests)) == len(digests)


def test_a_secret_run_has_noise_without_a_seed(ready):
    _, _, measured, _, _ = run_measure(ready, secret="workspace")
    assert {m["seed_digest"] for m in measured.log["mechanisms"]} == {None}


def test_a_classifier_of_the_stand_ins_finds_the_boundary_that_was_learned_between_near_classes():
    rng = np.random.default_rng(2)
    axes = rng.normal(size=(400, 64)) * np.linspace(1, 0.3, 64)
    basis = fit_basis((axes / np.linalg.norm(axes, axis=1, keepdims=True)).astype(np.float32))
    apart, scales = 0.004 * rng.normal(size=64), gaussian.scales_of(basis)
    points = np.array([apart, -apart])
    weights = np.vstack([(points / basis.variances / scales).T, np.zeros((1, 2))])
    spread = np.diag(np.sqrt(basis.variances))
    learned = gaussian.ClassModel(labels=("a", "b"), basis=basis, points=points, spread=spread, weights=weights)

    stood_in = measuring.stand_ins(learned, learned.labels, "any", SeedTree(1))
    fitted = LogisticRegression(C=100, max_iter=5000).fit(stood_in.vectors.astype(np.float64), stood_in.labels)
    anywhere = basis.outward(points[rng.integers(0, 2, 4000)] + rng.normal(size=(4000, 64)) @ spread.T)
    whose = class_scores(basis.inward(anywhere), weights, scales).argmax(axis=1)
    assert (np.array(learned.labels)[whose] == fitted.predict(anywhere.astype(np.float64))).mean() > 0.91
