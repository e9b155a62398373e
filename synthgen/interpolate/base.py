"""How many new records each class gets, and whether the data can carry them."""

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, Literal, NoReturn, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from synthgen.core.errors import ConfigError, DataError
from synthgen.core.neighbours import NeighbourSearch
from synthgen.core.section import Count, Section, mistakes
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Float32, Latents


def wanted_counts(
    labels: Sequence[str], balance: Literal["equal", "as-source"] | Mapping[str, int], total: int | None
) -> dict[str, int]:
    """Return the number of new records of each label, sorted by label, summing exactly to the total.

    Shares that are not whole numbers are rounded by the largest remainder; ties go to the label that sorts first.

    Args:
        labels: the label of every train record.
        balance: the same number for each class, the shares of the train records, or a number per label.
        total: how many in all; None where `balance` gives numbers.

    Raises:
        DataError: if `balance` names labels the data lacks, or if a class would get no record; all are listed.
    """
    source = Counter(labels)
    if not source:
        raise DataError("there are no train records, so there are no classes to make records of")
    if not isinstance(balance, str):
        unknown = sorted(set(balance) - set(source))
        if unknown:
            raise DataError(
                "interpolate.balance asks for classes that the train records do not have",
                problems=[f"{label!r}: no train records" for label in unknown],
                hint=f"The classes are: {', '.join(repr(label) for label in sorted(source))}.",
            )
        return dict(sorted(balance.items()))
    if total is None:
        raise DataError("interpolate.total is needed unless balance gives a number per label")
    weights = dict.fromkeys(source, 1) if balance == "equal" else dict(source)
    counts = largest_remainder(weights, total)
    empty = [label for label, count in counts.items() if count == 0]
    if empty:
        raise DataError(
            f"a total of {total} leaves {len(empty)} of {len(counts)} classes without a record",
            problems=[f"{label!r}: {source[label]} of {len(labels)} train records" for label in empty],
            hint="Raise interpolate.total, or give interpolate.balance a number per label.",
        )
    return counts


def largest_remainder(weights: Mapping[str, int], total: int) -> dict[str, int]:
    """Return whole numbers in proportion to the weights that sum to `total`, sorted by label.

    n_c = ⌊total·w_c / Σw⌋, and the labels with the largest remainders get one more (Hamilton's method).
    All in whole numbers, so no rounding depends on the machine.
    """
    whole = sum(weights.values())
    counts = {label: total * weight // whole for label, weight in sorted(weights.items())}
    remainder = {label: total * weight % whole for label, weight in weights.items()}
    missing = total - sum(counts.values())
    for label in sorted(counts, key=lambda name: (-remainder[name], name))[:missing]:
        counts[label] += 1
    return counts


def check_classes(labels: Sequence[str], groups: Sequence[str], counts: Mapping[str, int], min_groups: int) -> None:
    """Refuse classes that are absent or have too few persons for the method.

    Args:
        labels: the label of every train record.
        groups: the person of every train record.
        counts: the new records wanted of each class.
        min_groups: how many different persons the method needs in a class.

    Raises:
        DataError: naming each such class, what it has and what it needs.
    """
    persons: dict[str, set[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        persons.setdefault(label, set()).add(group)
    records = Counter(labels)
    problems = [
        f"{label!r}: {records[label]} records of {len(persons.get(label, ()))} persons, needs {min_groups} persons"
        for label in sorted(counts)
        if len(persons.get(label, ())) < min_groups
    ]
    problems += [
        f"{label!r}: {counts[label]} records asked for, needs 1" for label in sorted(counts) if counts[label] < 1
    ]
    if problems:
        raise DataError(
            f"{len(problems)} {'class is' if len(problems) == 1 else 'classes are'} too small to make records of",
            problems=problems,
            hint="Add records of other persons, merge the class with another, leave it out through source.labels, "
            "or lower interpolate.k_neighbors.",
        )


def refuse_classes(problems: Sequence[str], method: str) -> NoReturn:
    """Refuse classes that are large enough, but of which the method cannot make points.

    Args:
        problems: one line for each class: its name and why.
        method: as in the configuration.

    Raises:
        DataError: always.
    """
    raise DataError(
        f"{method} cannot make records of {len(problems)} {'class' if len(problems) == 1 else 'classes'}",
        problems=problems,
        hint="Choose another interpolate.method, or leave the class out through source.labels.",
    )


Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Floats = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainRows:
    """The train rows a method learns from.

    Args:
        vectors: float32 (n, d).
        classes: int64 (n), the class of each row, from 0.
        groups: int64 (n), the person of each row; rows of one person have one number.
        normalized: whether every row has unit length.
    """

    vectors: Float32
    classes: Int64
    groups: Int64
    normalized: bool = False

    @cached_property
    def neighbours(self) -> NeighbourSearch:
        """The search among all rows, whatever their class; its preparation serves every class."""
        return NeighbourSearch(self.vectors, self.groups)

    def of(self, code: int) -> Int64:
        """Return the numbers of the rows of a class, ascending."""
        return np.flatnonzero(self.classes == code)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """New vectors of one class, with the rows each was made from.

    Args:
        vectors: float32 (m, d).
        parents: int64 (m, p), numbers of rows; p is 0 for a method that draws from a model of the whole class.
        weights: float64 (m, p), each row summing to 1.
    """

    vectors: Float32
    parents: Int64
    weights: Float64


class Unfit(Exception):  # noqa: N818 - a finding about a class, turned into a DataError that lists them all
    """A method cannot make points of a class; the message says why, without the class's name."""


class Fitted(Protocol):
    """A method fitted to its rows."""

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m new points of the class; their draws come from `rng` alone, row after row from its start.

        Raises:
            Unfit: if the class cannot be interpolated by this method.
        """
        ...


class Interpolator(Section, ABC):
    """A method before it has seen data: its parameters, each with its type, default, bounds and meaning.

    The configuration, its schema and `OverSampler` take the parameters from here.

    Attributes:
        name: as in the configuration.
        weighted_sums: whether a new vector is the weighted sum of its parents, so that each segment of a long record
            can be made like the whole.

    Raises:
        ConfigError: if a parameter is out of its bounds or does not go with another; all are listed.
    """

    model_config = ConfigDict(validate_default=True)

    name: ClassVar[str]
    weighted_sums: ClassVar[bool] = False

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            found = mistakes(error.errors(include_url=False), given)
            raise ConfigError(f"{self.name} cannot work with these options", problems=found) from None

    @field_validator("*")
    @classmethod
    def _goes_with_the_others(cls, value: Any, info: ValidationInfo) -> Any:
        cls.check(str(info.field_name), value, info.data)
        return value

    @classmethod
    def check(cls, key: str, value: Any, others: Mapping[str, Any]) -> None:
        """Refuse a value that is within its bounds, but does not go with the parameters before it.

        Args:
            key: the parameter.
            value: what it is set to.
            others: the parameters declared before it; those that are wrong themselves are left out.

        Raises:
            ValueError: saying why.
        """

    @property
    @abstractmethod
    def min_groups(self) -> int:
        """How many different persons a class must have; the plan asks before any work."""

    @property
    @abstractmethod
    def max_parents(self) -> int:
        """How many train records a new vector is made from at most; 0 if it is drawn from a model of the class."""

    @abstractmethod
    def fit_rows(self, rows: TrainRows) -> Fitted:
        """Return the method fitted to these rows; the work of a class is done when its points are first asked for.

        Raises:
            DataError: if the method cannot work with such vectors at all.
        """

    def fit(self, x: Embedded) -> "Sampler":
        """Return the sampler of these train vectors; the order of their rows does not matter.

        Raises:
            DataError: if the method cannot work with such vectors at all.
        """
        return Sampler.of(self, x)


class NeighbourInterpolator(Interpolator):
    """A method that makes points between a record and its k nearest of other persons; a class needs k + 1 persons."""

    k_neighbors: Count = Field(5, description="k; a class needs k + 1 different persons.")

    @property
    def min_groups(self) -> int:
        """One person and the k neighbours, who could all be different."""
        return self.k_neighbors + 1

    @property
    def max_parents(self) -> int:
        """The two ends of a segment or an arc."""
        return 2


M = TypeVar("M", bound=Interpolator)
S = TypeVar("S")


@dataclass(frozen=True, slots=True, eq=False)
class FittedByClass(ABC, Generic[M, S]):
    """A method fitted class by class, each when its points are first asked for.

    Args:
        method: the method.
        rows: the train rows.
        found: what the method needs to know of a class, by its code.
    """

    method: M
    rows: TrainRows
    found: dict[int, S] = field(default_factory=dict)

    def of_class(self, code: int) -> S:
        """Return what the method needs to know of a class."""
        if code not in self.found:
            self.found[code] = self.fit_class(code)
        return self.found[code]

    @abstractmethod
    def fit_class(self, code: int) -> S:
        """Work it out; done once for each class."""

    @abstractmethod
    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m new points of the class; see `Fitted.points`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampler:
    """A fitted method; made by its `fit`.

    Args:
        method: the method.
        fitted: the method fitted to the rows.
        x: the train vectors, sorted by label and within it by record id.
        names: the classes, by their code.
    """

    method: Interpolator
    fitted: Fitted
    x: Embedded
    names: tuple[str, ...]

    @classmethod
    def of(cls, method: Interpolator, x: Embedded) -> "Sampler":
        """Return the sampler of a method and train vectors."""
        order = sorted(range(len(x.ids)), key=lambda i: (x.labels[i], x.ids[i]))
        names = tuple(sorted(set(x.labels)))
        code = {name: i for i, name in enumerate(names)}
        number = {group: i for i, group in enumerate(sorted(set(x.groups)))}
        x = Embedded(
            vectors=x.vectors[order],
            ids=tuple(x.ids[i] for i in order),
            labels=tuple(x.labels[i] for i in order),
            groups=tuple(x.groups[i] for i in order),
            encoder=x.encoder,
            normalized=x.normalized,
        )
        rows = TrainRows(
            vectors=x.vectors,
            classes=np.array([code[label] for label in x.labels], dtype=np.int64),
            groups=np.array([number[group] for group in x.groups], dtype=np.int64),
            normalized=x.normalized,
        )
        return cls(method=method, fitted=method.fit_rows(rows), x=x, names=names)

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` new vectors of each label, sorted by label.

        Every class draws from `rng.child(label)` alone, and its rows from the start of that stream: asking for more
        rows keeps the first ones, and no draw of a class depends on which other classes are asked for.

        Raises:
            DataError: naming every class asked for that is absent, too small or otherwise unfit for the method.
        """
        check_classes(self.x.labels, self.x.groups, counts, self.method.min_groups)
        made: dict[str, Points] = {}
        unfit: dict[str, str] = {}
        for label, m in sorted(counts.items()):
            try:
                made[label] = self.fitted.points(self.names.index(label), m, rng.child(label))
            except Unfit as reason:
                unfit[label] = str(reason)
        if unfit:
            refuse_classes([f"{label!r}: {reason}" for label, reason in unfit.items()], self.method.name)
        ids = np.array(self.x.ids, dtype=object)
        vectors = [np.empty((0, self.x.vectors.shape[1]), dtype=np.float32)]
        return Latents(
            vectors=np.concatenate(vectors + [p.vectors for p in made.values()]),
            ids=tuple(name for label, m in sorted(counts.items()) for name in latent_ids(label, m)),
            labels=tuple(label for label, m in sorted(counts.items()) for _ in range(m)),
            parent_ids=tuple(tuple(row) for p in made.values() for row in ids[p.parents].tolist()),
            weights=tuple(tuple(row) for p in made.values() for row in p.weights.tolist()),
            method=self.method.name,
            seed_path=str(rng),
        )


def latent_ids(label: str, n: int) -> list[str]:
    """Return the stable names of a class's new rows; they depend on the label and the row's number alone."""
    stem = hashlib.sha256(b"synthgen/latent/v1\0" + label.encode()).hexdigest()[:12]
    return [f"{stem}-{i:07d}" for i in range(n)]
