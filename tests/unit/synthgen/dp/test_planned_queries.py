import math

import pytest

from audits.gate.shipped import load_policy
from audits.ledger.budgets import Cost
from synthgen.config import Config
from synthgen.core.errors import ConfigError, InternalError
from synthgen.dp import gaussian
from synthgen.dp.planned_queries import (
    check_budget,
    configured_queries,
    mechanisms_of,
    priced_reads,
    queries_of,
    run_limit,
)

DP = {"epsilon": 2.0, "delta": 4e-6, "persons": 30}


def config(**changes):
    given = {
        "version": 1,
        "source": {"path": "n.jsonl", "group": "p", "labels": ["a", "b"]},
        "interpolate": {"method": "dp-gaussian", "total": 10},
        "dp": DP,
        "filter": {"language": None, "length": None},
    }
    return Config.parse({**given, **changes})


@pytest.fixture(autouse=True)
def shipped():
    """The models here are the shipped ones."""


def test_what_reads_private_text_beside_the_budget_is_refused_all_at_once():
    assert config().dp.epsilon == 2.0
    with pytest.raises(ConfigError) as refused:
        config(
            source={"path": "n.jsonl"},
            filter={},
            interpolate={"method": "dp-gaussian", "total": 10, "balance": "as-source"},
        )
    said = str(refused.value)
    for name in ("source.labels", "source.group", "balance as-source", "filter.length"):
        assert name in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dp": {}}, "set both or neither"),
        ({"interpolate": {"method": "smote", "total": 10}}, "set both or neither"),
        ({"dp": {"epsilon": 1.0}}, "requires delta and persons"),
        ({"dp": {"persons": 10}}, "require dp.epsilon"),
        ({"interpolate": {"method": "dp-gaussian", "total": 10, "alpha": 1.0}}, "belongs to other methods"),
        ({"segments": {}}, "segments learns headings"),
        ({"dp": {**DP, "shares": {"words": 0.5}}}, "does not query words"),
        (
            {"dp": {**DP, "shares": {"words": 0.5, "spread": 0.1, "style": 0.1}}},
            "shares: .* does not query words and style",
        ),
        ({"dp": {**DP, "shares": {"votes": 0.5}}}, "dp.shares.votes"),
        ({"dp": {**DP, "adapt": {}}}, "dp.adapt: unknown key"),
        ({"interpolate": {"method": "dp-vote", "total": 10}}, "interpolate.method"),
        ({"source": {"path": "n", "group": "p", "labels": ["a"], "id": "i"}}, "source.id lets the ids"),
    ],
)
def test_combinations_without_a_privacy_guarantee_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said) as refused:
        config(**changes)
    assert "Config(" not in str(refused.value)  # in the file's words, not in ours


def test_without_a_budget_nothing_is_sampled_or_priced():
    without = config(interpolate={"method": "smote", "total": 10}, dp={})
    assert priced_reads(without) == ()
    with pytest.raises(InternalError, match="without a budget"):
        queries_of(without)


def test_without_a_bound_of_the_policy_delta_is_held_to_the_persons_and_of_a_study_nothing():
    inside = load_policy("research")
    assert run_limit(config(), inside) == Cost(epsilon=math.inf, delta=1 / 300)
    assert run_limit(config(secret="public"), inside) is None


def test_a_policy_of_differential_privacy_asks_for_it_and_for_enough():
    policy = load_policy("strict-dp")
    check_budget(config(), load_policy("research"))
    with pytest.raises(ConfigError, match="has none"):
        check_budget(Config.parse({"version": 1, "source": {"path": "n"}, "interpolate": {"total": 10}}), policy)
    with pytest.raises(ConfigError, match="exceeds policy") as refused:
        check_budget(config(dp={**DP, "epsilon": 4.0, "delta": 1e-3}), policy)
    assert len(refused.value.problems) == 2
    check_budget(config(), policy)
    outside = load_policy("hospital-external")  # a budget may stand in for parents there, and then it has a bound
    check_budget(config(), outside)
    check_budget(Config.parse({"version": 1, "source": {"path": "n"}, "interpolate": {"total": 10}}), outside)
    with pytest.raises(ConfigError, match="exceeds policy"):
        check_budget(config(dp={**DP, "epsilon": 4.0}), outside)


def test_the_plan_has_a_price_for_every_read():
    reads = dict(priced_reads(config(decode={"style": "auto"})))
    assert {"class-means", "spread", "boundary", "style"} < set(reads)
    whole = sum(q.steps / q.noise_multiplier**2 for q in queries_of(config(decode={"style": "auto"})).values())
    alone = sum(q.steps / q.noise_multiplier**2 for q in queries_of(config()).values())
    assert whole == pytest.approx(alone, rel=1e-6)  # a fourth query makes the others noisier, and costs nothing more


def test_the_method_prices_its_queries_and_those_beside_it():
    asked = config(decode={"style": "auto", "words": 4}, dp={**DP, "persons": 3000})
    queries = queries_of(asked)
    assert set(queries) == set(configured_queries(asked)) == {*gaussian.QUERIES, "words", "style"}
    assert {cost["kind"] for cost in mechanisms_of(queries)} == {"gaussian", "vote"}
    assert {cost["sampling_rate"] for cost in mechanisms_of(queries)} == {1.0}
