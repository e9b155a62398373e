from audits.gate.evidence import AuditState, Evidence, Metric
from audits.gate.policy import Policy, decide
from audits.gate.rule import Rule
from synthgen.report import gate_rows

POLICY = Policy(
    name="trial",
    version="1",
    intended_use="inside",
    statement="inside only",
    required=("memorization",),
    measured=("membership",),
    rules=(
        Rule(id="auc", metric="membership.auc", bound="high", op="<=", limit=0.75, why="guessing"),
        Rule(id="gone", metric="utility.ratio", bound="low", op=">=", limit=0.9, why="useful"),
    ),
)
EVIDENCE = Evidence(
    metrics={"membership.auc": Metric(value=0.6, low=0.55, high=0.66, confidence=0.95, n=321)},
    audits={
        "memorization": AuditState(verdict="pass", status="measured", confidence=0.96),
        "membership": AuditState(verdict="fail", status="measured", confidence=0.96),
    },
)


def test_rows_carry_value_interval_n_and_why():
    rows = {row.id: row for row in gate_rows(decide(EVIDENCE, POLICY).outcomes)}
    auc = rows["auc"]
    assert (auc.value, auc.low, auc.high, auc.n, auc.verdict, auc.why) == (0.6, 0.55, 0.66, 321, "PASS", "guessing")
    assert auc.metric.startswith("membership.auc")
    assert (auc.op, auc.limit) == ("<=", 0.75)


def test_exact_facts_and_missing_numbers():
    rows = {row.id: row for row in gate_rows(decide(EVIDENCE, POLICY).outcomes)}
    gone, memorization = rows["gone"], rows["audit-memorization"]
    assert (gone.value, gone.low, gone.n, gone.verdict) == (None, None, None, "INSUFFICIENT")
    assert (memorization.value, memorization.low, memorization.high, memorization.n, memorization.verdict) == (
        1,
        1,
        1,
        None,
        "PASS",
    )


def test_an_audit_that_gates_nothing_keeps_its_own_verdict():
    decision = decide(EVIDENCE, POLICY)
    (row,) = gate_rows(decision.measured)
    assert (row.id, row.verdict, row.gating) == ("audit-membership", "FAIL", False)
    assert all(row.gating for row in gate_rows(decision.gates))


def test_an_empty_policy_gives_its_one_refusing_row():
    empty = POLICY.model_copy(update={"required": (), "measured": (), "rules": ()})
    (row,) = gate_rows(decide(EVIDENCE, empty).outcomes)
    assert row.verdict != "PASS"
