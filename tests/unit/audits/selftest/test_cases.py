"""Every audit has a demand in the calibration suite, and its verdicts are judged correctly."""

from dataclasses import replace

import pytest
from scipy.stats import binom, norm

from audits.core.types import without_number
from audits.runner.registry import AUDITS
from audits.selftest.cases import (
    CASES,
    EVASIONS,
    JUDGED,
    MAX_FALSE_ALARMS,
    PERMUTATIONS,
    SAMPLE_FACTOR,
    judge,
    lacks_persons,
)


def results(verdicts, *, status="measured", n=100, n_needed=10):
    """Return results with these verdicts, each given as p (pass), f (fail) or i (insufficient)."""
    power = {"n": n, "n_needed": n_needed, "smallest_leak": None, "epsilon_ceiling": None}
    words = {"p": "pass", "f": "fail", "i": "insufficient"}
    result = replace(without_number("memorization", status, "because"), details={} if n is None else {"power": power})
    return [replace(result, verdict=words[v]) for v in verdicts]


RIGHT, WRONG = ("right", "right"), ("wrong", "wrong")
FEW = ("wrong", "uncalibrated")  # wrong with enough persons, uncalibrated with too few


@pytest.mark.parametrize(
    ("demand", "verdicts", "enough", "few"),
    [
        *(("must_fail", v, *found) for v, found in (("f", RIGHT), ("i", FEW), ("p", WRONG))),
        *(("must_not_pass", v, *found) for v, found in (("f", RIGHT), ("i", RIGHT), ("p", WRONG))),
        *(("must_pass", v, *RIGHT) for v in ("ppp", "ppf", "ppi")),
        *(("must_pass", v, *FEW) for v in ("pii", "pif", "i")),
        *(("must_pass", v, *WRONG) for v in ("pff", "iff", "f")),
        *(("seldom_fail", v, *RIGHT) for v in ("p" * 16 + "ffff", "i" * 20)),
        ("seldom_fail", "p" * 15 + "fffff", *WRONG),
        *(("blind", v, "open", "open") for v in "pf"),
    ],
)
def test_judge(demand, verdicts, enough, few):
    assert judge(demand, results(verdicts)) == enough
    assert judge(demand, results(verdicts, n=20)) == few


@pytest.mark.parametrize("demand", ["must_fail", "must_not_pass", "must_pass", "seldom_fail", "blind"])
def test_failed_audit_is_wrong_for_every_demand(demand):
    assert judge(demand, [*results("ppp"), *results("i", status="failed")]) == "wrong"


def test_number_of_allowed_false_alarms():
    wrong = len(JUDGED) * binom.sf(MAX_FALSE_ALARMS, PERMUTATIONS, 0.05)
    assert wrong <= 0.05 < len(JUDGED) * binom.sf(MAX_FALSE_ALARMS - 1, PERMUTATIONS, 0.05)
    assert binom.sf(1, PERMUTATIONS, 0.05) == pytest.approx(0.264, abs=0.001)
    assert binom.sf(MAX_FALSE_ALARMS, PERMUTATIONS, 0.4) == pytest.approx(0.949, abs=0.001)


def test_lacks_persons():
    assert lacks_persons(results("i", n=21)[0])
    assert not lacks_persons(results("i", n=22)[0])
    assert lacks_persons(results("i", status="not_measurable", n=None)[0])
    assert not lacks_persons(results("i", n=None)[0])  # an audit that states no needed number is not excused


def test_the_sample_factor_is_that_of_nine_audits_together():
    ordinary, each = norm.ppf(0.95) + norm.ppf(0.8), norm.ppf(0.95) + norm.ppf(1 - 0.2 / 9)
    assert pytest.approx((each / ordinary) ** 2, abs=0.005) == SAMPLE_FACTOR


def test_every_audit_must_detect_a_leak_and_pass_a_clean_release():
    for audit in JUDGED:
        asked = {case.name: case.demand(audit) for case in CASES}
        assert "must_fail" in asked.values(), audit
        assert asked["fresh_people"] == "must_pass"
        assert asked["permuted_roles"] == "seldom_fail"


def test_every_case_has_a_description_and_reasons():
    assert len({case.name for case in CASES}) == len(CASES) == 16 + len(EVASIONS)
    for case in CASES:
        assert all((case.description, case.why)), case.name
        assert len(case.demands) == len(JUDGED)
        if not case.only_demanded and any(case.demand(audit) == "blind" for audit in JUDGED):
            assert case.blind


def test_every_evasion_has_a_demand_and_shared_text_must_pass():
    assert len(EVASIONS) == 25
    for case in EVASIONS:
        assert case.only_demanded
        assert {case.demand(audit) for audit in JUDGED} - {"blind"}, case.name
    assert {r.name for r in EVASIONS if r.demand("memorization") == "must_pass"} == {"templated", "quoting"}


def test_only_hard_rules_must_detect_one_person():
    asked = {case.name: case for case in CASES}
    by_name = {"verbatim_one_person": ["memorization", "identifiers"], "one_identifier": ["identifiers"]}
    for name, audits in by_name.items():
        assert [a for a in JUDGED if asked[name].demand(a) != "blind"] == audits
    assert asked["verbatim_1_percent"].demand("membership") == "blind"


def test_marks_and_judged_audits_are_in_the_order_of_the_registry():
    assert tuple(name for name in AUDITS if name in JUDGED) == JUDGED
    asked = {case.name: [case.demand(audit) for audit in JUDGED] for case in CASES}
    assert asked["permuted_secret"] == ["must_fail", "must_fail", "must_not_pass", "must_fail", "blind", "must_fail"]
    assert asked["fresh_filtered"] == ["blind", "must_not_pass", "blind", "must_not_pass", "blind", "blind"]
    assert CASES[0].demand("canaries") == "blind"
