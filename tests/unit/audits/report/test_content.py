import math
from dataclasses import replace

import pytest

from audits.gate.evidence import AuditState, Evidence, Metric
from audits.gate.policy import DpRule, Policy, decide
from audits.gate.rule import Rule
from audits.report import gate_rows

RULES = (
    Rule(id="auc", metric="membership.auc", bound="high", op="<=", limit=0.75, why="guessing"),
    Rule(id="gone", metric="utility.ratio", bound="low", op=">=", limit=0.9, why="useful"),
)
AUDITS = {"required": ("memorization",), "measured": ("membership",)}
POLICY = Policy(name="trial", version="1", intended_use="inside", statement="inside only", rules=RULES, **AUDITS)
PASSED, FAILED = (AuditState(verdict=word, status="measured", confidence=0.96) for word in ("pass", "fail"))
AUC = Metric(value=0.6, low=0.55, high=0.66, confidence=0.95, n=321)
EVIDENCE = Evidence(metrics={"membership.auc": AUC}, audits={"memorization": PASSED, "membership": FAILED})


@pytest.fixture(scope="module")
def released(pages):
    return pages.content()


@pytest.fixture(scope="module")
def gate(pages):
    return pages.GATES[-1]


@pytest.mark.parametrize("field", ["value", "low", "high"])
@pytest.mark.parametrize("number", [None, math.nan, math.inf])
def test_pass_needs_a_finite_number_and_interval(gate, field, number):
    with pytest.raises(ValueError, match="gate auc: a pass needs"):
        replace(gate, **{field: number})


def test_release_needs_an_id_and_gates_that_all_pass(released, gate):
    for gates in ((), (gate, replace(gate, verdict="FAIL")), (gate, replace(gate, verdict="INSUFFICIENT"))):
        with pytest.raises(ValueError, match="every gate must pass"):
            replace(released, gates=gates)
    with pytest.raises(ValueError, match="without an id"):
        replace(released, release_id=None)
    assert replace(released, verdict="refused", gates=(), release_id=None, samples=()).verdict == "refused"


def test_gates_and_audits_without_a_gate_are_separate(released, gate):
    without_gate = replace(gate, id="audit-linkage", verdict="FAIL", gating=False)
    assert replace(released, without_gate=(without_gate,)).verdict == "released"
    for wrong in ({"gates": (gate, without_gate)}, {"without_gate": (gate,)}):
        with pytest.raises(ValueError, match="must contain gates only"):
            replace(released, **wrong)


def test_gate_rows_contain_value_interval_n_and_purpose():
    rows = {row.id: row for row in gate_rows(decide(EVIDENCE, POLICY).outcomes, POLICY)}
    auc, gone, audit = rows["auc"], rows["gone"], rows["audit-memorization"]
    assert (auc.value, auc.low, auc.high, auc.n, auc.verdict, auc.why) == (0.6, 0.55, 0.66, 321, "PASS", "guessing")
    assert auc.metric.startswith("membership.auc")
    assert (auc.op, auc.limit) == ("<=", 0.75)
    assert (gone.value, gone.low, gone.n, gone.verdict) == (None, None, None, "INSUFFICIENT")
    assert (audit.value, audit.low, audit.high, audit.n, audit.verdict) == (1, 1, 1, None, "PASS")


def test_gate_rows_keep_the_verdict_of_an_audit_without_a_gate_and_an_empty_policy_refuses():
    decision = decide(EVIDENCE, POLICY)
    (row,) = gate_rows(decision.without_gate, POLICY)
    assert (row.id, row.verdict, row.gating) == ("audit-membership", "FAIL", False)
    assert all(row.gating for row in gate_rows(decision.gates, POLICY))
    empty = POLICY.model_copy(update={"required": (), "measured": (), "rules": ()})
    (row,) = gate_rows(decide(EVIDENCE, empty).outcomes, empty)
    assert row.verdict != "PASS"


def test_numbers_of_private_records_are_withheld_under_dp():
    dp = DpRule(unit="group", max_epsilon=3, max_delta=1e-5, ledger="required")
    private = POLICY.model_copy(update={"dp": dp})
    rows = {row.id: row for row in gate_rows(decide(EVIDENCE, POLICY).outcomes, private)}
    for name in ("auc", "audit-memorization", "audit-membership"):
        row = rows[name]
        assert (row.is_withheld, row.value, row.low, row.high, row.n) == (True, None, None, None, None)
        assert row.reason == "the number is withheld"
    assert rows["audit-memorization"].verdict == "PASS"


def test_warnings_are_for_the_private_page_only(released):
    assert replace(released, warnings=("look",), private=True).warnings == ("look",)
    with pytest.raises(ValueError, match="private page only"):
        replace(released, warnings=("look",))
