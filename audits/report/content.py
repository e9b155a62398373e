"""The content of the report: only aggregates; no text, vector or score of a single real record."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from audits.gate.disclosure import is_withheld
from audits.gate.outcome import Outcome, RuleOutcome
from audits.gate.policy import Policy
from audits.report.guarantee import Guarantee

Count = int | str  # an exact count; a range that contains the count, such as `10-20`; or `–` if no count is shown
BalanceRow = tuple[str, Count, int, int]  # label, real train records, requested records, generated records
StageRow = tuple[str, Count, Count, float | None]  # name, input records, output records, seconds
Sample = tuple[str, str]  # label and text of a synthetic record


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """The outcome of a rule or audit; rules and audits that affect the decision on the release are called gates."""

    id: str
    # for a rule, its metric and bound, such as `membership.auc.high`; for an audit, a name such as `linkage.passed`
    metric: str
    op: Literal["<=", ">="]
    limit: float
    value: float | None  # None if nothing was measured
    low: float | None  # `low` and `high` are the ends of the interval; for an exact number they equal `value`
    high: float | None
    n: int | None  # number of persons or other units measured; None for a fact, for example that an audit passed
    # a gate with FAIL or INSUFFICIENT refuses the release; the verdict is WITHHELD only if `gating` is false
    verdict: Outcome
    reason: str
    why: str  # purpose of the rule, from the policy
    gating: bool = True  # whether the outcome affects the decision
    is_withheld: bool = False  # whether the number is not published; then `value`, `low`, `high`, `n` are None

    def __post_init__(self) -> None:
        measured = all(v is not None and math.isfinite(v) for v in (self.value, self.low, self.high))
        if self.verdict == "PASS" and not (measured or self.is_withheld):
            raise ValueError(f"gate {self.id}: a pass needs a finite number with its interval")


def gate_rows(outcomes: Iterable[RuleOutcome], policy: Policy) -> tuple[GateRow, ...]:
    """Return one row per outcome, in the given order, without the numbers that the policy does not publish."""
    names = ("id", "metric", "op", "limit", "verdict", "reason", "why", "gating")
    rows = []
    for outcome in outcomes:
        shared: dict[str, Any] = {name: getattr(outcome, name) for name in names}
        if is_withheld(outcome.metric, policy):
            shared["reason"] = "the number is withheld"
            rows.append(GateRow(**shared, value=None, low=None, high=None, n=None, is_withheld=True))
        elif (number := outcome.estimate) is None:
            rows.append(GateRow(**shared, value=outcome.value, low=outcome.value, high=outcome.value, n=None))
        else:
            rows.append(GateRow(**shared, value=number.value, low=number.low, high=number.high, n=number.n))
    return tuple(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSize:
    """How many real records and people the texts were made from; a number is None if it is not published."""

    records: Count | None = None
    persons: Count | None = None
    is_least: bool = False  # whether `persons` is a lower limit of the number
    is_declared: bool = False  # whether the institution declared `persons` from public knowledge
    has_persons: bool = True  # whether the source has person ids

    @property
    def units(self) -> str:
        """The word for the units that the page counts: people, or records if the source has no person ids."""
        return "people" if self.has_persons else "records"

    @property
    def unit(self) -> str:
        """The singular of `units`."""
        return "person" if self.has_persons else "record"

    @property
    def units_that_were(self) -> str:
        """The words "people who were" or "records that were"."""
        return f"{self.units} {'who' if self.has_persons else 'that'} were"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """All content of the report."""

    title: str
    release_id: str | None  # None if the release was refused
    created: str | None = None  # UTC time in the signed statement; None if there is no statement
    policy_name: str
    policy_statement: str  # what a release under this policy means and does not mean
    intended_use: Literal["inside", "outside"]  # whether a release under this policy may leave the institution
    verdict: Literal["released", "refused"]
    gates: tuple[GateRow, ...]  # in the order of the policy; a release needs at least one gate, and all must pass
    without_gate: tuple[GateRow, ...] = ()  # outcomes without a gate, which do not affect the decision
    balance: tuple[BalanceRow, ...] = ()
    audits: tuple[Mapping[str, Any], ...] = ()  # `results` of audit.json
    # results of the stage `evaluate`; empty if the policy does not publish them
    utility: Mapping[str, Any] = field(default_factory=dict)
    # numbers of candidates (generated texts before the filters) by key: `candidates` (all), `kept` (accepted), or the
    # reason for a rejection
    filters: Mapping[str, Count] = field(default_factory=dict)
    stages: tuple[StageRow, ...] = ()  # the seconds are None on the public page
    provenance: Mapping[str, str] = field(default_factory=dict)  # digests, and the version of the tool, by name
    limitations: tuple[str, ...] = ()
    guarantee: Guarantee | None = None  # None without differential privacy
    source: SourceSize = SourceSize()
    samples: tuple[Sample, ...] = ()  # the ten synthetic records with the smallest ids; empty if none may be shown
    approvals: tuple[tuple[str, int], ...] = ()  # pairs of a role and the number of its persons who must approve
    is_guessable: bool = False  # whether the seed of the random streams is not secret
    warnings: tuple[str, ...] = ()  # shown first, on the private page only
    private: bool = False  # whether the page shows exact counts of the source and must not be published

    def __post_init__(self) -> None:
        if not all(g.gating for g in self.gates) or any(g.gating for g in self.without_gate):
            raise ValueError("`gates` must contain gates only, and `without_gate` must contain none")
        if self.warnings and not self.private:
            raise ValueError("warnings are for the private page only")
        if self.verdict != "released":
            if self.samples and not self.private:
                raise ValueError("the records of a refused run may repeat private text and must not be shown")
            return
        if self.release_id is None:
            raise ValueError("a release without an id cannot be reported")
        if not self.gates or any(g.verdict != "PASS" for g in self.gates):
            raise ValueError("a report of a release needs at least one gate, and every gate must pass")
