import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from audits.accounting.audit import Accounting
from audits.core.errors import InputError
from audits.core.types import AuditInputs, Table
from audits.gate.shipped import load_policy
from audits.ledger.budgets import Overspent, all_reservations, spent_so_far
from synthgen.config import Config
from synthgen.core.digest import sha256_file
from synthgen.core.errors import ConfigError
from synthgen.core.tables import read_corpus
from synthgen.run import measure as measuring
from synthgen.run.judge import as_table
from synthgen.run.ledger import ledger_of
from synthgen.run.measure import check_budget, made_digest, measure, priced_reads, queries_of, reserve_budget
from synthgen.stages.interpolate.dp import basis as bases

DP = {"epsilon": 2.0, "delta": 4e-6, "persons": 30}
CHANGES = {
    "interpolate": {"method": "dp-gaussian", "k_neighbors": 5, "total": 15},
    "dp": DP,
    "source": {"id": None},
    "filter": {"class_agreement": None, "language": None, "length": None},
}


@pytest.fixture
def ready(bench, tmp_path, monkeypatch):
    """A bench whose encoder has a public basis, and whose stand-ins count as shipped models."""
    monkeypatch.setattr(measuring, "MODELS", ("counting", "picking"))
    vectors = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    basis = bases.fit_basis(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    held = {"mean": basis.mean, "axes": basis.axes, "variances": basis.variances}
    save_file({k: v.astype(np.float32) for k, v in held.items()}, tmp_path / "counting.safetensors")
    return bench


def asked(bench, **changes):
    """Return job, prepared, measured and the stages of a run up to what was measured."""
    job = bench.job(**{**CHANGES, **changes})
    prepared, embedding, embedded = bench.prepare(job)
    parts = bench.stages[1]
    source = read_corpus(parts.folder / "train.parquet", "train")
    reservation, reserved = reserve_budget(job, parts, load_policy("strict-dp"))
    measured, answered = measure(job, prepared.train, embedded, reservation, embedding.digest)
    return job, prepared, measured, (reserved, answered), source


def test_what_goes_on_is_of_nobody_and_the_audit_agrees_with_the_log(ready):
    _, prepared, measured, (_, answered), _ = asked(ready)
    material = measured.material
    assert {r.text for r in material.train.records} == {""}
    assert not {r.id for r in material.train.records} & {r.id for r in prepared.train.records}
    assert not {r.group for r in material.train.records} & {r.group for r in prepared.train.records}
    train = as_table(prepared.train, {})
    inputs = AuditInputs(synthetic=Table(texts=("a",), labels=("x",), groups=("0",), has_groups=False),
                         train=train, control=train, mechanism=measured.log)  # fmt: skip
    found = Accounting().run(inputs, np.random.default_rng(0), 0.95)
    checks = dict(found.details["checks"])
    assert checks.pop("seeds") == "holds"
    assert set(checks.values()) == {"holds"}, found.reason
    assert found.verdict == "pass"
    assert found.metrics["epsilon_recomputed"].value == pytest.approx(2.0, rel=1e-3)
    assert answered.counts == {"in": len(prepared.train), "out": 3}


def halve(held, name):
    held[name] = [n / 4 for n in held[name]] if isinstance(held[name], list) else held[name] / 2


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda log: halve(log["mechanisms"][0], "noise_multiplier"), "claim"),
        (lambda log: halve(log["mechanisms"][2]["twin"], "noise"), "noise"),
        (lambda log: log["mechanisms"][0].update(unit="record"), "unit"),
        (lambda log: log["mechanisms"][0].update(normaliser={"value": 30.0, "source": "data"}), "normaliser"),
        (lambda log: log["mechanisms"][1]["twin"].update(max_norm=3.0), "clipping"),
        (lambda log: log.update(person_set="0" * 64), "persons"),
        (lambda log: log["reads"].pop(), "reads"),
    ],
)  # fmt: skip
def test_a_log_of_something_else_does_not_pass(ready, spoil, check):
    _, prepared, measured, _, _ = asked(ready)
    log = json.loads(json.dumps(measured.log))
    spoil(log)
    train = as_table(prepared.train, {})
    inputs = AuditInputs(synthetic=train, train=train, control=train, mechanism=log)
    found = Accounting().run(inputs, np.random.default_rng(0), 0.95)
    assert found.verdict != "pass"
    assert dict(found.details["checks"])[check] != "holds"


def test_one_run_pays_once_and_goes_on_where_it_was_stopped(ready):
    job, _, first, stages, _ = asked(ready)
    _, _, again, kept, _ = asked(ready)
    assert [stage.reused for stage in kept] == [True, True]
    assert again.log == first.log
    assert len(all_reservations(*ledger_of(job.config))) == 1
    assert spent_so_far(*ledger_of(job.config)).epsilon == 2.0
    assert made_digest(stages[1].folder) == made_digest(kept[1].folder)


def test_the_second_run_that_would_overspend_reads_nothing(ready):
    asked(ready)
    with pytest.raises(Overspent) as refused:
        asked(ready, dp={**DP, "epsilon": 1.5})
    assert refused.value.exit_code == 5


def test_an_answer_that_was_exchanged_is_not_written_from(ready):
    _, _, _, (_, answered), _ = asked(ready)
    path = answered.folder / "classes.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    done = json.loads((answered.folder / "done.json").read_bytes())
    done["files"][path.name] = sha256_file(path)
    (answered.folder / "done.json").write_text(json.dumps(done))
    with pytest.raises(InputError, match="does not book"):
        asked(ready)


@pytest.mark.parametrize(
    "changes",
    [
        {"decode": {"manner": "./own"}}, {"decode": {"bridge": "./refined"}}, {"decode": {"model": "./finetuned"}},
        {"embed": {"model": "./encoder"}},
    ],
)  # fmt: skip
def test_what_may_have_learnt_from_the_records_is_no_public_model(ready, changes):
    given = {**CHANGES, **{k: {**v, **changes.get(k, {})} for k, v in CHANGES.items() if k != "dp"}, **changes}
    assert measuring.is_public(ready.job(**CHANGES).config)
    assert not measuring.is_public(ready.job(**given).config)


def test_a_model_of_ones_own_is_a_read_that_nobody_accounts_for(ready, monkeypatch):
    monkeypatch.setattr(measuring, "MODELS", ())
    _, _, measured, _, _ = asked(ready)
    (read,) = [one for one in measured.log["reads"] if one["kind"] == "model-training"]
    assert read["status"] == "unaccounted"


@pytest.mark.parametrize("stop", ["note_draw", "made_digest"])
def test_a_stop_before_the_noise_costs_nothing_more_and_one_after_it_does(ready, monkeypatch, stop):
    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(measuring, stop, stopped)
        with pytest.raises(KeyboardInterrupt):
            asked(ready)
    if stop == "note_draw":
        job, *_ = asked(ready)
        assert [one["epsilon"] for one in all_reservations(*ledger_of(job.config))] == [2.0]
        return
    with pytest.raises(Overspent, match="drew its noise before"):
        asked(ready)


def test_a_ledger_of_before_is_seen(ready, tmp_path):
    asked(ready)
    (tmp_path / "ledger" / "attempts.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="entries"):
        asked(ready)


def test_a_public_run_says_where_its_noise_comes_from_and_another_seed_draws_other_noise(ready):
    _, _, measured, _, _ = asked(ready)
    digests = [m["seed_digest"] for m in measured.log["mechanisms"]]
    assert None not in digests
    assert len(set(digests)) == len(digests)


def test_a_secret_run_has_noise_without_a_seed(ready):
    _, _, measured, _, _ = asked(ready, secret="workspace")
    assert {m["seed_digest"] for m in measured.log["mechanisms"]} == {None}


def config(**changes):
    given = {
        "version": 1, "source": {"path": "n.jsonl", "group": "p", "labels": ["a", "b"]},
        "interpolate": {"method": "dp-gaussian", "total": 10}, "dp": DP, "filter": {"language": None, "length": None},
    }  # fmt: skip
    return Config.parse({**given, **changes})


def test_what_reads_private_text_beside_the_budget_is_refused_all_at_once():
    assert config().dp.epsilon == 2.0
    with pytest.raises(ConfigError) as refused:
        config(source={"path": "n.jsonl"}, filter={}, decode={"adapt": {}},
               interpolate={"method": "dp-gaussian", "total": 10, "balance": "as-source"})  # fmt: skip
    said = str(refused.value)
    for name in (
        "source.labels",
        "source.group",
        "balance as-source",
        "decode.adapt",
        "filter.length",
    ):
        assert name in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dp": {}}, "go together"),
        ({"interpolate": {"method": "smote", "total": 10}}, "go together"),
        ({"dp": {"epsilon": 1.0}}, "needs delta and persons"),
        ({"dp": {"persons": 10}}, "belong to an epsilon"),
        ({"interpolate": {"method": "dp-gaussian", "total": 10, "alpha": 1.0}}, "belongs to other methods"),
        ({"segments": {}}, "segments learns headings"),
        ({"dp": {**DP, "shares": {"words": 0.5}}}, "words of nothing"),
        ({"source": {"path": "n", "group": "p", "labels": ["a"], "id": "i"}}, "source.id lets one"),
    ],
)
def test_combinations_that_promise_nothing_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        config(**changes)


def test_a_policy_of_differential_privacy_asks_for_it_and_for_enough():
    policy = load_policy("strict-dp")
    check_budget(config(), load_policy("research"))
    with pytest.raises(ConfigError, match="has none"):
        check_budget(Config.parse({"version": 1, "source": {"path": "n"}, "interpolate": {"total": 10}}), policy)
    with pytest.raises(ConfigError, match="allows less") as refused:
        check_budget(config(dp={**DP, "epsilon": 4.0, "delta": 1e-3}), policy)
    assert len(refused.value.problems) == 2
    check_budget(config(), policy)


def test_the_plan_has_a_price_for_every_read():
    reads = dict(priced_reads(config(decode={"manner": "auto"})))
    assert {"class-means", "spread", "boundary", "manner"} < set(reads)
    whole = sum((30 if name == "boundary" else 1) / q.noise_multiplier**2
                for name, q in queries_of(config(decode={"manner": "auto"})).items())  # fmt: skip
    alone = sum((30 if name == "boundary" else 1) / q.noise_multiplier**2 for name, q in queries_of(config()).items())
    assert whole == pytest.approx(alone, rel=1e-6)  # a fourth query makes the others noisier, and costs nothing more
