"""Inputs and results of audits. Every privacy number is an `Estimate` with its interval and sample size."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError

LEAST_CONFIDENCE = 0.95  # of the interval ends that a pass rests on
Verdict = Literal["pass", "fail", "insufficient"]
Status = Literal["measured", "not_measurable", "failed"]
Direction = Literal["lower_is_safer", "higher_is_safer", "two_sided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Records as columns.

    Args:
        texts: non-empty strings.
        labels: class of each row, or None if the table has no classes.
        groups: person of each row; without a group column, each row is its own person.
        has_groups: whether persons are known; if not, every claim is per record.
        vectors: named float32 (n, d) matrices of these texts for the similarity audits.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...] | None
    groups: tuple[str, ...]
    has_groups: bool
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Table({len(self.texts)} records, {len(set(self.groups))} persons)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The train rows that each synthetic row was made from; private.

    Args:
        parents: for each synthetic row the indices of its train rows, from 0; may be empty.
        weights: for each synthetic row the weight of each parent; non-negative with sum 1.
    """

    parents: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """Fictitious persons; a fair coin each decides which are inserted into the train data of the canary build.

    Args:
        table: texts of the canaries, one person per canary; the rows of a person are its repetitions.
        family: kind of canary of each person, in order of first appearance.
        inserted: whether each person was inserted; bool (P,).
        canary_build: synthetic table of the canary build; none of its rows may be released.
        suffixes: alternative random endings for the exposure metric; may be empty.
    """

    table: Table
    family: tuple[str, ...]
    inserted: NDArray[np.bool_]
    canary_build: Table
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The previous release from data that has since gained or lost persons.

    Args:
        synthetic: its synthetic table.
        train: its train table.
        seed_digest: sha256 of its root seed, or None if unknown.
        seed_digest_now: sha256 of the current root seed, or None if unknown.
    """

    synthetic: Table
    train: Table
    seed_digest: str | None = None
    seed_digest_now: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditInputs:
    """The inputs of the audits.

    Args:
        synthetic: the table to be released.
        train: the table the generator was trained on.
        control: persons of the same population whom the generator never saw.
        reference: public text of the same kind, or None.
        identifiers: for each train row the identifiers that the original text contained before replacement, or None.
        set_aside: control rows removed by the input checks because they nearly duplicate a train row or share a
            record number with a train person; they count as records of those train persons.
        near_duplicate_rate: share of control rows that nearly duplicated train and were removed before the audits.
        control_identifiers: the same as `identifiers` for control; used to estimate chance matches.
        lineage: parents of each synthetic row, or None.
        canaries: canaries and their build, or None.
        mechanism: log of a differentially private mechanism as JSON values (format: `accounting`), or None.
        previous: the previous release, or None.
        mirror: output of the same generator and settings when trained on control, or None. It discloses control as
            the synthetic table discloses train, and must never be released.
    """

    synthetic: Table
    train: Table
    control: Table
    reference: Table | None = None
    identifiers: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)
    set_aside: Table | None = None
    near_duplicate_rate: float = 0.0
    control_identifiers: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)
    lineage: Lineage | None = field(default=None, repr=False)
    canaries: Canaries | None = None
    mechanism: Mapping[str, Any] | None = field(default=None, repr=False)
    previous: Previous | None = None
    mirror: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured number with a two-sided interval.

    Args:
        value: the point estimate.
        low: lower end.
        high: upper end.
        confidence: one-sided confidence of each end; the true value is above `high` with at most 1 - confidence.
        n: number of independent units (persons, unless the audit says otherwise).
    """

    value: float
    low: float
    high: float
    confidence: float
    n: int

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.value, self.low, self.high)):
            raise ValueError("an estimate must be finite; report not_measurable instead")
        if not self.low <= self.value <= self.high:
            raise ValueError("an estimate must lie in its interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place of the synthetic table that discloses one train person; private.

    Args:
        row: row of the synthetic table, from 0.
        start: first character in the original text.
        end: end of the place, exclusive.
        kind: type of the finding, from a fixed set of each audit.
        person: group of the train person.
    """

    row: int
    start: int
    end: int
    kind: str
    person: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """The result of one audit.

    Args:
        name: name of the audit in the registry (`memorization`, `neighbours`, ...).
        verdict: pass, fail or insufficient.
        status: whether the audit could be measured.
        estimate: the main number; None unless measured.
        control: the same number for control instead of train, if meaningful.
        threshold: the limit for the pessimistic interval end; (low, high) if two-sided.
        direction: which values are safer.
        metrics: further numbers that a policy can use, as `audit.metric`.
        details: aggregates for the report, without texts, labels or identifiers.
        reason: one sentence that explains the verdict; for insufficient it names the required sample size.
        confidence: one-sided confidence of the run; set by the runner.
        findings: places that disclose single train persons. They name persons, so they are never part of a report,
            evidence or log.
    """

    name: str
    verdict: Verdict
    status: Status
    estimate: Estimate | None
    control: Estimate | None
    threshold: float | tuple[float, float] | None
    direction: Direction
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    reason: str
    confidence: float | None = None
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.verdict == "pass" and self.estimate is not None and self.estimate.confidence < LEAST_CONFIDENCE:
            raise InputError(f"a pass requires a confidence of at least {LEAST_CONFIDENCE:g}")


def without_number(name: str, status: Status, reason: str) -> AuditResult:
    """Return the result of an audit without a measurement."""
    return AuditResult(
        name=name,
        verdict="insufficient",
        status=status,
        estimate=None,
        control=None,
        threshold=None,
        direction="lower_is_safer",
        reason=reason,
    )


class Attack(Protocol):
    """Interface of an audit."""

    name: str

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return the result; raise NotMeasurable if the tables are too small or unsuitable."""
        ...


def persons(groups: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct persons in order of first appearance, and the person index of each row."""
    order: dict[str, int] = {}
    index = np.array([order.setdefault(g, len(order)) for g in groups], dtype=np.int64)
    return list(order), index
