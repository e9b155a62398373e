from dataclasses import replace

import pytest

from audits.cli.preflight import LINEAGE_METRICS, impossible_gates
from audits.core.types import Lineage
from audits.gate.policy import Policy
from audits.gate.shipped import load_policy

ENGINE = {
    "balance.tv_distance",
    "utility.encoder_logistic.tstr_over_trtr",
    "utility.encoder_logistic.worst_class_ratio",
}


def ids(policy, inputs, numbers=(), audits=None):
    return {line.split(":")[0] for line in impossible_gates(load_policy(policy), inputs, audits, set(numbers))}


def test_every_missing_input_of_a_shipped_policy_is_listed(fresh_inputs):
    assert ids("research", fresh_inputs) == {"parents-known", "utility", "worst-class", "balance"}
    traced = replace(fresh_inputs, lineage=Lineage(parents=((0,),), weights=((1.0,),)))
    assert ids("research", traced, ENGINE) == set()
    external = ids("hospital-external", traced, ENGINE)
    assert {"attempts", "attempts-counted", "secret-private", "selftest-linkage", "utility"} <= external
    assert "balance" not in external
    assert {"audit-accounting", "dp-epsilon"} <= ids("strict-dp", traced, ENGINE)


def test_audits_that_do_not_run_are_listed(fresh_inputs):
    given = {"name": "t", "version": "1", "intended_use": "inside", "statement": "s"}
    policy = Policy(**given, required=("memorization", "canaries", "differencing"), measured=("linkage",))
    lines = impossible_gates(policy, fresh_inputs, ["memorization"], set())
    assert len(lines) == 3
    assert "audit-canaries: INSUFFICIENT: the audit canaries does not run; it requires --canaries" in lines[0]


@pytest.mark.parametrize("name", sorted(LINEAGE_METRICS))
def test_numbers_of_the_lineage_need_one(fresh_inputs, name):
    rule = {"id": "a", "metric": f"parent_recovery.{name}", "bound": "value", "op": "<=", "limit": 1.0, "why": "w"}
    policy = Policy(name="t", version="1", intended_use="inside", statement="s", rules=(rule,))
    assert "requires --lineage" in impossible_gates(policy, fresh_inputs, None, set())[0]
