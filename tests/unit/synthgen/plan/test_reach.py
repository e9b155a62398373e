import pytest

from audits.gate.shipped import load_policy
from audits.runner.registry import AUDITS
from synthgen.plan.reach import LIKELY_ENOUGH, reach_of, with_unit

EXTERNAL = load_policy("hospital-external")
CONFIDENCE = 1 - 0.05 / 0.8  # the first attempt uses 4/5 of 1 - CONFIDENCE, so its confidence is .95


def everything():
    return EXTERNAL.model_copy(update={"required": tuple(AUDITS), "measured": ()})


def test_every_audit_is_described():
    found = reach_of(everything(), 800, 1000, 2600, 0.95)
    assert tuple(found) == tuple(AUDITS)
    sentences = [name for name, what in found.items() if isinstance(what, str)]
    assert sentences == ["canaries", "accounting", "differencing"]


def test_numbers_computed_by_hand():
    found = reach_of(EXTERNAL, 500, 520, 900, CONFIDENCE)
    copied, membership = found["memorization"], found["membership"]
    assert (copied.n, copied.n_needed, copied.smallest_leak) == (500, 299, 1 / 500)
    assert (membership.n, membership.n_needed) == (416, 981)  # a fifth of control is set aside
    assert membership.smallest_leak == pytest.approx(2.4865 / (6 * 416) ** 0.5, abs=1e-4)
    # Four fifths of 687 coins are guessed. The bound is computed for 20, 50, 100, 200, 500 and all 549 guesses, each
    # at a sixth of .05. To replace a person is to remove one person and to add another, so epsilon counts twice.
    q = (0.05 / 6) ** (1 / 549)
    assert q / (1 - q) == pytest.approx(2.71828 ** (2 * membership.epsilon_ceiling), rel=1e-2)
    leak = "TOO FEW; smallest detectable leak: an AUC of 0.550; with this number, the audit can prove an epsilon of"
    assert f"{leak} at most 2.4" in membership.to_text()
    assert "enough for a verdict" in reach_of(EXTERNAL, 1100, 1400, 900, CONFIDENCE)["membership"].to_text()
    assert "TOO FEW" in reach_of(EXTERNAL, 100, 520, 900, CONFIDENCE)["membership"].to_text()
    assert found["neighbours"].smallest_leak == pytest.approx(2.4865 / (2 * 30), abs=1e-4)
    assert f"155 needed for a pass: {LIKELY_ENOUGH}" in found["neighbours"].to_text()
    assert found["linkage"].n_needed == 429
    assert found["linkage"].to_json()["smallest_leak"] == pytest.approx(0.0862, abs=1e-3)


def test_no_persons_are_too_few():
    estimates = [what for what in reach_of(everything(), 0, 0, 0, 0.95).values() if not isinstance(what, str)]
    assert all(what.n == 0 and "TOO FEW" in what.to_text() for what in estimates)


def test_without_person_ids_the_units_are_records():
    estimates = with_unit("records", reach_of(everything(), 500, 520, 900, 0.95)).values()
    assert not any("person" in what.to_text() for what in estimates if not isinstance(what, str))
