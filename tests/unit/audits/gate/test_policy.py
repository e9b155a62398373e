import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import PolicyError
from audits.gate.evidence import AuditState, Evidence, Metric
from audits.gate.policy import Policy, decide, parse_policy
from audits.gate.rule import Rule
from audits.gate.shipped import load_policy, policy_path, shipped_policies

NAMES = (
    "memorization.hard_hits",
    "membership.auc",
    "utility.tstr_over_trtr",
    "balance.tv_distance",
    "records.synthetic",
)
SHIPPED = ("research", "hospital-external", "strict-dp")
FINITE = st.floats(-2, 2, allow_nan=False)


def metric(value=0.5, low=0.4, high=0.6, confidence=0.95, n=500):
    return Metric(value=value, low=low, high=high, confidence=confidence, n=n)


def evidence(metrics=None, **audits):
    states = {name: AuditState(verdict=v, status=s, confidence=0.95) for name, (v, s) in audits.items()}
    return Evidence(metrics={"membership.auc": metric()} if metrics is None else metrics, audits=states)


def rule(**changes):
    given_fields = {"id": "auc", "metric": "membership.auc", "bound": "high", "op": "<=", "limit": 0.75, "why": "w"}
    return Rule(**{**given_fields, **changes})


def policy(*rules, **changes):
    given_fields = {"name": "t", "version": "1", "intended_use": "inside", "statement": "s", "rules": rules}
    return Policy(**{**given_fields, **changes})


def verdicts(decision):
    return [outcome.verdict for outcome in decision.outcomes]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_policy_has_the_name_of_its_file(name):
    loaded = load_policy(name)
    assert loaded.name == name == policy_path(name).stem
    assert loaded == load_policy(policy_path(name))
    assert Policy.model_validate({**json.loads(loaded.to_bytes()), **loaded.model_dump()}) == loaded


def test_shipped_files_and_schema_are_current_and_other_names_refused():
    folder = shipped_policies()
    assert {file.stem for file in folder.glob("*.yaml")} == set(SHIPPED)
    assert json.loads((folder / "schema.json").read_text()) == Policy.model_json_schema()
    readme = (folder / "README.md").read_text()
    assert all(name in readme for name in SHIPPED)
    for unknown in ("nowhere", "../research", "research.yml"):
        with pytest.raises(PolicyError):
            load_policy(unknown)


def test_shipped_policies_have_the_documented_limits():
    research, external, dp = (load_policy(name) for name in SHIPPED)
    limits = {r.metric: (r.bound, r.op, r.limit) for r in research.rules}
    assert limits["membership.auc"] == ("high", "<=", 0.75)
    assert limits["memorization.hard_hits"] == limits["identifiers.hard_hits"] == ("value", "<=", 0)
    assert research.intended_use == "inside"
    assert "not shown to be safe outside" in research.statement
    assert research.approvals == ()
    audits = "memorization neighbours identifiers membership parent_recovery linkage"
    assert set(external.required) == set(audits.split())
    assert sum(a.threshold for a in external.approvals) == 2
    assert (external.closing, dp.closing, research.closing) == ("required", "required", None)
    assert external.validity_days is not None
    assert dp.dp is not None
    assert "accounting" in dp.required


def test_all_mistakes_of_a_policy_are_listed():
    text = 'name: T T\nversion: 1\nfoo: 1\nrules: [{id: a, metric: x, bound: low, op: "<=", limit: .inf, why: ""}]\n'
    with pytest.raises(PolicyError, match="8 mistakes") as caught:
        parse_policy(text.encode(), "p")
    assert {p.split(":")[0] for p in caught.value.problems} >= {"name", "version", "foo", "statement", "intended_use"}
    for line in (
        "version: must be a text",
        "foo: unknown key",
        "rules[0].limit (entry 1 of rules): must be a finite number",
    ):
        assert line in caught.value.problems
    with pytest.raises(PolicyError, match="1 mistake\\n"):
        parse_policy(b'name: t\nversion: "1"\nintended_use: inside\nstatement: s\nrules: 3\n', "p")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rules": (rule(), rule())}, "each rule needs its own id"),
        (
            {"required": ("memorization", "memorization")},
            "each audit may be listed only once; repeated: memorization",
        ),
        (
            {"required": ("memorization",), "measured": ("memorization",)},
            "each audit may be listed only once; repeated: memorization",
        ),
        (
            {"approvals": ({"role": "a", "threshold": 1}, {"role": "a", "threshold": 2})},
            "each role may be listed only once; repeated: a",
        ),
    ],
)
def test_duplicate_names_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        policy(**changes)


@pytest.mark.parametrize("measured", [(), ("memorization",)])
def test_policy_without_gates_allows_nothing(measured):
    decision = decide(evidence(memorization=("pass", "measured")), policy(measured=measured))
    assert not decision.allowed
    assert decision.failures == ("policy: FAIL: the policy has no gate of its own, so it allows no release",)


def test_exact_zero_is_a_number():
    exact = metric(value=0, low=0, high=0)
    hits = rule(metric="memorization.hard_hits", bound="value", limit=0.0)
    decision = decide(evidence({"memorization.hard_hits": exact}), policy(hits))
    assert decision.allowed
    assert decision.outcomes[0].value == 0.0
    assert not decide(evidence({"memorization.hard_hits": metric(value=1, low=1, high=1)}), policy(hits)).allowed
    with pytest.raises(ValueError, match="hard_hits, which is a count, needs `bound: value`"):
        rule(metric="memorization.hard_hits", bound="high", limit=0.0)


@pytest.mark.parametrize(
    ("state", "verdict", "gating"),
    [
        (("pass", "measured"), "PASS", False),
        (("fail", "measured"), "FAIL", False),
        (("insufficient", "measured"), "INSUFFICIENT", False),
        (("pass", "failed"), "INSUFFICIENT", True),
        (("pass", "not_measurable"), "INSUFFICIENT", True),
    ],
)
def test_required_and_measured_audits(state, verdict, gating):
    found = evidence(memorization=state)
    assert verdicts(decide(found, policy(required=("memorization",)))) == [verdict]
    shown = decide(found, policy(rule(), measured=("memorization",)))
    assert verdicts(shown) == [verdict, "PASS"]  # an audit that failed is not shown as passed
    assert [outcome.gating for outcome in shown.outcomes] == [gating, True]
    assert shown.allowed != gating
    assert len(shown.gates) == 1 + gating
    assert verdicts(decide(found, policy(required=("linkage",), measured=("membership",)))) == ["INSUFFICIENT"] * 2
    crashed = evidence(membership=("insufficient", "failed"))
    assert verdicts(decide(crashed, policy(rule()))) == ["INSUFFICIENT"]


DP = {"unit": "group", "max_epsilon": 3.0, "max_delta": 1e-5, "ledger": "required"}
BOUND = "membership.epsilon_lower_bound"
SPENT = {
    "accounting.epsilon": metric(2, 2, 2),
    "accounting.delta": metric(1e-6, 1e-6, 1e-6),
    BOUND: metric(0.7, 0.7, 0.7),
}


def test_privacy_budget_adds_three_gates():
    assert decide(evidence(SPENT), policy(dp=DP)).allowed
    for metrics, wanted in (
        (None, ["INSUFFICIENT"] * 3),
        ({**SPENT, "accounting.epsilon": metric(4, 4, 4)}, ["FAIL", "PASS", "PASS"]),
        ({**SPENT, BOUND: metric(2.1, 2.1, 2.1)}, ["PASS", "PASS", "FAIL"]),  # an attack contradicts the claim
        ({k: v for k, v in SPENT.items() if k != BOUND}, ["PASS", "PASS", "INSUFFICIENT"]),
        ({k: v for k, v in SPENT.items() if k != "accounting.epsilon"}, ["INSUFFICIENT", "PASS", "INSUFFICIENT"]),
    ):
        assert verdicts(decide(evidence(metrics), policy(dp=DP))) == wanted
    # an audit that was run must state the epsilon that it proved
    found = evidence(SPENT, canaries=("pass", "measured"))
    assert verdicts(decide(found, policy(dp=DP)))[2:] == ["PASS", "INSUFFICIENT"]
    proven = {**SPENT, "canaries.epsilon_lower_bound": metric(2.5, 2.5, 2.5)}
    (failure,) = decide(evidence(proven, canaries=("fail", "measured")), policy(dp=DP)).failures
    assert failure.startswith("dp-consistent-canaries: FAIL: the attack proves a larger epsilon than the claim")


def test_gates_of_a_policy_include_all_gates_of_a_decision():
    asked = policy(rule(), dp=DP, required=("memorization",), measured=("neighbours",))
    found = evidence(SPENT, canaries=("pass", "measured"), differencing=("pass", "measured"))
    ids = tuple(outcome.id for outcome in decide(found, asked).outcomes)
    assert asked.gates() == (*ids, "audit-accounting", "secret-private")
    found = evidence({**SPENT, "method.private": metric(1, 1, 1)})
    outcomes = decide(found, policy(rule(), measured=("accounting",))).outcomes
    added = [outcome for outcome in outcomes if outcome.id in {"audit-accounting", "secret-private"}]
    assert [(one.gating, one.verdict) for one in added] == [(True, "INSUFFICIENT")] * 2


@pytest.mark.parametrize(
    ("state", "secret", "allowed"),
    [("pass", 1, True), ("pass", 0, False), ("insufficient", 1, False), ("fail", 1, False)],
)
def test_dp_method_needs_a_passed_accounting_and_a_private_secret(state, secret, allowed):
    known, asked = {"membership.auc": metric(), "secret.private": metric(secret, secret, secret)}, policy(rule())
    found = evidence({**known, "method.private": metric(1, 1, 1)}, accounting=(state, "measured"))
    assert decide(found, asked).allowed == allowed
    assert decide(evidence(known), asked).allowed  # the method is not DP
    assert not decide(found, policy()).allowed  # a policy must have gates of its own


def test_decision_contains_both_digests_and_each_failure():
    found, asked = evidence(), policy(rule(limit=0.5))
    decision = decide(found, asked)
    assert (decision.policy_digest, decision.evidence_digest) == (asked.digest(), found.digest())
    assert decision.failures == ("auc: FAIL: 0.6 <= 0.5 does not hold",)
    assert decision == decide(found, asked)
    assert replace(decision, allowed=True) != decision


@st.composite
def metrics(draw):
    low, value, high = sorted(draw(st.tuples(FINITE, FINITE, FINITE)))
    if draw(st.booleans()):
        low = high = value
    return metric(value, low, high, draw(st.sampled_from([0.9, 0.95])), draw(st.integers(0, 9)))


@st.composite
def rules(draw):
    op, metric = draw(st.sampled_from(["<=", ">="])), draw(st.sampled_from(NAMES))
    bounds = ["value"] if metric.endswith(".hard_hits") else ["value", "high" if op == "<=" else "low"]
    bound = draw(st.sampled_from(bounds))
    return {
        "metric": metric,
        "op": op,
        "bound": bound,
        "limit": draw(FINITE),
        "min_n": draw(st.none() | st.integers(1, 9)),
        "why": "w",
    }


def built(drawn):
    return tuple(Rule(id=f"r{i}", **fields) for i, fields in enumerate(drawn))


ALL = st.dictionaries(st.sampled_from(NAMES), metrics())


@given(ALL, st.lists(rules(), min_size=1, max_size=4), st.lists(rules(), min_size=1, max_size=3))
def test_law_a_further_gate_never_turns_refused_into_allowed(numbers, few, more):
    found = evidence(numbers)
    before = decide(found, policy(*built(few)))
    after = decide(found, policy(*built([*few, *more])))
    assert before.allowed or not after.allowed
    audited = decide(found, policy(*built(few), required=("memorization",)))
    assert not audited.allowed


@given(ALL, st.lists(rules(), min_size=1, max_size=4), st.sampled_from(NAMES))
def test_law_a_missing_or_smaller_measurement_never_turns_refused_into_allowed(numbers, asked, name):
    asked = policy(*built(asked))
    before = decide(evidence(numbers), asked)
    without = decide(evidence({k: v for k, v in numbers.items() if k != name}), asked)
    fewer = {k: v.model_copy(update={"n": max(0, v.n - 1)}) for k, v in numbers.items()}
    assert before.allowed or not (without.allowed or decide(evidence(fewer), asked).allowed)


@given(ALL, st.lists(rules(), min_size=1, max_size=4), st.floats(0, 3))
def test_law_a_worse_number_never_turns_refused_into_allowed(numbers, asked, by):
    for sign, op in ((1, "<="), (-1, ">=")):
        one_way = policy(*[r for r in built(asked) if r.op == op])
        if len(one_way.rules) == 0:
            continue
        before = decide(evidence(numbers), one_way).allowed
        for low, value, high in ((sign * by,) * 3, (-by, 0, by)):  # worse, then wider
            moved = ((k, (v.value + value, v.low + low, v.high + high)) for k, v in numbers.items())
            changed = {k: metric(*ends, numbers[k].confidence, numbers[k].n) for k, ends in moved}
            assert before or not decide(evidence(changed), one_way).allowed


def test_self_test_needs_its_digest():
    exact, asked = metric(value=0, low=0, high=0), policy(selftest=("memorization",))
    found = evidence({"selftest.memorization_wrong": exact})
    assert verdicts(decide(found, asked)) == ["INSUFFICIENT"]
    named = found.model_copy(update={"digests": {"selftest": "0" * 64}})
    assert verdicts(decide(named, asked)) == ["PASS"]
    one = evidence({"selftest.memorization_wrong": metric(value=1, low=1, high=1)})
    assert verdicts(decide(one.model_copy(update={"digests": named.digests}), asked)) == ["FAIL"]


APPROVAL = {"role": "data_owner", "threshold": 1}


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": name} for name in ("A", "a" * 65)),
        *({"version": version} for version in ("1.2.3.4", "v1")),
        *({"statement": statement} for statement in ("", "x" * 601)),
        *({"confidence": confidence} for confidence in (0.79, 1.0)),
        {"required": ("a b",)},
        *({"validity_days": days} for days in (0, 3651)),
        *({"approvals": (APPROVAL | wrong,)} for wrong in ({"threshold": 0}, {"threshold": 10}, {"role": "Owner"})),
        *({"dp": DP | wrong} for wrong in ({"max_epsilon": 0.0}, {"max_delta": 0.0}, {"max_delta": 1.0})),
        *({"disclosure": {"min_histogram_bin": least}} for least in (1, 1001)),
        *({"timestamps": wrong} for wrong in ({"rfc3161": "wished"}, {})),
    ],
)
def test_fields_of_a_policy_are_bounded(changes):
    highest = {"name": "a" * 64, "version": "1.2.3", "statement": "x" * 600, "confidence": 0.8, "validity_days": 3650}
    highest |= {"approvals": (APPROVAL | {"threshold": 9},), "dp": DP, "disclosure": {"min_histogram_bin": 1000}}
    highest |= {"timestamps": {"rfc3161": "required"}}
    policy(**highest)
    with pytest.raises(ValueError, match="validation error"):
        policy(**{**highest, **changes})


@pytest.mark.parametrize("changes", [{"min_n": 0}, {"metric": "auc"}, {"id": "A"}, {"why": ""}])
def test_fields_of_a_rule_are_bounded(changes):
    rule(min_n=1)
    with pytest.raises(ValueError, match="validation error"):
        rule(**changes)
