"""The remedies and explanations that a refusal gives to the user."""

import re
from pathlib import Path

import pytest

import audits
from audits.gate.evidence import AuditState, Evidence, Metric
from audits.gate.policy import decide
from audits.gate.rule import Rule
from audits.gate.shipped import load_policy
from synthgen.release.remedies import (
    ANOTHER_ATTEMPT,
    MORE_EVIDENCE,
    NEW_NOISE,
    REMEDIES,
    SUITE_NOT_RUN,
    another_attempt,
    with_remedies,
)

PAGES = {page.stem for page in (Path(audits.__file__).parent / "explain").glob("*.md")}


@pytest.mark.parametrize("name", ["research", "hospital-external", "strict-dp"])
def test_every_gate_of_a_shipped_policy_has_a_remedy_and_an_explanation(name):
    decision = decide(Evidence(metrics={}, audits={}), load_policy(name))
    sources = {gate.metric.partition(".")[0] for gate in decision.gates}
    assert sources <= {*REMEDIES}
    assert sources <= PAGES
    lines = list(with_remedies(decision, {}))
    assert len(lines) == len(decision.failures) > 3
    for line, failure in zip(lines, decision.failures, strict=True):
        assert re.match(r"\S+: INSUFFICIENT: \S+ \(unit: [^;()]+\): ", line), line
        assert line.startswith(failure.split(": ")[0])
        assert (SUITE_NOT_RUN if line.startswith("selftest-") else MORE_EVIDENCE) in line
        assert "see `audits explain " in line


def test_a_line_names_the_unit_and_the_sample_size_of_its_number():
    state = {"membership": AuditState(verdict="fail", status="measured", confidence=0.96)}
    auc = {"membership.auc": Metric(value=0.8, low=0.7, high=0.9, confidence=0.96, n=300)}
    evidence = Evidence(metrics=auc, audits=state)
    lines = list(with_remedies(decide(evidence, load_policy("research")), {}))
    found = "membership: FAIL: membership.auc.high (unit: AUC, 0.5 = guessing; n = 300): 0.9 <= 0.75 does not hold; "
    assert [line for line in lines if line.startswith(found)]
    required = with_remedies(decide(evidence, load_policy("hospital-external")), {"membership": "why"})
    assert any(
        "has the status measured and the verdict fail: why; to meet this condition" in line for line in required
    )
    own = Rule(id="own", metric="style.gap", bound="value", op="<=", limit=1, why="w")
    policy = load_policy("research").model_copy(update={"rules": (own,)})
    lines = list(with_remedies(decide(Evidence(metrics={}, audits={}), policy), {}))
    assert [line for line in lines if line.startswith("own: INSUFFICIENT: style.gap.value: ")]


def test_another_attempt_costs_confidence_and_new_noise_costs_budget():
    assert another_attempt(load_policy("research"), is_dp=False) == ANOTHER_ATTEMPT
    private = another_attempt(load_policy("hospital-external"), is_dp=True)
    assert private == f"{ANOTHER_ATTEMPT} {NEW_NOISE}"
    alone = another_attempt(load_policy("strict-dp"), is_dp=True)
    assert alone == f"This policy sets no condition on the number of attempts. {NEW_NOISE}"


def test_every_explanation_has_a_remedy_or_is_of_an_audit_with_further_input():
    assert PAGES - {*REMEDIES} == {"canaries", "differencing", "shadow"}
