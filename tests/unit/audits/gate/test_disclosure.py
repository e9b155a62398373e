import json
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.stats import clopper_pearson
from audits.gate.coarse import RATES
from audits.gate.disclosure import (
    bucket,
    floor_of,
    is_bucket,
    is_public_count,
    is_published,
    public_count,
    public_details,
    public_evidence,
    public_metric,
    public_report,
    public_sentence,
)
from audits.gate.evidence import Evidence, Metric, evidence_from
from audits.gate.policy import Policy, decide
from audits.gate.rule import Rule

FINITE = st.floats(-3, 40, allow_nan=False)
NAMES = ("membership.auc", "parent_recovery.min_class_persons", "memorization.hard_hits", "neighbours.scan_p")


def policy(*rules, **changes):
    given_fields = {"name": "t", "version": "1", "intended_use": "inside", "statement": "s", "rules": rules}
    return Policy.model_validate({**given_fields, **changes})


def rule(metric="membership.auc", bound="high", op="<=", limit=0.75, min_n=None, name="r"):
    return Rule(id=name, metric=metric, bound=bound, op=op, limit=limit, min_n=min_n, why="w")


def metric(value=0.5123, low=0.4321, high=0.6789, n=337):
    return Metric(value=value, low=low, high=high, confidence=0.95, n=n)


PLAIN = policy()


@pytest.mark.parametrize(
    ("count", "low", "shown"),
    [(0, 0, "0-10"), (1, 1, "0-10"), (9, 5, "0-10"), (10, 10, "10-20"), (337, 200, "200-500"), (1009, 1000, "1k-2k")],
)
def test_buckets(count, low, shown):
    assert (floor_of(count), bucket(count)) == (low, shown)


def test_public_count_merges_small_counts():
    assert [public_count(n, PLAIN) for n in (0, 1, 9, 10, -337)] == [0, "1-9", "1-9", "10-20", "-200-500"]
    wide = policy(disclosure={"min_histogram_bin": 20})
    assert public_count(13, wide) == "1-19"
    assert public_count(337, policy(disclosure={"publish_exact_counts": True})) == 337


def test_only_what_the_publisher_returns_is_a_public_count():
    narrow, wide, exact = (
        policy(disclosure=more) for more in ({}, {"min_histogram_bin": 15}, {"publish_exact_counts": True})
    )
    counts = [*range(3000), *(10**power + i for power in range(4, 9) for i in (-1, 0, 1)), 10**9]
    for asked in (narrow, wide, exact):
        assert all(is_public_count(public_count(n, asked), asked) for n in counts)
    assert all(is_bucket(bucket(n)) for n in counts)
    for text in ("1-1", "1-8", "1-10", "1-14", "1-999", "10-15", "7-411", "200-501", "01-9", "1-0009", "1-٩"):
        assert (is_public_count(text, narrow), is_bucket(text)) == (False, False)
    assert [is_public_count("1-9", asked) for asked in (narrow, wide, exact)] == [True, False, False]
    assert [is_public_count("10-20", asked) for asked in (narrow, wide, exact)] == [True, True, False]
    assert [is_public_count(337, asked) for asked in (narrow, wide, exact)] == [False, False, True]
    assert not any(is_public_count(other, exact) for other in (-1, 10**9 + 1, "", "-", "0-10", "9" * 99))
    assert not is_public_count("5-10", policy(disclosure={"min_histogram_bin": 10}))


def test_interval_is_rounded_outward_and_n_down():
    shown = public_metric("membership.auc", metric(), PLAIN)
    assert (shown.low, shown.value, shown.high, shown.n) == (0.43, 0.51, 0.68, 200)
    assert public_metric("membership.auc", metric(n=5003), PLAIN).high == 0.679


def test_limits_of_the_policy_are_edges():
    asked = policy(rule(limit=0.6792, min_n=331), rule(bound="low", op=">=", limit=0.4311, name="q"))
    shown = public_metric("membership.auc", metric(), asked)
    assert (shown.low, shown.high, shown.n) == (0.4311, 0.6792, 331)
    assert public_metric("membership.estimate", metric(), asked).n == 200


def test_count_of_persons_is_a_bucket_and_number_of_the_release_is_exact():
    few = Metric(value=16, low=16, high=16, confidence=0.95, n=337)
    shown = public_metric("parent_recovery.min_class_persons", few, PLAIN)
    assert (shown.low, shown.high, shown.n) == (10, 19, 200)
    one = Metric(value=1, low=1, high=1, confidence=0.95, n=337)
    assert public_metric("parent_recovery.min_class_persons", one, PLAIN).high == 9
    made = Metric(value=173, low=173, high=173, confidence=1, n=173)
    assert public_metric("records.synthetic", made, PLAIN) == made
    for op, worst in ((">=", 10), ("<=", 19)):
        read = policy(rule("parent_recovery.min_class_persons", "value", op, 5))
        shown = public_metric("parent_recovery.min_class_persons", few, read)
        assert (shown.low, shown.value, shown.high) == (worst, worst, worst)


@pytest.mark.parametrize("name", ["memorization.hard_hits", "identifiers.hard_hits", "memorization.longest_run"])
@pytest.mark.parametrize(("exact", "low", "high"), [(0, 0, 0), (1, 1, 9), (16, 10, 19), (486, 200, 499)])
def test_number_of_hits_is_a_bucket_unless_there_are_none(name, exact, low, high):
    found = Metric(value=exact, low=exact, high=exact, confidence=0.95, n=500)
    shown = public_metric(name, found, PLAIN)
    assert (shown.low, shown.high) == (low, high)
    for limit in (0, 1000):
        shown = public_metric(name, found, policy(rule(name, "value", "<=", limit)))
        assert (shown.low, shown.value, shown.high) == (high, high, high)


@given(st.integers(0, 10**7))
def test_bucket_contains_its_count(count):
    low, high = (int(end.replace("k", "000")) for end in bucket(count).split("-"))
    assert low <= count < high
    assert low == 0 or high <= low * 2.5
    assert floor_of(count) <= count


@st.composite
def metrics(draw):
    low, value, high = sorted(draw(st.tuples(FINITE, FINITE, FINITE)))
    if draw(st.booleans()):
        low = high = value = float(draw(st.integers(0, 30) | st.integers(0, 3000))) if draw(st.booleans()) else value
    return Metric(value=value, low=low, high=high, confidence=0.95, n=draw(st.integers(0, 3000)))


@st.composite
def rules(draw):
    op = draw(st.sampled_from(["<=", ">="]))
    name = draw(st.sampled_from(NAMES))
    bound = draw(st.sampled_from(["value", *([] if name.endswith("hits") else ["high" if op == "<=" else "low"])]))
    limit = draw(FINITE | st.integers(0, 30))  # small whole numbers, so that several limits lie near one count
    fields = {"metric": name, "limit": limit, "min_n": draw(st.none() | st.integers(1, 3000))}
    return {**fields, "op": op, "bound": bound, "why": "w"}


@given(st.dictionaries(st.sampled_from(NAMES), metrics()), st.lists(rules(), min_size=1, max_size=4))
def test_law_public_evidence_is_a_fixed_point_and_passes_no_further_gate(numbers, asked):
    asked = policy(*(Rule(id=f"r{i}", **fields) for i, fields in enumerate(asked)))
    found = Evidence(metrics=numbers, audits={})
    shown = public_evidence(found, asked)
    assert public_evidence(shown, asked) == shown
    before, after = (decide(e, asked).outcomes for e in (found, shown))
    ops = defaultdict(set)
    for r in asked.rules:
        ops[r.metric].add(r.op)
    for r, one, two in zip(asked.rules, before, after, strict=True):
        if len(ops[r.metric]) == 1:
            assert one.verdict == two.verdict
        assert one.verdict == "PASS" or two.verdict != "PASS"
    for name, number in shown.metrics.items():
        if number.low != number.high:
            assert number.low <= numbers[name].low <= numbers[name].high <= number.high
        assert number.n <= numbers[name].n


@pytest.mark.parametrize("other", ["high", "value"])
def test_rules_with_different_operators_on_one_count_keep_their_outcomes(other):
    name = "parent_recovery.min_class_persons"
    limits = [rule(name, other, "<=", 15), rule(name, "value", ">=", 5, name="s")]
    for count in range(2, 30):
        number = metric(count, count, count)
        shown = public_metric(name, number, policy(*limits))
        for r in limits:
            holds = getattr(shown, r.bound) <= r.limit if r.op == "<=" else getattr(shown, r.bound) >= r.limit
            assert shown.low == shown.high
            assert holds == (count <= 15 if r.op == "<=" else count >= 5)


@pytest.mark.parametrize("hits", [lambda n: 0, lambda n: n // 2, lambda n: n // 10])
def test_public_interval_does_not_reveal_n(hits):
    groups = defaultdict(list)
    for n in range(20, 3000):
        low, high = clopper_pearson(hits(n), n, confidence=0.95)
        exact = Metric(value=hits(n) / n, low=low, high=high, confidence=0.95, n=n)
        groups[public_metric("linkage.rate", exact, PLAIN)].append(n)
    hidden = [n for ns in groups.values() for n in ns if len(ns) > 2]
    assert len(hidden) > 0.97 * 2980
    exact = {clopper_pearson(n // 2, n, confidence=0.95) for n in range(20, 3000)}
    assert len(exact) == 2980  # each exact interval reveals n
    assert len(groups) < 2980 / 5


def test_public_sentence_has_buckets_instead_of_counts():
    exact = (
        "337 persons (1,009 records, 24-389, n=8) are too few; AUC 0.54139, 3.27% of 5-gram runs, 12-token, top25."
    )
    public = "200-500 persons (1k-2k records, 20-50-200-500, n=1-9) are too few; AUC 0.541, 3.3% of 5-gram runs, "
    assert public_sentence(exact, PLAIN) == public + "10-20-token, top25."
    assert public_sentence("to a rate of 0.01", PLAIN) == "to a rate of 0.01"


def test_public_details_of_any_shape_are_coarse():
    counts = {
        "n_train_persons": 337,
        "rows_to_review": 1,
        "deep": {"persons": {"control": 389}},
        "said": "389 of control",
    }
    numbers = {"rate": 1 / 337, "p": 1, "none": None, "yes": True, "pairs": [[337, 0.12345], [0, 1.0]]}
    excess = {"value": 0.1234, "low": 0.0, "high": 0.2345, "confidence": 0.95, "n": 337}
    histogram = {"edges": [0, 1, 2], "train": [337, 3], "control": [389, 11]}
    roc = {"fpr": [0, 1 / 389, 1], "tpr": [0, 1 / 337, 1]}
    shown = public_details({**counts, **numbers, "excess": excess, "histogram": histogram, "roc": roc}, PLAIN)
    text = json.dumps(shown)
    assert not any(word in text for word in ("337", "389", "0.1234", "0.0029"))
    assert (shown["p"], shown["rows_to_review"], shown["yes"], shown["none"]) == (1, "1-9", True, None)
    assert shown["excess"]["n"] == 200
    assert list(shown["histogram"]) == ["bins"]
    assert tuple(shown["roc"]["fpr"]) == RATES


def report():
    number = metric().model_dump()
    membership = result(
        estimate=number, control=number, metrics={"membership.auc": number}, details={"again": number}
    )
    fields = {"schemaVersion": 1, "overall": "pass", "tool": "t", "seed": "2036085482", "results": [membership]}
    fields |= {"inputs": {"train": "a" * 64, "synthetic": "c" * 64}}
    return fields | {"input_checks": {"control_rows_left_out": 337, "near_duplicate_rate": 1 / 337}}


def result(name="membership", threshold=(0.45, 0.55), reason="337 persons", **more):
    empty = {"estimate": None, "control": None, "metrics": {}, "details": {}}
    said = {"name": name, "verdict": "pass", "status": "measured", "threshold": list(threshold), "reason": reason}
    return {**said, **empty, **more}


def test_public_report_agrees_with_the_public_evidence_and_has_no_private_digest():
    shown = public_report(report(), PLAIN)
    found, public = evidence_from(shown, {}), public_evidence(evidence_from(report(), {}), PLAIN)
    assert public.metrics.items() <= found.metrics.items()
    assert (public.audits, set(public.metrics)) == (
        found.audits,
        {n for n in found.metrics if is_published(n, PLAIN)},
    )
    assert shown["inputs"] == {"synthetic": "c" * 64}
    assert "seed" not in shown
    assert "337" not in json.dumps(shown)
    assert shown["input_checks"] == {"control_rows_left_out": "200-500", "near_duplicate_rate": 0.0}


def test_only_metrics_that_the_policy_or_a_fixed_list_names_are_published():
    asked = policy(rule("memorization.near_excess"))
    names = ("memorization.near_excess", "linkage.estimate", "attempts.number", "membership.epsilon_lower_bound")
    assert all(is_published(name, asked) for name in names)
    others = ("linkage.scan_p", "john_doe_has_hiv.estimate", "memorization.john_doe", "accounting.john_doe")
    assert not any(is_published(name, asked) for name in others)


def test_only_a_policy_without_dp_may_publish_exact_counts():
    open_policy = policy(disclosure={"publish_exact_counts": True})
    assert public_report(report(), open_policy)["results"] == report()["results"]
    assert public_sentence("0.12345 of 337 persons", open_policy) == "0.12345 of 337 persons"
    found = evidence_from(report(), {})
    kept = {name: number for name, number in found.metrics.items() if is_published(name, open_policy)}
    assert public_evidence(found, open_policy) == found.model_copy(update={"metrics": kept})
    with pytest.raises(ValueError, match="publish_exact_counts"):
        policy(dp=DP, disclosure={"publish_exact_counts": True})


DP = {"unit": "group", "max_epsilon": 3.0, "max_delta": 1e-5, "ledger": "required"}


def private_policy():
    hits = rule("memorization.hard_hits", "value", "<=", 0, name="memorization")
    utility = rule("utility.tstr_over_trtr", "low", ">=", 0.6, 100)
    return policy(hits, utility, dp=DP, measured=("membership", "neighbours"), required=("memorization",))


def exact_evidence(utility, auc, n, beside="pass"):
    state = {"verdict": "pass", "status": "measured", "confidence": 0.96}
    other = {**state, "verdict": beside}
    exact = {"utility.accuracy": auc, "membership.epsilon_lower_bound": auc / 10, "memorization.hard_hits": 0.0}
    exact |= {"memorization.longest_run": float(n % 7), "accounting.epsilon": 2.0, "accounting.delta": 1e-6}
    metrics = {
        "utility.tstr_over_trtr": metric(utility, utility - 0.01, utility + 0.01, n),
        "membership.auc": metric(auc, auc - 0.02, auc + 0.02, n),
        **{name: metric(value, value, value, n) for name, value in exact.items()},
    }
    audits = {"memorization": state, **dict.fromkeys(("membership", "neighbours", "linkage"), other)}
    return Evidence(metrics=metrics, audits=audits)


def test_law_sources_that_pass_under_dp_have_equal_public_evidence():
    asked = private_policy()
    one, other = exact_evidence(0.7123, 0.5123, 337), exact_evidence(0.9456, 0.5777, 1033, beside="fail")
    assert decide(one, asked).allowed
    assert decide(other, asked).allowed
    public = public_evidence(one, asked)
    assert public == public_evidence(other, asked)
    assert public_evidence(public, asked) == public
    expected = "membership.epsilon_lower_bound memorization.hard_hits accounting.epsilon accounting.delta"
    assert set(public.metrics) == {"utility.tstr_over_trtr", *expected.split()}
    assert set(public.audits) == {"memorization", "membership", "neighbours"}
    assert (public.audits["memorization"].verdict, public.audits["neighbours"].verdict) == ("pass", "withheld")
    beside = {o.id: (o.verdict, o.value) for o in decide(public, asked).without_gate}
    assert beside == dict.fromkeys(("audit-membership", "audit-neighbours"), ("WITHHELD", None))


@pytest.mark.parametrize("status", ["measured", "inconclusive", "failed"])
def test_whether_a_withheld_audit_was_conclusive_is_not_published(status):
    """An audit that failed or was not measurable blocks the release, so its status may be published."""
    asked, given = private_policy(), exact_evidence(0.7, 0.5, 337)
    states = {**given.audits, "neighbours": given.audits["neighbours"].model_copy(update={"status": status})}
    given = given.model_copy(update={"audits": states})
    public = public_evidence(given, asked)
    assert public.audits["neighbours"].status == ("failed" if status == "failed" else "measured")
    assert decide(given, asked).allowed is decide(public, asked).allowed is (status != "failed")


@pytest.mark.parametrize("status", ["measured", "inconclusive"])
def test_law_a_rule_on_an_inconclusive_audit_still_refuses(status):
    asked = policy(rule("membership.auc", "high", "<=", 0.75), dp=DP, required=("memorization",))
    given = exact_evidence(0.7, 0.5, 337)
    states = {**given.audits, "membership": given.audits["membership"].model_copy(update={"status": status})}
    given = given.model_copy(update={"audits": states})
    exact, public = decide(given, asked), decide(public_evidence(given, asked), asked)
    assert [(o.id, o.verdict) for o in exact.gates] == [(o.id, o.verdict) for o in public.gates]
    assert exact.allowed is (status == "measured")


def test_a_withheld_verdict_is_never_a_pass():
    withheld = Evidence(metrics={}, audits={"memorization": {"verdict": "withheld", "status": "measured"}})
    (outcome,) = [o for o in decide(withheld, policy(required=("memorization",))).outcomes if o.gating][:1]
    assert outcome.verdict == "INSUFFICIENT"


@pytest.mark.parametrize(
    ("utility", "n", "proven", "allowed"),
    [(0.7, 337, 2.0, True), (0.605, 337, 0.1, False), (0.7, 99, 0.1, False), (0.7, 337, 2.1, False)],
)
def test_law_publishing_only_verdicts_changes_no_outcome(utility, n, proven, allowed):
    asked, evidence = private_policy(), exact_evidence(utility, proven * 10, n)
    exact, public = decide(evidence, asked), decide(public_evidence(evidence, asked), asked)
    assert [(o.id, o.verdict) for o in exact.gates] == [(o.id, o.verdict) for o in public.gates]
    assert public.allowed is exact.allowed is allowed


def test_law_number_between_two_limits_stays_one_number():
    limits = (
        rule("utility.x", "value", op, limit, name=name) for op, limit, name in (("<=", 0.8, "a"), (">=", 0.2, "b"))
    )
    asked = policy(*limits, dp=DP, required=("accounting",))
    given = exact_evidence(0.7, 0.5, 300)
    given = given.model_copy(update={"metrics": {**given.metrics, "utility.x": metric(0.5, 0.5, 0.5)}})
    exact, public = decide(given, asked), decide(public_evidence(given, asked), asked)
    assert [(o.id, o.verdict) for o in exact.gates] == [(o.id, o.verdict) for o in public.gates]
    assert public_evidence(public_evidence(given, asked), asked) == public_evidence(given, asked)


def test_public_report_under_dp_contains_only_verdicts_and_the_claim():
    asked = private_policy()
    shown = public_report({**report(), "input_checks": {"problems": 3}}, asked)
    assert not {"input_checks", "overall"} & set(shown)
    for one in shown["results"]:
        assert (one["estimate"], one["metrics"], one["details"], one["threshold"]) == (None, {}, {}, None)
        assert not any(c.isdigit() for c in one["reason"])
    assert evidence_from(shown, {}) == public_evidence(evidence_from(report(), {}), asked)


def published(given, asked):
    return public_report({**report(), "results": [given]}, asked)["results"][0]


def test_claim_and_noise_of_the_accounting_are_exact_and_counts_are_not():
    mechanisms = [{"kind": "dp-sgd", "noise_multiplier": 2.4417, "sampling_rate": 0.1021, "steps": 217}]
    details = {"mechanisms": mechanisms, "claim": {"epsilon": 2.125, "delta": 1e-6}, "seen": 4321}
    passed = result("accounting", reason="epsilon 3 at delta 1e-05 for each person", details=details)
    failed = {**passed, "verdict": "fail", "reason": "delta is above 1 / (10 · 4321 persons)"}
    for asked in (private_policy(), policy()):
        assert published(passed, asked)["details"] == {**details, "seen": "2k-5k"}
        assert published(passed, asked)["reason"] == passed["reason"]
        assert "4321" not in published(failed, asked)["reason"]
    assert published({**passed, "name": "memorization"}, policy())["details"]["mechanisms"] != mechanisms


@pytest.mark.parametrize("name", ["ledger.train_persons", "balance.train_cardiology", "accounting.persons"])
def test_unknown_number_is_not_published_under_dp(releases, name):
    number = Metric(value=31.0, low=31.0, high=31.0, confidence=1, n=1)
    evidence = Evidence(metrics={name: number}, audits={})
    assert public_evidence(evidence, releases.policy_of(releases.DP_POLICY)).metrics == {}


def test_without_a_claimed_epsilon_the_public_evidence_refuses_like_the_exact_one():
    asked, evidence = private_policy(), exact_evidence(0.7, 0.5, 337)
    unclaimed = {name: value for name, value in evidence.metrics.items() if name != "accounting.epsilon"}
    evidence = evidence.model_copy(update={"metrics": unclaimed})
    exact, public = decide(evidence, asked), decide(public_evidence(evidence, asked), asked)
    assert [(o.id, o.verdict) for o in exact.gates] == [(o.id, o.verdict) for o in public.gates]
    assert not public.allowed
