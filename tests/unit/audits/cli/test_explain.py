import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import audits
from audits.cli.main import app
from audits.gate.evidence import Evidence
from audits.gate.policy import decide
from audits.gate.rule import NO_QUARANTINED_ROW
from audits.gate.shipped import load_policy, shipped_policies
from audits.runner.registry import AUDITS

PAGES = sorted(page.stem for page in (Path(audits.__file__).parent / "explain").glob("*.md"))
POLICIES = [load_policy(file.stem) for file in sorted(shipped_policies().glob("*.yaml"))]
GATES = {gate for policy in POLICIES for gate in policy.gates()} | {NO_QUARANTINED_ROW.id}
NOTHING = Evidence(metrics={}, audits={})
METRICS = {gate.id: gate.metric for policy in POLICIES for gate in decide(NOTHING, policy).outcomes}


def page_of(name):
    result = CliRunner().invoke(app, ["explain", name, "--json"])
    assert result.exit_code == 0, name
    return json.loads(result.stdout)["name"]


@pytest.mark.parametrize("name", [*AUDITS, "A", "i", "shadow"])
def test_every_audit_is_explained(name):
    result = CliRunner().invoke(app, ["explain", name])
    assert result.exit_code == 0
    assert "**Attack.**" in result.stdout


def test_an_unknown_name_lists_the_known_ones(call):
    code, _, error = call("explain", "nonsense")
    assert code == 3
    assert "Known names: accounting, attempts, " in error


@pytest.mark.parametrize("page", PAGES)
def test_every_page_states_the_remedy_the_unit_and_the_cost_of_another_attempt(page):
    text = CliRunner().invoke(app, ["explain", page]).stdout
    for head in ("If the gate is not met", "Unit", "Another attempt"):
        assert text.count(f"**{head}.**") == 1


def test_every_gate_of_a_shipped_policy_is_explained_in_both_spellings():
    assert len(GATES) > 40
    found = {gate: page_of(gate) for gate in sorted(GATES)}
    assert found == {gate: page_of(gate.replace("-", "_").upper()) for gate in found}
    of_budget = {"dp-epsilon": "dp", "dp-delta": "dp"}
    expected = {gate: of_budget.get(gate, metric.partition(".")[0]) for gate, metric in METRICS.items()}
    assert {gate: found[gate] for gate in expected} == expected
    assert {gate: found[gate] for gate in found.keys() - expected} == {
        "dp-consistent-membership": "membership",
        "dp-consistent-canaries": "canaries",
        "dp-consistent-differencing": "differencing",
        "no-quarantined-row": "input_checks",
    }


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("input-checks", "input_checks"),
        ("input_checks.problems.value", "input_checks"),
        ("parent-recovery", "parent_recovery"),
        ("balance.tv_distance", "balance"),
    ],
)
def test_numbers_and_other_spellings_are_explained(name, page):
    assert page_of(name) == page


def test_a_former_name_is_unknown():
    result = CliRunner().invoke(app, ["explain", "hygiene"])
    assert "there is no explanation of 'hygiene'" in str(result.exception)
