"""What the report shows: aggregates only; no text, vector or score of one record has a place here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from synthgen.core.errors import InternalError

Count = int | str  # a number, or the bucket that stands for one
BalanceRow = tuple[str, Count, int, int]
StageRow = tuple[str, Count, Count, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """One rule of the policy and how it came out, or an audit's verdict that gates nothing.

    Args:
        id: the rule's name in the policy.
        metric: the number it reads, as `audit.metric`.
        op: how the pessimistic end of the interval is compared with the limit.
        limit: the policy's number.
        value: what was found; None where nothing was.
        low: lower end of the interval; the value itself for an exact fact.
        high: upper end.
        n: how many independent units the number rests on; None for an exact fact, such as that an audit passed.
        verdict: of a gate, FAIL and INSUFFICIENT both refuse.
        reason: what decided it.
        why: what the rule is there for, in the policy's words.
        gating: whether it decides; False for an audit that is measured and shown.
    """

    id: str
    metric: str
    op: Literal["<=", ">="]
    limit: float
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    verdict: Literal["PASS", "FAIL", "INSUFFICIENT"]
    reason: str
    why: str
    gating: bool = True

    def __post_init__(self) -> None:
        measured = all(v is not None and math.isfinite(v) for v in (self.value, self.low, self.high))
        if self.verdict == "PASS" and not measured:
            raise InternalError(f"gate {self.id}: a pass needs a finite number with its interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """Everything the report says.

    Args:
        title: name of the dataset.
        release_id: name of the bundle; None where the release was refused.
        policy_name: the policy it was judged by.
        policy_statement: what a release under this policy does and does not mean; shown first.
        verdict: released or refused.
        gates: what decides, in the policy's order; a release needs at least one, and all of them passed.
        measured: audits whose verdicts are shown and gate nothing.
        balance: per label the number of real train records (its bucket on a public page), of records asked for, made.
        audits: `results` of audit.json, each a mapping.
        utility: what `evaluate` wrote: {"classifiers": {name: {"real" | "synthetic" | "real+synthetic": {...}}}}.
        filters: rejected candidates by reason; the keys `candidates` and `kept` hold the totals.
        stages: per stage its name, records in, records out, seconds; on a public page buckets, and no seconds, which
            are in proportion to the private records.
        provenance: names and digests of configuration, models, policy, code.
        limitations: sentences the reader must know.
        promise: of differential privacy, in a sentence, where one is made; then only gates are told of.
        private: whether it shows exact counts of the source, and may not leave.
    """

    title: str
    release_id: str | None
    policy_name: str
    policy_statement: str
    verdict: Literal["released", "refused"]
    gates: tuple[GateRow, ...]
    measured: tuple[GateRow, ...] = ()
    balance: tuple[BalanceRow, ...] = ()
    audits: tuple[Mapping[str, Any], ...] = ()
    utility: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, Count] = field(default_factory=dict)
    stages: tuple[StageRow, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    limitations: tuple[str, ...] = ()
    promise: str = ""
    private: bool = False

    def __post_init__(self) -> None:
        if not all(g.gating for g in self.gates) or any(g.gating for g in self.measured):
            raise InternalError("what does not gate may not stand among the gates, nor a gate beside them")
        if self.verdict != "released":
            return
        if self.release_id is None:
            raise InternalError("a release without an id cannot be reported")
        if not self.gates or any(g.verdict != "PASS" for g in self.gates):
            raise InternalError("the report may say released only where every gate passed, and there is one")
