"""What a refusal tells a user to change."""

from pathlib import Path

import pytest

import audits
from audits.gate.evidence import Evidence
from audits.gate.policy import decide
from audits.gate.shipped import load_policy
from synthgen.release.remedies import MORE_EVIDENCE, REMEDIES, with_remedies

PAGES = {page.stem for page in (Path(audits.__file__).parent / "explain").glob("*.md")}


@pytest.mark.parametrize("name", ["research", "hospital-external", "strict-dp"])
def test_every_gate_of_a_shipped_policy_has_a_remedy_and_an_explanation(name):
    decision = decide(Evidence(metrics={}, audits={}), load_policy(name))
    sources = {gate.metric.partition(".")[0] for gate in decision.gates}
    assert sources <= {*REMEDIES}
    assert sources <= PAGES
    lines = list(with_remedies(decision))
    assert len(lines) == len(decision.failures) > 3
    for line, failure in zip(lines, decision.failures, strict=True):
        assert line.startswith(failure.split(": ")[0])
        assert MORE_EVIDENCE in line
        assert "see `audits explain " in line


def test_every_explanation_has_a_remedy_or_is_of_an_audit_with_further_input():
    assert PAGES - {*REMEDIES} == {"canaries", "differencing", "shadow"}
