import pytest

from audits.attacks.accounting.accounting_audit import Accounting
from audits.core.errors import NotMeasurable
from audits.gate.shipped import load_policy
from audits.ledger.budgets import all_reservations
from synthgen.core.errors import ConfigError
from synthgen.core.types import Corpus
from synthgen.dp import planned_queries as questions
from synthgen.dp.measure import measure
from synthgen.dp.reserve import reserve_budget
from synthgen.pipeline.ledger import ledger_of

DP = {"epsilon": 2.0, "delta": 4e-6, "persons": 30}
CHANGES = {
    "interpolate": {"method": "dp-gaussian", "k_neighbors": 5, "total": 15},
    "dp": DP,
    "source": {"id": None},
    "filter": {"class_agreement": None, "language": None, "length": None},
}


def logged(bench, **changes):
    """Return what a run up to what was measured logged."""
    job = bench.job(**{**CHANGES, **changes})
    prepared, embedding, embedded = bench.prepare(job)
    nobody = Corpus(role="control", records=(), has_groups=True)
    reservation, _ = reserve_budget(job, load_policy("strict-dp"), nobody, nobody)
    return measure(job, prepared.train, embedded, reservation, embedding.digest)[0].log


@pytest.mark.parametrize(
    "changes",
    [
        {"decode": {"style": "./own"}},
        {"decode": {"bridge": "./refined"}},
        {"decode": {"model": "./finetuned"}},
        {"embed": {"model": "./encoder"}},
        {"deidentify": {"engine": "presidio"}},
    ],
)
def test_what_may_have_learnt_from_the_records_is_no_public_model(ready, changes):
    given = {**CHANGES, **{k: {**v, **changes.get(k, {})} for k, v in CHANGES.items() if k != "dp"}, **changes}
    config = ready.job(**given).config
    assert questions.is_public(ready.job(**CHANGES).config)
    assert not questions.is_public(config)
    questions.check_budget(config, load_policy("research"))  # of a public secret it is a study
    with pytest.raises(ConfigError, match="the budget does not cover"):  # before the draw as after it
        questions.check_budget(ready.job(**given, secret="workspace").config, load_policy("strict-dp"))


def unable(*_):
    raise NotMeasurable("too few persons")


def test_a_custom_model_is_unaccounted_and_no_noise_is_drawn(ready, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(questions, "MODELS", ())
        (read,) = [one for one in logged(ready)["reads"] if one["kind"] == "model-training"]
        assert read["status"] == "unaccounted"  # of a public secret it is a study
        with pytest.raises(ConfigError, match="no accounting would pass") as refused:
            logged(ready, secret="workspace", dp={**DP, "epsilon": 0.9})
        assert "model-training" in refused.value.problems[0]
    with monkeypatch.context() as patch:
        patch.setattr(Accounting, "run", unable)
        with pytest.raises(ConfigError, match="no accounting would pass") as refused:
            logged(ready, secret="workspace", dp={**DP, "epsilon": 0.9})
        assert refused.value.problems == ("too few persons",)
    job = ready.job(**CHANGES, secret="workspace")
    assert [one["state"] for one in all_reservations(*ledger_of(job.config))] == ["made", "reserve"]
    logged(ready, secret="workspace", dp={**DP, "epsilon": 0.9})  # and it goes on with what it reserved
    assert [one["state"] for one in all_reservations(*ledger_of(job.config))] == ["made", "made"]
