"""Define the inputs of the audits, such as `Table`, and their results, such as `AuditResult`."""

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
MIN_CONFIDENCE = 0.95  # smallest confidence that the estimate of a passing audit may have
Verdict = Literal["pass", "fail", "insufficient"]  # "insufficient": the data do not decide
# "inconclusive": measured, but the attack could not have found a leak, or the tables cannot be compared;
# "not_measurable": the tables are too small or unsuitable; "failed": the audit raised an error
Status = Literal["measured", "inconclusive", "not_measurable", "failed"]
Direction = Literal["lower_is_safer", "higher_is_safer", "two_sided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of records, stored as columns with one entry per row."""

    texts: tuple[str, ...]  # non-empty strings
    labels: tuple[str, ...] | None  # class of each row, or None if the table has no classes
    groups: tuple[str, ...]  # person id of each row; if persons are not known, each row has a different id
    has_groups: bool  # whether persons are known; if not, every claim is per record
    # embeddings of the texts (n rows, d dimensions), float32, by the name of the encoder
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Table({len(self.texts)} records, {len(set(self.groups))} persons)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The train rows (parents) from which each synthetic row was made; private."""

    parents: tuple[tuple[int, ...], ...]  # for each synthetic row, the indices of its parents, from 0; may be empty
    # weight of each parent, not negative; the weights of a synthetic row with parents have the sum 1
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """Fictitious persons (canaries), and the output of a second run of the generator: the canary build.

    A fair coin decides for each canary whether its records are inserted into the train data of the canary build.
    """

    table: Table  # texts of the canaries, one person per canary; a canary may have several rows
    family: tuple[str, ...]  # kind of each canary, in the order in which the canaries first appear in `table`
    inserted: Bool  # whether each canary was inserted; bool, one entry per canary
    canary_build: Table  # synthetic table of the canary build; its rows must never be released
    suffixes: tuple[str, ...] = ()  # random endings that no canary has, for comparison with the canaries' endings


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The previous release. Persons may have joined or left the data since that release."""

    synthetic: Table
    train: Table
    seed_digest: str | None = None  # sha256 of the root seed of the previous release, or None if unknown
    seed_digest_now: str | None = None  # sha256 of the root seed of the new release, or None if unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditInputs:
    """The inputs of the audits."""

    synthetic: Table  # the table to be released
    train: Table  # the table on which the generator was trained
    control: Table  # persons whom the generator never saw, from the population of train
    reference: Table | None = None  # public texts that resemble those of train
    # for each train row, the original identifiers that were replaced in the text of the row
    identifiers: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)
    # rows that `check_split` removed from control, because they nearly duplicate a train row or their person has an
    # identifier of a train person; None if no row was removed. The audits do not use these rows as control records.
    # `memorization` and `identifiers` read the rows to recognise text that several persons have
    set_aside: Table | None = None
    # share of the control rows that were removed as near duplicates of a train row before the audits were called
    near_duplicate_rate: float = 0.0
    # for each control row, its replaced identifiers; they show how many identifiers match by chance
    control_identifiers: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)
    lineage: Lineage | None = field(default=None, repr=False)
    canaries: Canaries | None = None
    # log of a differentially private mechanism as JSON values, which `audits.attacks.accounting` reads
    mechanism: Mapping[str, Any] | None = field(default=None, repr=False)
    previous: Previous | None = None
    mirror: Table | None = None  # output of the generator when trained on control; must never be released


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured number with a two-sided interval."""

    value: float  # the point estimate
    low: float  # lower end
    high: float  # upper end
    confidence: float  # one-sided: P[true value > `high`] and P[true value < `low`] are each at most 1 - confidence
    n: int  # sample size: number of persons, unless the audit states a different unit

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.value, self.low, self.high)):
            raise ValueError("an estimate must be finite; report not_measurable instead")
        if not self.low <= self.value <= self.high:
            raise ValueError("an estimate must lie in its interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place in the synthetic table that discloses one train person; private."""

    row: int  # row of the synthetic table, from 0
    start: int  # index of the first character in the text of the row
    end: int  # index after the last character
    kind: str  # type of the finding; each audit has a fixed set of types
    person: str = field(repr=False)  # id of the train person


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """The result of one audit."""

    name: str  # name of the audit in the registry (`memorization`, `neighbours`, ...)
    verdict: Verdict
    status: Status
    estimate: Estimate | None = None  # the main number; None if nothing was measured
    control: Estimate | None = None  # the main number, computed for control in place of train; None if not meaningful
    # limit for the unsafe end of the interval; (lower limit, upper limit) if both ends can be unsafe
    threshold: float | tuple[float, float] | None = None
    direction: Direction
    metrics: Mapping[str, Estimate] = field(default_factory=dict)  # numbers that a policy can limit, by name
    details: Mapping[str, Any] = field(default_factory=dict)  # aggregates without texts, labels or identifiers
    reason: str  # explains the verdict; if there are too few persons, states how many would be enough
    confidence: float | None = None  # one-sided confidence of the run; None until the runner sets it
    findings: tuple[Finding, ...] = field(default=(), repr=False)  # private: in no report, evidence or log
    quarantined: tuple[int, ...] = field(default=(), repr=False)  # synthetic rows (from 0) that the verdict excludes

    def __post_init__(self) -> None:
        if self.verdict == "pass" and self.estimate is not None and self.estimate.confidence < MIN_CONFIDENCE:
            raise InputError(f"a pass requires a confidence of at least {MIN_CONFIDENCE:g}")


def without_number(name: str, status: Status, reason: str) -> AuditResult:
    """Return the result of an audit that measured nothing, with the verdict "insufficient"."""
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
