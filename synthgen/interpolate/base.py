"""Define the interface of interpolation methods, which make new vectors (points) from the vectors of train records.

A class is the set of records with the same label. The steps are the same for every method:

1. `counts_per_class` decides how many points each class gets.
2. `Interpolator.fit` fits a method to the train vectors and returns a `Sampler`.
3. `Sampler.sample` gets the points of each class from the fitted method (`Fitted`), and adds the label of the class
   and the ids of the parents. The parents of a point are the train records from which it is made.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from audits.core.errors import counted
from synthgen.core.errors import ConfigError, DataError
from synthgen.core.neighbours import IndexedSearch, NeighbourSearch, SearchReport
from synthgen.core.section import Count, Section, mistakes
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Float32, Float64, Int64, Latents, latent_ids


def counts_per_class(
    labels: Sequence[str], balance: Literal["equal", "as-source"] | Mapping[str, int], total: int | None
) -> dict[str, int]:
    """Return the number of new records of each label, sorted by label.

    `labels` has the label of each train record. If `balance` gives a number per label, these numbers are returned,
    and `total` is not used. Otherwise, `largest_remainder` divides `total` among the labels: equally for "equal", and
    in proportion to the train records of each label for "as-source".

    Raises:
        DataError: there are no train records; `balance` gives a number for a class without train records; or a
            required `total` is None, or so small that a class gets no new record.
    """
    source = Counter(labels)
    if not source:
        raise DataError("there are no training records")
    if not isinstance(balance, str):
        if unknown := sorted(set(balance) - set(source)):
            raise DataError(
                "interpolate.balance names classes without training records",
                problems=[f"{label!r}: no training records" for label in unknown],
                hint=f"The classes are: {', '.join(repr(label) for label in sorted(source))}.",
            )
        return dict(sorted(balance.items()))
    if total is None:
        raise DataError("interpolate.total is required unless interpolate.balance gives a number per label")
    weights = dict.fromkeys(source, 1) if balance == "equal" else dict(source)
    counts = largest_remainder(weights, total)
    if empty := [label for label, count in counts.items() if count == 0]:
        raise DataError(
            f"with interpolate.total = {total}, {len(empty)} of {len(counts)} classes get no record",
            problems=[f"{label!r}: {source[label]} of {len(labels)} train records" for label in empty],
            hint="Raise interpolate.total, or give interpolate.balance a number per label.",
        )
    return counts


def largest_remainder(weights: Mapping[str, int], total: int) -> dict[str, int]:
    """Divide `total` in proportion to the weights of labels; return integers with the sum `total`, sorted by label.

    Hamilton's method: label c with the weight w_c first gets ⌊total · w_c / Σ w⌋. The units that are left go to the
    labels with the largest remainders of this division, one unit each. Ties are decided by the order of the labels.
    """
    total_weight = sum(weights.values())
    counts = {label: total * weight // total_weight for label, weight in sorted(weights.items())}
    missing = total - sum(counts.values())
    for label in sorted(counts, key=lambda c: (-(total * weights[c] % total_weight), c))[:missing]:
        counts[label] += 1
    return counts


def check_classes(labels: Sequence[str], groups: Sequence[str], counts: Mapping[str, int], min_groups: int) -> None:
    """Raise DataError if a requested class has too few persons or a count below 1; the error lists all such classes.

    `counts` has the number of requested records by label, and `min_groups` is the smallest number of persons that a
    class needs. `labels` and `groups` have the label and the person of each train record.
    """
    persons: dict[str, set[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        persons.setdefault(label, set()).add(group)
    records = Counter(labels)
    n_persons = {label: len(persons.get(label, ())) for label in sorted(counts)}
    problems = [
        f"{label!r}: {counted(records[label], 'record')} of {counted(n, 'person')}; {min_groups} persons are needed"
        for label, n in n_persons.items()
        if n < min_groups
    ]
    problems += [
        f"{label!r}: {n} records requested, but at least 1 is needed" for label, n in sorted(counts.items()) if n < 1
    ]
    if problems:
        raise DataError(
            f"no records can be made for {len(problems)} {'class' if len(problems) == 1 else 'classes'}",
            problems=problems,
            hint="Add records of other persons, merge the class with another, exclude it through source.labels, or "
            "lower interpolate.k_neighbors.",
        )


Floats = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainRows:
    """The train vectors that a method is fitted to; a row is the vector of one record."""

    vectors: Float32  # (n, d)
    classes: Int64  # (n,), the class of each row, as a number from 0
    groups: Int64  # (n,), the person of each row, as a number from 0
    normalized: bool = False  # whether every row has unit length

    # Each neighbour search among at least `INDEXED_ROWS` (50,000) rows adds its report. Key: (number of the class
    # whose rows are searched, or None for all classes; number of neighbours).
    reports: dict[tuple[int | None, int], SearchReport] = field(default_factory=dict)

    @cached_property
    def neighbours(self) -> IndexedSearch:
        """The neighbour search among the rows of all classes."""
        return IndexedSearch(NeighbourSearch(self.vectors, self.groups))

    def of(self, code: int) -> Int64:
        """Return the row numbers of class number `code`, int64 (n_c,), ascending."""
        return np.flatnonzero(self.classes == code)

    def searches(self, names: Sequence[Any]) -> list[dict[str, Any]]:
        """Return `reports` as dicts; `class` is the searched class as named in `names`, or None for all classes."""
        reports = sorted(self.reports.items(), key=lambda item: (item[0][0] is not None, item[0]))
        return [{"class": None if c is None else names[c], **asdict(report)} for (c, _), report in reports]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Points of one class: m points with p parents each."""

    vectors: Float32  # (m, d)
    parents: Int64  # (m, p), row numbers; p is 0 if points are drawn from a model of the class
    weights: Float64  # (m, p), weights of the parents; if p is not 0, the weights of a point sum to 1


class Unfit(Exception):  # noqa: N818 - not shown as an error: `Sampler.sample` lists all unfit classes in a DataError
    """A method cannot make points of a class. The message states the reason without the label of the class."""


class Fitted(Protocol):
    """A method fitted to train rows; it has no labels and record ids, only numbers of classes and persons."""

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of class number `code`, drawn from `rng`; raise Unfit if the method cannot make them.

        A larger m returns the same points followed by additional points.
        """


class Interpolator(Section, ABC):
    """The parameters of a method; the constructor raises one ConfigError that lists all invalid parameters."""

    model_config = ConfigDict(validate_default=True)

    name: ClassVar[str]  # name of the method in the configuration
    weighted_sums: ClassVar[bool] = False  # whether a point is the weighted sum of its parents

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)
        except ValidationError as error:
            problems = mistakes(error.errors(include_url=False), options)
            raise ConfigError(f"the method {self.name} has invalid options", problems=problems) from None

    @field_validator("*")
    @classmethod
    def _check_compatibility(cls, value: Any, info: ValidationInfo) -> Any:
        cls.check(str(info.field_name), value, info.data)
        return value

    @classmethod
    def check(cls, key: str, value: Any, others: Mapping[str, Any]) -> None:
        """Raise ValueError if the value of `key` does not fit `others`, the valid parameters defined before `key`."""

    @property
    def min_groups(self) -> int:
        """Smallest number of persons that a class must have."""
        return 1

    @property
    def max_parents(self) -> int:
        """Largest number of parents of a point; 0 if points are drawn from a model of the class."""
        return 1

    @abstractmethod
    def fit_rows(self, rows: TrainRows) -> Fitted:
        """Return the method fitted to these rows; raise DataError if the method does not support their vectors."""

    def fit(self, x: Embedded) -> "Sampler":
        """Return the method fitted to train vectors; their order has no effect. For errors, see `fit_rows`."""
        return Sampler.of(self, x)


class ClasswiseInterpolator(Interpolator):
    """A method that is fitted to one class at a time, when points of the class are first requested."""

    @abstractmethod
    def fit_class(self, rows: TrainRows, code: int) -> Any:
        """Return the state of a class: the data that `points` needs, such as neighbours; or raise Unfit."""

    @abstractmethod
    def points(self, rows: TrainRows, state: Any, m: int, rng: SeedTree) -> Points:
        """Return m points of a class; `state` is what `fit_class` returned for the class. See `Fitted.points`."""

    def fit_rows(self, rows: TrainRows) -> Fitted:
        """Return the method with these rows; no class is fitted yet."""
        return FittedByClass(self, rows)


@dataclass(frozen=True, slots=True, eq=False)
class FittedByClass:
    """A `ClasswiseInterpolator` with its train rows and the states of the classes that were fitted so far."""

    method: ClasswiseInterpolator
    rows: TrainRows
    states: dict[int, Any] = field(default_factory=dict)  # key: class number

    def state(self, code: int) -> Any:
        """Return the state of a class, fitted at the first call; see `ClasswiseInterpolator.fit_class`."""
        if code not in self.states:
            self.states[code] = self.method.fit_class(self.rows, code)
        return self.states[code]

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of a class; see `Fitted.points`."""
        return self.method.points(self.rows, self.state(code), m, rng)


class NeighbourInterpolator(ClasswiseInterpolator):
    """A method that interpolates between a record and near records of other persons."""

    k_neighbors: Count = Field(
        5,
        description="Number of nearest neighbours of other persons. A class needs at least one person more than this "
        "number, so use a smaller number for small classes.",
    )

    @property
    def min_groups(self) -> int:
        """One more than `k_neighbors`, because the neighbours of a record belong to other persons."""
        return self.k_neighbors + 1

    @property
    def max_parents(self) -> int:
        """Two, because a point lies between two train vectors; subclasses can override this number."""
        return 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampler:
    """A fitted method with the labels and ids of its train records; made by `Interpolator.fit`."""

    method: Interpolator
    fitted: Fitted
    x: Embedded  # the train vectors, sorted by label, then record id
    rows: TrainRows  # the vectors of `x`, with numbers in place of labels and persons
    names: tuple[str, ...]  # the labels, sorted; the position of a label is its class number

    @classmethod
    def of(cls, method: Interpolator, x: Embedded) -> "Sampler":
        """Return the sampler of a method and train vectors."""
        order = sorted(range(len(x.ids)), key=lambda i: (x.labels[i], x.ids[i]))
        names = tuple(sorted(set(x.labels)))
        class_number = {label: i for i, label in enumerate(names)}
        person_number = {group: i for i, group in enumerate(sorted(set(x.groups)))}
        ids, labels, groups = (tuple(values[i] for i in order) for values in (x.ids, x.labels, x.groups))
        x = replace(x, vectors=x.vectors[order], ids=ids, labels=labels, groups=groups, parts=None)
        rows = TrainRows(
            vectors=x.vectors,
            classes=np.array([class_number[label] for label in x.labels], dtype=np.int64),
            groups=np.array([person_number[group] for group in x.groups], dtype=np.int64),
            normalized=x.normalized,
        )
        return cls(method=method, fitted=method.fit_rows(rows), x=x, rows=rows, names=names)

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` points of each label as latents, sorted by label; see `Fitted.points`.

        Raises:
            DataError: `check_classes` rejects a requested class, or the method cannot make the points of a class. The
                error lists all such classes.

        Randomness: the points of a class are drawn from `rng.child(label)`, so these draws do not depend on the other
            requested classes.
        """
        check_classes(self.x.labels, self.x.groups, counts, self.method.min_groups)
        points: list[Points] = []
        problems = []
        for label, m in sorted(counts.items()):
            try:
                points.append(self.fitted.points(self.names.index(label), m, rng.child(label)))
            except Unfit as error:
                problems.append(f"{label!r}: {error}")
        if problems:
            kind = "class" if len(problems) == 1 else "classes"
            raise DataError(
                f"{self.method.name} cannot make records of {len(problems)} {kind}",
                problems=problems,
                hint="Choose another interpolate.method, or exclude the class through source.labels.",
            )
        train_ids = np.array(self.x.ids, dtype=object)
        no_vectors = [np.empty((0, self.x.vectors.shape[1]), dtype=np.float32)]
        return Latents(
            vectors=np.concatenate(no_vectors + [p.vectors for p in points]),
            ids=tuple(latent_id for label, m in sorted(counts.items()) for latent_id in latent_ids(label, m)),
            labels=tuple(label for label, m in sorted(counts.items()) for _ in range(m)),
            parent_ids=tuple(tuple(row) for p in points for row in train_ids[p.parents].tolist()),
            weights=tuple(tuple(row) for p in points for row in p.weights.tolist()),
            method=self.method.name,
            seed_path=str(rng),
        )
