import pytest

from audits.attacks.accounting.accounting_audit import Accounting
from audits.attacks.accounting.mechanism_log import DECLARABLE, READS
from audits.core.errors import NotMeasurable
from audits.gate.shipped import load_policy
from audits.ledger.budgets import all_reservations
from synthgen.core.errors import ConfigError
from synthgen.dp import planned_queries as planned
from synthgen.dp.accounting_log import with_later_accesses
from synthgen.dp.measure import measure
from synthgen.dp.reserve import reserve_budget
from synthgen.pipeline.institution import ledger_of

SMALL = {"epsilon": 0.9, "delta": 4e-6, "persons": 30}


def logged(bench, **changes):
    """Return the mechanism log of a run."""
    job = bench.job(**{**bench.changes, **changes})
    prepared, embedding, embedded = bench.prepare(job)
    reservation, _ = reserve_budget(job, load_policy("strict-dp"))
    return measure(job, prepared.train, embedded, reservation, embedding.digest)[0].log


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        *(("decode", "style", "./own"), ("decode", "bridge", "./refined"), ("decode", "model", "./finetuned")),
        ("embed", "model", "./encoder"),
    ],
)
def test_models_that_may_be_trained_on_the_records_are_not_public(ready, section, key, value):
    given = {**ready.changes, section: {key: value}}
    config = ready.job(**given).config
    assert planned.is_public(ready.job(**ready.changes).config)
    assert not planned.is_public(config)
    planned.check_budget(config, load_policy("research"))  # a public secret makes the run a study
    with pytest.raises(ConfigError, match="the budget does not cover"):
        planned.check_budget(ready.job(**given, secret="workspace").config, load_policy("strict-dp"))


def test_a_custom_model_is_unaccounted_and_no_noise_is_drawn(ready, monkeypatch):
    def unable(*_):
        raise NotMeasurable("too few persons")

    with monkeypatch.context() as patch:
        patch.setattr(planned, "MODELS", ())
        (read,) = [one for one in logged(ready)["reads"] if one["kind"] == "model-training"]
        assert read["status"] == "unaccounted"  # allowed, because a public secret makes the run a study
        with pytest.raises(ConfigError, match="accounting audit would fail") as refused:
            logged(ready, secret="workspace", dp=SMALL)
        assert "model-training" in refused.value.problems[0]
    with monkeypatch.context() as patch:
        patch.setattr(Accounting, "run", unable)
        with pytest.raises(ConfigError, match="accounting audit would fail") as refused:
            logged(ready, secret="workspace", dp=SMALL)
        assert refused.value.problems == ("too few persons",)
    job = ready.job(**ready.changes, secret="workspace")
    assert [one["state"] for one in all_reservations(*ledger_of(job.config))] == ["made", "reserve"]
    log = logged(ready, secret="workspace", dp=SMALL)  # the run continues with its own reservation
    (other,) = log["releases"]  # `spent` is composed from its mechanisms, not from its claimed cost
    assert (other["cost"]["epsilon"], len(other["mechanisms"])) == (2.0, len(log["mechanisms"]))
    assert log["spent"]["delta"] == 4e-6
    assert 2.0 < log["spent"]["epsilon"] < 2.9
    assert [one["state"] for one in all_reservations(*ledger_of(job.config))] == ["made", "made"]


NONE, AUDITED = {"filter-against-train": "none"}, {"release-gate": "outside", "input-checks": "outside"}
FIRST = {"hyper-parameters": "none", "retries": "none"}
LATER = dict.fromkeys(FIRST, "outside")


@pytest.mark.parametrize(
    ("policy", "given", "expected"),
    [
        (
            "strict-dp",
            (0, 0),
            NONE | FIRST | {"release-gate": "none", "input-checks": "outside", "audit-numbers": "none"},
        ),
        ("hospital-external", (0, 0), NONE | FIRST | AUDITED | {"audit-numbers": "outside"}),
        ("hospital-external", (1, 0), NONE | LATER | AUDITED | {"audit-numbers": "outside"}),
        (
            "research",
            (0, 3),
            {"filter-against-train": "unaccounted"} | FIRST | AUDITED | {"audit-numbers": "outside"},
        ),
    ],
)
def test_later_accesses_follow_from_policy_ledger_and_removed_records(policy, given, expected):
    n_earlier, n_removed = given
    log = {
        "release": "r",
        "reads": [
            {"kind": kind, "cost": None, "status": "outside" if kind in DECLARABLE else "none"} for kind in READS
        ],
    }
    found = with_later_accesses(log, load_policy(policy), n_earlier=n_earlier, n_removed=n_removed)
    statuses = {read["kind"]: read["status"] for read in found["reads"]}
    assert list(statuses) == list(READS)
    assert statuses == dict.fromkeys(READS, "none") | expected
    assert found["release"] == "r"


def test_verdicts_without_numbers_are_a_gate_and_no_numbers(releases):
    log = {"reads": [{"kind": kind, "cost": None, "status": "outside"} for kind in ("release-gate", "audit-numbers")]}
    found = with_later_accesses(log, releases.policy_of(releases.DP_POLICY), n_earlier=0, n_removed=0)
    assert [read["status"] for read in found["reads"]] == ["outside", "none"]
