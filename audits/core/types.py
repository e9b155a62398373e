"""The inputs (`AuditInputs`) and the results (`AuditResult`) of the audits."""

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
MIN_CONFIDENCE = 0.95  # smallest confidence that the estimate of an audit with the verdict "pass" may have
Verdict = Literal["pass", "fail", "insufficient"]  # "insufficient": the data do not decide
# "inconclusive": measured, but the attack could not have found a leak, or the tables cannot be compared;
# "not_measurable": the tables are too small or unsuitable; "failed": an error was raised
Status = Literal["measured", "inconclusive", "not_measurable", "failed"]
# which values of the main number are safe; "two_sided": values that are neither too low nor too high
Direction = Literal["lower_is_safer", "higher_is_safer", "two_sided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of records, stored as columns with one entry per row."""

    texts: tuple[str, ...]  # non-empty strings
    labels: tuple[str, ...] | None  # class of each row, or None if the table has no classes
    groups: tuple[str, ...]  # person id of each row; if the table names no persons, each row has a different id
    has_groups: bool  # whether `groups` identifies persons; if not, every privacy claim is per record
    # name of an encoder -> vectors of the texts, float32 (rows, dimensions)
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Table({len(self.texts)} records, {len(set(self.groups))} persons)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The train rows (parents) from which each synthetic row was made; private."""

    parents: tuple[tuple[int, ...], ...]  # for each synthetic row, indices (from 0) of its parents; () if it has none
    # for each synthetic row, the weight of each parent, at least 0; the weights of a row with parents have the sum 1
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """Invented persons (canaries), and the synthetic table of a second run of the generator (the canary build).

    A fair coin decides for each canary whether its records are inserted into the train data of the second run.
    """

    table: Table  # texts of the canaries, one person per canary; a canary may have several rows
    family: tuple[str, ...]  # kind of each canary, in the order in which the canaries first appear in `table`
    inserted: Bool  # whether each canary was inserted, bool (canaries,), in the same order
    canary_build: Table  # the canary build; its rows must never be released
    suffixes: tuple[str, ...] = ()  # random text endings, with which the endings of canaries are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The previous release. Persons may have joined or left the source since that release."""

    synthetic: Table  # the synthetic table of the previous release
    train: Table  # the train table of the previous release
    seed_digest: str | None = None  # sha256 of the root seed of the previous release, or None if unknown
    seed_digest_now: str | None = None  # sha256 of the root seed of the new release, or None if unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditInputs:
    """The tables and logs that the audits read; an optional input is None if the user did not give it."""

    synthetic: Table  # the table to be released
    train: Table  # the table on which the generator was trained
    control: Table  # persons whom the generator never saw, from the same population as those of train
    reference: Table | None = None  # public texts that resemble those of train
    # for each train row, the original identifiers that were replaced in the text of the row
    identifiers: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)
    # control rows that `check_split` removed; None if there are none. Each of these rows nearly duplicates a train
    # row, or its person has a direct identifier of a train person. No audit uses the rows as control records.
    # `memorization` and `identifiers` read the rows to recognise text that several persons have
    set_aside: Table | None = None
    # share of the control rows that the caller removed before the audits, because they nearly duplicate train rows
    near_duplicate_rate: float = 0.0
    # for each control row, its replaced original identifiers; they show how many identifiers match by chance
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
            raise ValueError("the value and the interval of an estimate must be finite numbers")
        if not self.low <= self.value <= self.high:
            raise ValueError("an estimate must lie in its interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place in the synthetic table that discloses one train person; private."""

    row: int  # row of the synthetic table, from 0
    start: int  # index of the first character in the text of the row
    end: int  # index after the last character
    kind: str  # kind of the disclosure; each audit has a fixed set of kinds
    person: str = field(repr=False)  # id of the train person


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """The result of one audit."""

    name: str  # name of the audit in the registry (`memorization`, `neighbours`, ...)
    verdict: Verdict
    status: Status
    estimate: Estimate | None = None  # the main number; None if nothing was measured
    control: Estimate | None = None  # the main number, computed for control in place of train; None if not computed
    # limit for the unsafe end of the interval of `estimate`; (lower limit, upper limit) if both ends can be unsafe
    threshold: float | tuple[float, float] | None = None
    direction: Direction
    metrics: Mapping[str, Estimate] = field(default_factory=dict)  # further numbers that a policy can limit, by name
    details: Mapping[str, Any] = field(default_factory=dict)  # aggregates without texts, labels or identifiers
    reason: str  # explains the verdict; if there are too few persons, states how many would be enough
    confidence: float | None = None  # one-sided confidence of the run; None until the runner sets it
    findings: tuple[Finding, ...] = field(default=(), repr=False)  # private: in no report, evidence or log
    # indices of the synthetic rows (from 0) to which the verdict does not apply
    quarantined: tuple[int, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.verdict == "pass" and self.estimate is not None and self.estimate.confidence < MIN_CONFIDENCE:
            raise InputError(f"the verdict `pass` requires a confidence of at least {MIN_CONFIDENCE:g}")


def without_number(name: str, status: Status, reason: str) -> AuditResult:
    """Return the result of an audit that measured no number; its verdict is "insufficient"."""
    return AuditResult(name=name, verdict="insufficient", status=status, direction="lower_is_safer", reason=reason)


class Attack(Protocol):
    """Interface of an audit."""

    name: str

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the result; raise NotMeasurable if the tables are too small or unsuitable."""
        ...


def persons(groups: Sequence[str]) -> tuple[list[str], Int]:
    """Return the distinct person ids in order of first appearance, and the index of each row's person, int64 (n,)."""
    order: dict[str, int] = {}
    index = np.array([order.setdefault(g, len(order)) for g in groups], dtype=np.int64)
    return list(order), index
