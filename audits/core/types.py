"""What an audit takes and what it returns.

A privacy number is never bare: it is an `Estimate` with its interval and its n.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError

LEAST_CONFIDENCE = 0.95  # of the ends that a pass rests on
Verdict = Literal["pass", "fail", "insufficient"]
Status = Literal["measured", "not_measurable", "failed"]
Direction = Literal["lower_is_safer", "higher_is_safer", "two_sided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Records of one role as columns: texts, and where known labels, persons and ids.

    Args:
        texts: not empty strings.
        labels: the class of each row, or None where the table has none.
        groups: the person of each row; where the source names none, each row is its own.
        has_groups: whether the source named persons; if not, every claim is per record only.
        vectors: named float32 (n, d) matrices of these texts that the caller wants attacked as well.
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
    """What each synthetic record was made from; the private ledger of a generator that mixes records.

    Args:
        parents: for each synthetic row the train rows (from 0) it was made from; empty where it was made from none.
        weights: for each synthetic row the weight of each parent; at least 0, summing to 1.
    """

    parents: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """Made-up persons, each put into the train data of a second build by a fair coin of its own, or left out.

    Args:
        table: their texts, one person for each canary; a person has as many rows as it was to be inserted.
        family: the kind of canary of each person, by order of first appearance.
        inserted: bool, for each person whether the coin put it in.
        canary_build: the synthetic table of the second build; no row of it may be released.
        suffixes: other endings that the random ones could have been, for exposure; empty where none were made.
    """

    table: Table
    family: tuple[str, ...]
    inserted: NDArray[np.bool_]
    canary_build: Table
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """An earlier release of data that has since gained or lost persons.

    Args:
        synthetic: what was released then.
        train: what its generator saw.
        seed_digest: sha256 of the root seed of then; None where unknown.
        seed_digest_now: the same of now.
    """

    synthetic: Table
    train: Table
    seed_digest: str | None = None
    seed_digest_now: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditInputs:
    """The tables an audit may read.

    Args:
        synthetic: what is to be released.
        train: what the generator saw.
        control: persons of the same kind that the generator never saw.
        reference: public text of the same kind, or None.
        identifiers: for each train row the identifier strings known to stand in the original text
            (before any replacement), or None where nobody recorded them.
        set_aside: control rows that the split check took out of control, because they nearly repeat a train row or
            are of a person whose record number stands in train; they belong to the train persons they repeat.
        near_duplicate_rate: share of the control rows that whoever made the tables had found to nearly repeat a train
            row, and left out; 0 where nobody looked.
        control_identifiers: the same as `identifiers` for each control row; says what returns by chance.
        lineage: what each synthetic row was made from, or None where nobody recorded it.
        canaries: of a second build, or None.
        mechanism: the log of a differentially private mechanism, JSON values of the form that `accounting` documents;
            None where no privacy budget is claimed.
        previous: the release before this one, or None.
        mirror: what the same generator writes, with the same settings, when control is its train data, or None. It
            gives control away as the synthetic table gives train away, and may never be released.
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
        confidence: one-sided confidence of each end: the true value is above `high` with at most 1 - confidence.
        n: how many independent units (persons, unless the audit says otherwise) it rests on.
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
    """A place of the synthetic table that gives one train person away; for the private side only.

    Args:
        row: of the synthetic table, from 0.
        start: first character of the place in the text as it is written.
        end: character behind the last one.
        kind: what stands there, in the audit's own fixed words.
        person: the group of the train person.
    """

    row: int
    start: int
    end: int
    kind: str
    person: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """What one audit found.

    Args:
        name: the audit, as in the contract (`memorization`, `neighbours`, ...).
        verdict: pass, fail or insufficient.
        status: whether it could be measured at all.
        estimate: the headline number; None unless measured.
        control: the same number with control in the place of train, where that makes sense.
        threshold: what the pessimistic end was compared with; (low, high) where two-sided.
        direction: which way is safe.
        metrics: every further number a policy may name, as `audit.metric`.
        details: aggregates for the report: no text, no label value, no identifier.
        reason: one sentence in plain words; for insufficient it names the number that would be enough.
        confidence: one-sided, that the verdict was asked for with; the runner sets it.
        findings: where single train persons are given away. They name persons, so they stay on the private side:
            no report, evidence or log holds them.
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
        """Refuse a pass whose headline is less sure than a pass must be: asking for less certainty never helps."""
        if self.verdict == "pass" and self.estimate is not None and self.estimate.confidence < LEAST_CONFIDENCE:
            raise InputError(f"a pass needs a confidence of at least {LEAST_CONFIDENCE:g}")


def without_number(name: str, status: Status, reason: str) -> AuditResult:
    """Return the result of an audit that measured nothing."""
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
    """One audit: a name, and a function from tables and a random stream to a result."""

    name: str

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return what the attack found; raise NotMeasurable where the tables cannot carry it."""
        ...


def persons(groups: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct persons in order of first appearance, and the person index of each row."""
    order: dict[str, int] = {}
    index = np.array([order.setdefault(g, len(order)) for g in groups], dtype=np.int64)
    return list(order), index
