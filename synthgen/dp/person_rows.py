"""Group the records by person, and compute one row (vector) for each person. The DP queries sum these rows."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synthgen.core.errors import InternalError
from synthgen.core.types import Corpus, Embedded, Float64, Int64, Record
from synthgen.dp.basis import PublicBasis

BLOCK = 256  # number of persons whose rows are in memory at once
# Number of words in each record of every tenth person of `made_up_persons`. These persons use more words than the DP
# query of word_queries.py counts per person (`MAX_WORDS`), so the dry run tests this limit.
LONG_RECORD_WORDS = 320


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredPersons:
    """All private data that the DP queries read: records, and numbers computed from each text separately."""

    train: Corpus
    embedded: Embedded  # row i is the vector of record i
    # By record id: negative log-likelihood of the text under each writing style, in nats per token, float64
    # (styles,). Contains at least the records of the persons who vote for a style. Empty if the run has no such vote.
    nats: Mapping[str, Float64] = field(default_factory=dict)

    def __post_init__(self) -> None:
        in_train = [(record.id, record.label, record.group) for record in self.train.records]
        if in_train != list(zip(self.embedded.ids, self.embedded.labels, self.embedded.groups, strict=True)):
            raise InternalError(
                "the vectors do not have the ids, labels and persons of the train records, in the same order"
            )

    @property
    def persons(self) -> list[str]:
        """The distinct persons, sorted."""
        return sorted({record.group for record in self.train.records})

    def part(self, persons: Collection[str]) -> "MeasuredPersons":
        """Return the records and vectors of these persons; the nats of all persons are kept."""
        indices = [i for i, record in enumerate(self.train.records) if record.group in persons]
        records = tuple(self.train.records[i] for i in indices)
        embedded = replace(
            self.embedded,
            vectors=self.embedded.vectors[indices],
            ids=tuple(record.id for record in records),
            labels=tuple(record.label for record in records),
            groups=tuple(record.group for record in records),
            parts=None,
        )
        return replace(self, train=replace(self.train, records=records), embedded=embedded)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonRows:
    """Coordinates and classes of single records, sorted by person; `mean_rows` makes one row for each person."""

    points: Float64  # (n, d), the vector of each record in coordinates of the public basis
    classes: Int64  # (n,), position of the label among the sorted declared labels
    starts: Int64  # (p,), index of the first record of each person
    n_classes: int  # number of declared labels

    def mean_rows(self, vectors_of: Callable[[slice], Float64]) -> Iterator[Float64]:
        """Yield blocks of at most `BLOCK` persons with one row per person, float64 (persons, D).

        `vectors_of` takes a slice of the records and returns one vector per record, float64 (records, D), computed
        from `points` and `classes`. The row of a person is the mean over the person's records.
        """
        ends = np.append(self.starts[1:], len(self.points))
        for first in range(0, len(self.starts), BLOCK):
            start, end = self.starts[first : first + BLOCK], ends[first : first + BLOCK]
            vectors = vectors_of(slice(int(start[0]), int(end[-1])))
            yield np.add.reduceat(vectors, start - start[0], axis=0) / (end - start)[:, None]


def people_of(x: Embedded, labels: Sequence[str], basis: PublicBasis) -> PersonRows:
    """Return the records sorted by person, as coordinates in `basis`; `labels` are the declared labels."""
    number = {label: i for i, label in enumerate(sorted(labels))}
    if not set(x.labels) <= set(number):
        raise InternalError("a record has a label that source.labels does not declare")
    place = {group: i for i, group in enumerate(sorted(set(x.groups)))}
    person = np.array([place[group] for group in x.groups], dtype=np.int64)
    order = np.argsort(person, kind="stable")
    _, starts = np.unique(person[order], return_index=True)
    return PersonRows(
        points=basis.coordinates_of(x.vectors[order]),
        classes=np.array([number[x.labels[i]] for i in order], dtype=np.int64),
        starts=starts.astype(np.int64),
        n_classes=len(number),
    )


def made_up_persons(
    n: int, labels: Sequence[str], basis: PublicBasis, words: Sequence[str], n_styles: int, rng: np.random.Generator
) -> MeasuredPersons:
    """Return n made-up persons, whose vectors, labels, texts and nats are random.

    About one person in fifty has 60 records; all others have one to four records.
    """
    sizes = np.where(rng.random(n) < 0.02, 60, rng.integers(1, 5, n))
    groups = [f"made-up-{person}" for person in range(n) for _ in range(sizes[person])]
    lengths = np.repeat(np.where(np.arange(n) % 10 == 0, LONG_RECORD_WORDS, rng.integers(1, 9, n)), sizes)
    vocabulary = np.array(words or ("nothing",))
    records = tuple(
        Record(
            id=f"{group}-{i}", text=" ".join(rng.choice(vocabulary, k)), label=str(rng.choice(labels)), group=group
        )
        for i, (group, k) in enumerate(zip(groups, lengths, strict=True))
    )
    points = rng.normal(size=(len(records), len(basis.mean))) * np.sqrt(basis.variances)
    embedded = Embedded(
        vectors=basis.vectors_at(points),
        ids=tuple(record.id for record in records),
        labels=tuple(record.label for record in records),
        groups=tuple(groups),
        encoder="made up",
        normalized=True,
    )
    nats = {record.id: 3 + rng.random(n_styles) for record in records}
    return MeasuredPersons(train=Corpus(role="train", records=records, has_groups=True), embedded=embedded, nats=nats)
