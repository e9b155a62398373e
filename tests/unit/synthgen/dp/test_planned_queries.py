import math

import pytest

from audits.gate.shipped import load_policy
from audits.ledger.budgets import Cost
from synthgen.config import Config
from synthgen.core.errors import ConfigError, InternalError
from synthgen.dp import gaussian
from synthgen.dp import planned_queries as planned
from synthgen.dp.planned_queries import check_budget, queries_of, run_limit

DP = {"epsilon": 2.0, "delta": 4e-6, "persons": 30}


def config(**changes):
    given = {"version": 1, "source": {"path": "n.jsonl", "group": "p", "labels": ["a", "b"]}, "dp": DP}
    given |= {"interpolate": {"method": "dp-gaussian", "total": 10}, "filter": {"language": None, "length": None}}
    return Config.parse(given | changes)


def without_budget():
    return config(interpolate={"method": "smote", "total": 10}, dp={})


@pytest.fixture(autouse=True)
def shipped():
    """Keep the list of shipped models, which the other tests replace."""


def test_all_accesses_outside_the_budget_are_rejected_at_once():
    assert config().dp.epsilon == 2.0
    balance = {"method": "dp-gaussian", "total": 10, "balance": "as-source"}
    with pytest.raises(ConfigError) as refused:
        config(source={"path": "n.jsonl"}, filter={}, interpolate=balance)
    for name in ("source.labels", "source.group", "balance as-source", "filter.length"):
        assert name in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dp": {}}, "set both or neither"),
        ({"interpolate": {"method": "smote", "total": 10}}, "set both or neither"),
        ({"dp": {"epsilon": 1.0}}, "`epsilon` requires `delta` and `persons`"),
        ({"dp": {"persons": 10}}, "`epsilon` is missing; set dp.epsilon, or remove `persons`"),
        (
            {"interpolate": {"method": "dp-gaussian", "total": 10, "alpha": 1.0}},
            "is not a key of the method dp-gaussian",
        ),
        ({"segments": {}}, "segments learns headings from the records"),
        ({"dp": {**DP, "shares": {"words": 0.5}}}, "does not make. Remove these entries: words. "),
        (
            {"dp": {**DP, "shares": {"words": 0.5, "spread": 0.1, "style": 0.1}}},
            "does not make. Remove these entries: words, style. ",
        ),
        ({"dp": {**DP, "shares": {"votes": 0.5}}}, "dp.shares.votes"),
        ({"dp": {**DP, "adapt": {}}}, "dp.adapt: unknown key"),
        ({"interpolate": {"method": "dp-vote", "total": 10}}, "interpolate.method"),
        ({"source": {"path": "n", "group": "p", "labels": ["a"], "id": "i"}}, "source.id rejects a record"),
    ],
)
def test_configurations_without_a_privacy_guarantee_are_rejected(changes, message):
    with pytest.raises(ConfigError, match=message) as refused:
        config(**changes)
    assert "Config(" not in str(refused.value)  # no class names of the program


def test_run_without_a_budget_has_no_queries():
    assert planned.accesses_with_costs(without_budget()) == ()
    with pytest.raises(InternalError, match=r"a run without dp\.epsilon and dp\.delta"):
        queries_of(without_budget())


def test_run_limit_is_that_of_the_policy_at_the_delta_of_the_run():
    inside, outside = load_policy("research"), load_policy("strict-dp")
    for secret in ("workspace", "public"):  # without a policy limit, delta is that of the run
        assert run_limit(config(secret=secret), inside) == Cost(epsilon=math.inf, delta=4e-6)
    assert run_limit(config(), outside) == Cost(epsilon=3.0, delta=4e-6)
    assert run_limit(config(dp={**DP, "delta": 1e-5}), outside) == Cost(epsilon=3.0, delta=1e-5)
    many = config(dp={**DP, "persons": 20_000, "delta": 5e-6})
    assert run_limit(many, outside) == Cost(epsilon=3.0, delta=5e-6)
    assert (run_limit(without_budget(), inside), run_limit(without_budget(), outside).epsilon) == (None, 3.0)


@pytest.mark.parametrize(
    ("persons", "delta", "policy", "in_train", "is_large"),
    [
        (20_000, 5e-6, "strict-dp", 20_999, False),  # the number in train is rounded down to two digits
        (20_000, 5e-6, "strict-dp", 21_000, True),
        (20_000, 4e-6, "strict-dp", 30, False),
        (2_000, 1e-5, "strict-dp", 11_000, True),
        (2_000, 1e-5, "strict-dp", 10_999, False),
        (2_000, 4e-6, "strict-dp", 11_000, False),  # with a smaller delta, `persons` can stay a lower bound
        (2_000, 5e-5, "research", 2_099, False),
        (2_000, 5e-5, "research", 2_100, True),
        (2_000, 4e-5, "research", 2_599, False),
        (30, 4e-6, "strict-dp", 0, False),
    ],
)
def test_delta_of_all_runs_is_compared_with_the_rounded_number_of_persons(persons, delta, policy, in_train, is_large):
    given = config(dp={"epsilon": 2.0, "delta": delta, "persons": persons})
    problem = planned.delta_problem(given, load_policy(policy), in_train)
    assert (problem is not None) == is_large
    assert problem is None or str(in_train) not in problem
    study = config(dp={"epsilon": 2.0, "delta": delta, "persons": persons}, secret="public")
    assert planned.delta_problem(study, load_policy("research"), in_train) is None


def test_check_budget_enforces_the_policy():
    # `outside` allows a budget instead of the audit of parent recovery, so it accepts runs with and without a budget
    policy, outside = load_policy("strict-dp"), load_policy("hospital-external")
    with pytest.raises(ConfigError, match="does not provide differential privacy"):
        check_budget(without_budget(), policy)
    with pytest.raises(ConfigError, match="exceeds policy") as refused:
        check_budget(config(dp={**DP, "epsilon": 4.0, "delta": 1e-3}), policy)
    assert len(refused.value.problems) == 2
    for accepted in (policy, outside, load_policy("research")):
        check_budget(config(), accepted)
    check_budget(without_budget(), outside)
    with pytest.raises(ConfigError, match="exceeds policy"):
        check_budget(config(dp={**DP, "epsilon": 4.0}), outside)


def test_priced_reads_lists_every_query():
    voting = config(decode={"style": "auto"})
    assert {"class-means", "spread", "style"} < set(dict(planned.accesses_with_costs(voting)))
    costs = [sum(q.steps / q.noise_multiplier**2 for q in queries_of(one).values()) for one in (voting, config())]
    assert costs[0] == pytest.approx(costs[1], rel=1e-6)  # an additional query adds noise to the others, not cost


def test_queries_of_includes_words_and_style():
    both = config(decode={"style": "auto", "words": 4}, dp={**DP, "persons": 3000})
    queries = queries_of(both)
    assert set(queries) == set(planned.configured_queries(both)) == {*gaussian.QUERIES, "words", "style"}
    costs = {(cost["kind"], cost["sampling_rate"]) for cost in planned.mechanisms_of(queries)}
    assert costs == {("gaussian", 1.0), ("vote", 1.0)}
