import math
from dataclasses import replace

import pytest

from synthgen.core.errors import InternalError
from synthgen.report import GateRow, ReportContent

GATE = GateRow(
    id="auc",
    metric="membership.auc",
    op="<=",
    limit=0.75,
    value=0.6,
    low=0.5,
    high=0.7,
    n=41,
    verdict="PASS",
    reason="upper end within the limit",
    why="guessing",
)
RELEASED = ReportContent(
    title="t",
    release_id="t-1",
    policy_name="research",
    policy_statement="inside only",
    verdict="released",
    gates=(GATE,),
)


@pytest.mark.parametrize("field", ["value", "low", "high"])
@pytest.mark.parametrize("number", [None, math.nan, math.inf])
def test_a_pass_without_a_finite_number_cannot_be_written(field, number):
    with pytest.raises(InternalError, match="gate auc: a pass needs"):
        replace(GATE, **{field: number})


@pytest.mark.parametrize("verdict", ["FAIL", "INSUFFICIENT"])
def test_a_release_with_a_gate_not_passed_cannot_be_written(verdict):
    with pytest.raises(InternalError, match="only where every gate passed"):
        replace(RELEASED, gates=(GATE, replace(GATE, verdict=verdict)))


def test_a_release_without_gates_or_id_cannot_be_written():
    with pytest.raises(InternalError, match="only where every gate passed"):
        replace(RELEASED, gates=())
    with pytest.raises(InternalError, match="without an id"):
        replace(RELEASED, release_id=None)


def test_gates_and_what_gates_nothing_are_kept_apart():
    beside = replace(GATE, id="audit-linkage", verdict="FAIL", gating=False)
    assert replace(RELEASED, measured=(beside,)).verdict == "released"
    for wrong in ({"gates": (GATE, beside)}, {"measured": (GATE,)}):
        with pytest.raises(InternalError, match="may not stand among the gates"):
            replace(RELEASED, **wrong)


def test_a_refusal_needs_neither_gates_nor_id():
    refused = replace(RELEASED, verdict="refused", gates=(), release_id=None)
    assert refused.verdict == "refused"
