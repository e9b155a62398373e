"""The inputs and results of audits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
UInt = NDArray[np.uint64]
Float = NDArray[np.float64]
Rng = np.random.Generator
MIN_CONFIDENCE = 0.95  # smallest confidence of an estimate with which an audit may pass
Verdict = Literal["pass", "fail", "insufficient"]
# "inconclusive": measured, but the attack could not have found a leak, or the tables cannot be compared;
# "not_measurable": the tables are too small or unsuitable; "failed": the audit raised an error
Status = Literal["measured", "inconclusive", "not_measurable", "failed"]
Direction = Literal["lower_is_safer", "higher_is_safer", "two_sided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Records as columns."""

    texts: tuple[str, ...]  # non-empty strings
    labels: tuple[str, ...] | None  # class of each row, or None if the table has no classes
    groups: tuple[str, ...]  # person of each row; without a group column, each row is its own person
    has_groups: bool  # whether persons are known; if not, every claim is per record
    # embeddings of the texts for the similarity audits: float32 (n, d) matrices, by name
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Table({len(self.texts)} records, {len(set(self.groups))} persons)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The train rows that each synthetic row was made from; private."""

    parents: tuple[tuple[int, ...], ...]  # for each synthetic row the indices of its train rows, from 0; may be empty
    weights: tuple[tuple[float, ...], ...]  # weight of each parent; non-negative with sum 1 for each synthetic row


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """Fictitious persons (canaries), and the output of a second run of the generator: the canary build.

    A fair coin decides for each canary whether its records are inserted into the train data of the canary build.
    """

    table: Table  # texts of the canaries, one person per canary; a canary may have several rows
    family: tuple[str, ...]  # kind of each canary, in order of first appearance
    inserted: Bool  # whether each canary was inserted; bool (P,)
    canary_build: Table  # synthetic table of the canary build; its rows must never be released
    suffixes: tuple[str, ...] = ()  # alternative random endings for the exposure metric; may be empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The previous release; persons have joined or left the data since then."""

    synthetic: Table
    train: Table
    seed_digest: str | None = None  # sha256 of the root seed of the previous release, or None if unknown
    seed_digest_now: str | None = None  # sha256 of the root seed of the new release, or None if unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditInputs:
    """The inputs of the audits."""

    synthetic: Table  # the table to be released
    train: Table  # the table the generator was trained on
    control: Table  # persons of the same population whom the generator never saw
    reference: Table | None = None  # public text of the same kind, or None
    # for each train row, the identifiers that its original text contained before they were replaced, or None
    identifiers: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)
    # control rows removed by the input checks (`check_split`); they count as records of the train persons they repeat
    set_aside: Table | None = None
    near_duplicate_rate: float = 0.0  # share of control rows removed because they nearly duplicate a train row
    # like `identifiers`, for each control row; used to estimate how many matches occur by chance
    control_identifiers: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)
    lineage: Lineage | None = field(default=None, repr=False)  # parents of each synthetic row, or None
    canaries: Canaries | None = None  # canaries and their build, or None
    # log of a differentially private mechanism as JSON values (read by `audits.attacks.accounting`), or None
    mechanism: Mapping[str, Any] | None = field(default=None, repr=False)
    previous: Previous | None = None  # the previous release, or None
    # output of the same generator and settings when trained on control, or None; it must never be released
    mirror: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured number with a two-sided interval."""

    value: float  # the point estimate
    low: float  # lower end
    high: float  # upper end
    confidence: float  # of each end: the true value is above `high` with probability at most 1 - confidence
    n: int  # number of independent units (persons, unless the audit says otherwise)

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.value, self.low, self.high)):
            raise ValueError("an estimate must be finite; report not_measurable instead")
        if not self.low <= self.value <= self.high:
            raise ValueError("an estimate must lie in its interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place of the synthetic table that discloses one train person; private."""

    row: int  # row of the synthetic table, from 0
    start: int  # index of the first character in the text of the row
    end: int  # index after the last character
    kind: str  # type of the finding, from the fixed set of the audit
    person: str = field(repr=False)  # group of the train person


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """The result of one audit."""

    name: str  # name of the audit in the registry (`memorization`, `neighbours`, ...)
    verdict: Verdict  # pass, fail or insufficient
    status: Status  # whether the audit measured something; see `Status`
    estimate: Estimate | None = None  # the main number; None unless measured
    control: Estimate | None = None  # the same number for control instead of train, if meaningful
    # limit for the end of the interval on the unsafe side; (low, high) if both sides are unsafe
    threshold: float | tuple[float, float] | None = None
    direction: Direction  # which values are safer
    metrics: Mapping[str, Estimate] = field(default_factory=dict)  # numbers that a policy can use as `audit.metric`
    details: Mapping[str, Any] = field(default_factory=dict)  # aggregates without texts, labels or identifiers
    reason: str  # explains the verdict; if there are too few persons, states how many would be enough
    confidence: float | None = None  # one-sided confidence of the run; set by the runner
    # places that disclose single train persons; they name persons, so no report, evidence or log contains them
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    quarantined: tuple[int, ...] = field(default=(), repr=False)  # synthetic rows, from 0, not covered by the verdict

    def __post_init__(self) -> None:
        if self.verdict == "pass" and self.estimate is not None and self.estimate.confidence < MIN_CONFIDENCE:
            raise InputError(f"a pass requires a confidence of at least {MIN_CONFIDENCE:g}")


def without_number(name: str, status: Status, reason: str) -> AuditResult:
    """Return the result of an audit without a measurement."""
    return AuditResult(name=name, verdict="insufficient", status=status, direction="lower_is_safer", reason=reason)


class Attack(Protocol):
    """Interface of an audit."""

    name: str

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the result; raise NotMeasurable if the tables are too small or unsuitable."""
        ...


def persons(groups: Sequence[str]) -> tuple[list[str], Int]:
    """Return the distinct persons in order of first appearance, and the person index of each row."""
    order: dict[str, int] = {}
    index = np.array([order.setdefault(g, len(order)) for g in groups], dtype=np.int64)
    return list(order), index
