import json
import resource
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from audits.attacks.accounting.accounting_audit import Accounting
from audits.attacks.accounting.mechanism_log import DECLARABLE
from audits.core.errors import InputError
from audits.core.types import AuditInputs
from audits.gate.shipped import load_policy
from audits.ledger.budgets import Overspent, all_reservations, note_made
from synthgen.core.digest import sha256_file
from synthgen.core.errors import StorageError
from synthgen.core.seeds import SeedTree
from synthgen.dp import basis as bases
from synthgen.dp import gaussian
from synthgen.dp import measure as measuring
from synthgen.dp import sealed_result as answer
from synthgen.dp.basis import fit_basis
from synthgen.dp.class_queries import class_scores
from synthgen.dp.measure import measure
from synthgen.dp.reserve import check_remaining_budget, reserve_budget
from synthgen.dp.sealed_result import made_digest
from synthgen.pipeline import prepare
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.judge import as_table


def run_measure(bench, **changes):
    """Return the job, the train records, the results, both stages, and the reservations of the ledger."""
    job = bench.job(**{**bench.changes, **changes})
    prepared, _, embedded = bench.prepare(job)
    reservation, reserved = reserve_budget(job, load_policy("strict-dp"))
    measured, stage = measure(job, prepared.train, embedded, reservation, embedded.encoder)
    found = {"train": prepared.train, "measured": measured, "reserved": reserved, "stage": stage}
    return SimpleNamespace(job=job, **found, booked=all_reservations(*ledger_of(job.config)))


def audited(train, log):
    table = as_table(train, {})
    inputs = AuditInputs(synthetic=table, train=table, control=table, mechanism=log)
    return Accounting().run(inputs, np.random.default_rng(0), 0.95)


def run_with(bench, monkeypatch, module, name, replacement, error=KeyboardInterrupt):
    """Run with a function replaced by one that raises the error."""
    with monkeypatch.context() as patch:
        patch.setattr(module, name, replacement)
        with pytest.raises(error):
            run_measure(bench)


def stopped(*_):
    raise KeyboardInterrupt


def test_later_stages_get_no_train_record_and_the_audit_agrees_with_the_log(ready):
    run = run_measure(ready)
    substitutes = run.measured.training_view.train.records
    assert {r.text for r in substitutes} == {""}
    for field in ("id", "group"):
        assert not {getattr(r, field) for r in substitutes} & {getattr(r, field) for r in run.train.records}
    found = audited(run.train, run.measured.log)
    checks = dict(found.details["checks"])
    assert "seeds" in checks
    assert set(checks.values()) == {"holds"}, found.reason
    assert (found.verdict, found.metrics["epsilon_recomputed"].value) == ("pass", pytest.approx(2.0, rel=1e-3))
    assert run.stage.counts == {"in": len(run.train), "out": 3}
    assert found.details["outside_reads"] == [*DECLARABLE]  # no release policy is known yet


def halve(entry, name):
    entry[name] = [n / 4 for n in entry[name]] if isinstance(entry[name], list) else entry[name] / 2


SPOILT = (
    (lambda log: halve(log["mechanisms"][0], "noise_multiplier"), "claim"),
    (lambda log: halve(log["mechanisms"][1]["dry_run"], "noise"), "noise"),
    (lambda log: log["mechanisms"][0].update(unit="record"), "unit"),
    (lambda log: log["mechanisms"][0].update(normaliser={"value": 30.0, "source": "data"}), "normaliser"),
    (lambda log: log["mechanisms"][1]["dry_run"].update(max_norm=3.0), "clipping"),
    (lambda log: log.update(person_set="0" * 64), "persons"),
    (lambda log: log["reads"].pop(), "reads"),
    (lambda log: log["replay"].update(results="broken"), "replay"),
    (lambda log: log.pop("replay"), "replay"),
    (lambda log: log["mechanisms"][1]["dry_run"].update(largest_row=0.1), "clipping"),
    (lambda log: log["mechanisms"][1].update(dry_run=log["mechanisms"][0]["dry_run"]), "noise"),
)


def test_audit_rejects_altered_mechanism_logs(ready):
    run = run_measure(ready)
    for spoil, check in SPOILT:
        log = json.loads(json.dumps(run.measured.log))
        spoil(log)
        found = audited(run.train, log)
        assert found.verdict != "pass", check
        assert dict(found.details["checks"])[check] != "holds", check


def test_with_style_votes_the_result_holds_the_chosen_styles(village_bench):
    run = run_measure(village_bench, decode={"style": "auto"})
    stored = json.loads((run.stage.folder / "style.json").read_bytes())["shares"]
    assert run.measured.shares == tuple((name, share) for name, share in stored)
    assert [cost["kind"] for cost in run.measured.log["mechanisms"]] == ["gaussian", "gaussian", "vote"]


def test_words_are_queried_once_and_the_number_of_prompt_words_changes_the_digest(ready, monkeypatch):
    basis = bases.load_basis("counting")
    arrays = {"frequency": np.full(3, 0.1), "table": basis.axes[:3], "centre": basis.mean}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    vocabulary = SimpleNamespace(words=("fever", "river", "garden"), **arrays)
    monkeypatch.setattr(measuring, "public_words", lambda _: vocabulary)
    more, fewer = (run_measure(ready, decode={"words": words}) for words in (3, 2))
    assert fewer.stage.reused
    assert (fewer.stage.digest, len(fewer.booked)) == (more.stage.digest, 1)
    views = [run.measured.training_view for run in (more, fewer)]
    assert [view.draws(None).words_per_vector for view in views] == [3, 2]
    assert views[0].digest != views[1].digest  # so that texts written from more words are not reused


def test_repeated_run_spends_the_budget_once(ready):
    first, again = run_measure(ready), run_measure(ready)
    assert [again.reserved.reused, again.stage.reused] == [True, True]
    assert (again.measured.log, len(again.booked)) == (first.measured.log, 1)
    assert [one["epsilon"] for one in again.booked] == [2.0]
    assert made_digest(first.stage.folder) == made_digest(again.stage.folder)


def test_run_that_would_overspend_and_exchanged_result_are_rejected(ready):
    stage = run_measure(ready).stage
    with pytest.raises(Overspent) as refused:
        run_measure(ready, dp={**ready.changes["dp"], "epsilon": 2.5})
    assert refused.value.exit_code == 5
    path = stage.folder / "classes.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    done = json.loads((stage.folder / "done.json").read_bytes())
    done["files"][path.name] = sha256_file(path)
    (stage.folder / "done.json").write_text(json.dumps(done))
    with pytest.raises(InputError, match="has no entry for the result"):
        run_measure(ready)


def test_file_planted_before_the_draw_is_ignored(ready, monkeypatch):
    def planted(job, *given):
        (partial,) = (job.workspace.root / "stages").glob("measure-*.partial")
        (partial / "style.json").write_text(json.dumps({"shares": [["clinical-note", 1.0]], "votes": {}}))
        raise KeyboardInterrupt

    run_with(ready, monkeypatch, measuring, "account_for", planted)
    run = run_measure(ready)
    assert run.measured.shares is None
    assert not (run.stage.folder / "style.json").exists()


@pytest.mark.parametrize("stop", ["note_draw", "made_digest"])
def test_stop_before_the_draw_keeps_the_budget_and_a_stop_after_it_does_not(ready, monkeypatch, stop):
    run_with(ready, monkeypatch, measuring if stop == "note_draw" else answer, stop, stopped)
    if stop == "note_draw":
        assert [one["epsilon"] for one in run_measure(ready).booked] == [2.0]
        return
    with pytest.raises(Overspent, match="has already drawn its noise"):
        run_measure(ready)


def test_a_disk_without_room_for_the_result_is_refused_before_the_draw(ready):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (measuring.RESULT_BYTES // 2, limits[1]))
    try:
        with pytest.raises(InputError, match=r"bytes cannot be written \(File too large.* MiB are needed"):
            run_measure(ready)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [one["epsilon"] for one in run_measure(ready).booked] == [2.0]


def test_result_booked_before_a_stop_is_reused(ready, monkeypatch):
    def booked_and_stopped(*given):
        note_made(*given)
        raise KeyboardInterrupt

    run_with(ready, monkeypatch, answer, "note_made", booked_and_stopped)
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "PrivateMechanism", lambda _: None)  # no query is run again
        run = run_measure(ready)
    folder = run.stage.folder
    assert run.measured.log["mechanisms"]
    assert [one["state"] for one in run.booked] == ["made"]
    kept = (folder / "classes.safetensors").rename(folder.with_name("kept"))
    (folder / ".DS_Store").write_text("")
    with pytest.raises(StorageError, match="budget is spent") as refused:
        run_measure(ready)
    assert list(refused.value.problems) == [".DS_Store: added", "classes.safetensors: missing"]
    kept.rename(folder / "classes.safetensors")
    (folder / ".DS_Store").unlink()
    again = run_measure(ready)
    assert again.stage.reused
    assert len(again.booked) == 1


def test_only_a_sealed_result_is_booked_by_the_next_run(ready, monkeypatch):
    def unreachable(*_):
        raise InputError("the ledger cannot be used")

    run_with(ready, monkeypatch, answer, "note_made", unreachable, InputError)
    (partial,) = (ready.job(**ready.changes).workspace.root / "stages").glob("measure-*.partial")
    whole = partial / "classes.safetensors"
    data = whole.read_bytes()
    whole.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # an attacker could insert a result with less noise
    with pytest.raises(StorageError, match="budget is spent"):
        run_measure(ready)
    whole.write_bytes(data)
    (partial / "more.safetensors").write_bytes(data)
    with pytest.raises(StorageError, match="budget is spent"):  # nothing is deleted
        run_measure(ready)
    config = ready.job(**ready.changes).config
    assert not check_remaining_budget(config, load_policy("strict-dp"))[1]  # the seal does not match the result
    (partial / "more.safetensors").unlink()
    assert check_remaining_budget(config, load_policy("strict-dp"))[1]
    run = run_measure(ready)
    assert (run.stage.folder / whole.name).read_bytes() == data
    assert [one["state"] for one in run.booked] == ["made"]


def test_changed_read_settings_do_not_spend_the_budget_again(ready):
    run_measure(ready)
    for changes in {"source": {"id": None, "max_bad_rows": 0.02}}, {"split": {"train": 0.6, "control": 0.4}}:
        with pytest.raises(Overspent, match="has already drawn its noise") as refused:
            run_measure(ready, **changes)
        assert "Restore the configuration, data and version" in refused.value.hint
    again = run_measure(ready)
    assert again.stage.reused
    assert len(again.booked) == 1


def test_a_spent_dp_result_is_used_after_an_upgrade_of_an_unrelated_stage(ready, monkeypatch):
    first = run_measure(ready)
    for name in ("LOAD", "SPLIT", "DEIDENTIFY", "EMBED"):
        stage = getattr(prepare, name)
        monkeypatch.setattr(prepare, name, replace(stage, version=stage.version + 1))
    monkeypatch.setattr("synthgen.core.made_by.version", lambda _name: "another")
    again = run_measure(ready)
    assert again.stage.reused
    assert (again.measured.log, len(again.booked)) == (first.measured.log, 1)


def test_log_contains_noise_seeds_only_with_a_public_secret_and_a_rolled_back_ledger_is_detected(ready, tmp_path):
    digests = [m["seed_digest"] for m in run_measure(ready).measured.log["mechanisms"]]
    assert None not in digests
    assert len(set(digests)) == len(digests)
    private = run_measure(ready, secret="workspace", dp={**ready.changes["dp"], "epsilon": 0.9})
    assert {m["seed_digest"] for m in private.measured.log["mechanisms"]} == {None}
    (tmp_path / "ledger" / "attempts.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="entries"):
        run_measure(ready)


def test_classifier_fitted_to_substitutes_finds_the_learned_discriminant():
    rng = np.random.default_rng(2)
    axes = rng.normal(size=(400, 64)) * np.linspace(1, 0.3, 64)
    basis = fit_basis((axes / np.linalg.norm(axes, axis=1, keepdims=True)).astype(np.float32))
    apart = 0.004 * rng.normal(size=64)
    points, spread = np.array([apart, -apart]), np.diag(np.sqrt(basis.variances))
    learned = gaussian.ClassModel(labels=("a", "b"), basis=basis, points=points, spread=spread)

    drawn = measuring.substitutes(learned, learned.labels, "any", SeedTree(1))
    fitted = LogisticRegression(C=100, max_iter=5000).fit(drawn.vectors.astype(np.float64), drawn.labels)
    anywhere = basis.vectors_at(points[rng.integers(0, 2, 4000)] + rng.normal(size=(4000, 64)) @ spread.T)
    wanted = class_scores(basis.coordinates_of(anywhere), points, spread).argmax(axis=1)
    assert (np.array(learned.labels)[wanted] == fitted.predict(anywhere.astype(np.float64))).mean() > 0.91
