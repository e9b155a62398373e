"""Making canaries: persons who never lived, each to be put into the train data of a canary build by its own coin.

Four kinds, because each survives another kind of generator:

    suffix      a beginning from the reference text, then eight words drawn blindly: which a copier brings back
    semantic    such a beginning, then a sentence whose parts do not belong together: what survives an embedding
    outlier     words nobody writes together, in 1, 4 or 16 near-identical rows of a smaller class: its
                own neighbours, so that an interpolating generator takes all parents from one person
    sampled     text of a flattened word-pair model of the reference: in the domain's words, unlikely in their order

No language model is at hand here, so `sampled` stands in for texts sampled hot from one; a table of canaries written
by a real one is audited just as well, as kind `other`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audits.attacks.canaries.exposure_rank import ENDING_TOKENS, MIN_SUFFIXES
from audits.attacks.canaries.word_pool import OWN_WORDS, odd_sentence, plain_sentences
from audits.core.errors import InputError
from audits.core.inputs import take
from audits.core.types import Table, persons
from audits.text.ngrams import runs, words
from audits.text.normalise import tokens

FAMILIES = ("suffix", "semantic", "outlier", "sampled")
REPEATS = (1, 4, 16)
BEGINNING_WORDS = (12, 25)
OUTLIER_WORDS = 24
SAMPLED_WORDS = (25, 45)
MIN_WORDS = 200
TEMPERATURE = 1.5
JUMP = 0.2
ROUNDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySet:
    """Canaries before their canary build is built.

    Args:
        table: their texts; a person has as many rows as it is to be inserted.
        family: the kind of each person, by order of first appearance.
        inserted: bool, for each person whether the coin put it in.
        suffixes: other endings that those of the `suffix` canaries could have been.
    """

    table: Table
    family: tuple[str, ...]
    inserted: NDArray[np.bool_]
    suffixes: tuple[str, ...]

    @property
    def insert(self) -> Table:
        """The rows to append to the train data of the canary build, and of no other."""
        return take(self.table, np.flatnonzero(self.inserted[persons(self.table.groups)[1]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What canaries are made of: reference rows that share no run with train, words, and which follows which."""

    rows: tuple[tuple[str, ...], ...]
    rows_of_label: dict[str, list[int]]
    vocabulary: tuple[str, ...]
    followers: dict[str, tuple[tuple[str, ...], NDArray[np.float64]]]


def make_canaries(
    train: Table,
    reference: Table | None,
    n: int,
    rng: np.random.Generator,
    *,
    families: Sequence[str] = FAMILIES,
    repeats: Sequence[int] = REPEATS,
) -> CanarySet:
    """Return n canary persons with their coins, and the endings for exposure.

    Each canary is a person of its own with a fair coin of its own. Its words come from the reference, or where there
    is none from a list of our own; a row that shares a run of 8 words with train, or an ending with another canary,
    is made again. Kinds are dealt in turn, and so are the repeats among the outliers; all others have one row.

    Labels, where train has them: an outlier takes a class that is not train's largest, the others any class, all
    equally likely; a beginning comes from a reference row of that class where there is one.

    Args:
        train: what the canary build's generator will see besides; read for its classes, and to keep away from its
            texts.
        reference: text of the same kind by other people; rows that share a run of 8 words with train are left out.
        n: how many; half of them, by chance, are inserted. A verdict needs 1,000.
        rng: draws texts and coins.
        families: which kinds.
        repeats: how many rows an outlier has.

    Raises:
        InputError: fewer than 2 canaries, an unknown kind, repeats below 1, or a reference that only repeats train.

    Privacy: no run of 8 words of train goes into a canary; train's class names do.
    Random: texts first, then one draw per person for the coins, then the endings.
    Cost: O(words of train and reference) time and memory, again for each round of texts that had to be made anew.
    """
    _check(n, families, repeats)
    source = _source(train, reference)
    kind = tuple(families[i % len(families)] for i in range(n))
    count = Counter[str]()
    rows_of = []
    for family in kind:
        rows_of.append(repeats[count[family] % len(repeats)] if family == "outlier" else 1)
        count[family] += 1
    labels = _labels(train, kind, rng)
    texts: list[tuple[str, ...]] = [()] * n
    bad = list(range(n))
    for _ in range(ROUNDS):
        for i in bad:
            texts[i] = _rows(kind[i], rows_of[i], None if labels is None else labels[i], source, rng)
        bad = _unusable(texts, train)
        if not bad:
            return _with_coins(texts, labels, kind, source, rng)
    raise InputError(
        f"{len(bad)} canaries could not be kept apart from train and from one another",
        hint="give a reference table of other people's text, or make fewer canaries",
    )


def _with_coins(
    texts: list[tuple[str, ...]],
    labels: list[str] | None,
    kind: tuple[str, ...],
    source: _Source,
    rng: np.random.Generator,
) -> CanarySet:
    mark = rng.bytes(6).hex()
    owner = [i for i, rows in enumerate(texts) for _ in rows]
    table = Table(
        texts=tuple(row for rows in texts for row in rows),
        labels=None if labels is None else tuple(labels[i] for i in owner),
        groups=tuple(f"canary-{mark}-{i}" for i in owner),
        has_groups=True,
    )
    inserted = rng.random(len(texts)) < 0.5
    suffixes: dict[str, None] = {}
    while len(suffixes) < MIN_SUFFIXES:
        suffixes[_ending(source, rng)] = None
    return CanarySet(table=table, family=kind, inserted=inserted, suffixes=tuple(suffixes))


def _check(n: int, families: Sequence[str], repeats: Sequence[int]) -> None:
    problems = [
        *(["at least two canaries are needed"] if n < 2 else []),
        *(["kinds must be some of " + ", ".join(FAMILIES)] if not families or set(families) - set(FAMILIES) else []),
        *(["repeats must be numbers of at least 1"] if not repeats or min(repeats) < 1 else []),
    ]
    if problems:
        raise InputError("no canaries can be made", problems=problems)


def _source(train: Table, reference: Table | None) -> _Source:
    if reference is None:
        return _Source(rows=(), rows_of_label={}, vocabulary=OWN_WORDS, followers={})
    clean = np.flatnonzero(~_shares_run(reference.texts, train.texts))
    if len(clean) == 0:
        raise InputError(
            "every reference row shares a run of 8 words with train; the reference must be other people's text"
        )
    rows = tuple(tuple(reference.texts[i].split()) for i in clean)
    of_label: dict[str, list[int]] = {}
    if reference.labels is not None:
        for place, i in enumerate(clean):
            of_label.setdefault(reference.labels[i], []).append(place)
    # a word of two rows at least: what a single person writes may be a name
    seen = Counter(word for i in clean for word in set(tokens(reference.texts[i])))
    common = sorted(word for word, rows_with in seen.items() if rows_with >= 2 and word.isalpha() and len(word) > 3)
    vocabulary = tuple(common) if len(common) >= MIN_WORDS else tuple(dict.fromkeys([*common, *OWN_WORDS]))
    pairs: dict[str, Counter[str]] = {}
    for row in rows:
        for first, second in pairwise(row):
            pairs.setdefault(first, Counter())[second] += 1
    followers = {first: _flattened(after) for first, after in pairs.items()}
    return _Source(rows=rows, rows_of_label=of_label, vocabulary=vocabulary, followers=followers)


def _flattened(after: Counter[str]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    weight = np.array(list(after.values()), dtype=np.float64) ** (1 / TEMPERATURE)
    return tuple(after), np.cumsum(weight / weight.sum())


def _labels(train: Table, kind: Sequence[str], rng: np.random.Generator) -> list[str] | None:
    if train.labels is None:
        return None
    count = Counter(train.labels)
    every = sorted(count)
    largest = max(every, key=lambda label: count[label])
    smaller = [label for label in every if label != largest] or every
    among = [smaller if family == "outlier" else every for family in kind]
    return [some[int(rng.integers(len(some)))] for some in among]


def _rows(family: str, n_rows: int, label: str | None, source: _Source, rng: np.random.Generator) -> tuple[str, ...]:
    if family == "suffix":
        return (f"{_beginning(label, source, rng)} {_ending(source, rng)}",)
    if family == "semantic":
        return (f"{_beginning(label, source, rng)} {odd_sentence(rng)}",)
    if family == "sampled":
        return (_sampled(source, rng),)
    base = _drawn(source, OUTLIER_WORDS, rng)
    rows = []
    for _ in range(n_rows):
        row = list(base)
        row[int(rng.integers(OUTLIER_WORDS - ENDING_TOKENS))] = _drawn(source, 1, rng)[0]
        rows.append(" ".join(row))
    return tuple(rows)


def _drawn(source: _Source, n: int, rng: np.random.Generator) -> list[str]:
    return [source.vocabulary[i] for i in rng.integers(len(source.vocabulary), size=n)]


def _ending(source: _Source, rng: np.random.Generator) -> str:
    return " ".join(_drawn(source, ENDING_TOKENS, rng))


def _beginning(label: str | None, source: _Source, rng: np.random.Generator) -> str:
    if not source.rows:
        return plain_sentences(rng)
    among = source.rows_of_label.get(label, []) if label is not None else []
    row = among[int(rng.integers(len(among)))] if among else int(rng.integers(len(source.rows)))
    return " ".join(source.rows[row][: int(rng.integers(BEGINNING_WORDS[0], BEGINNING_WORDS[1] + 1))])


def _sampled(source: _Source, rng: np.random.Generator) -> str:
    """Return a walk over word pairs, each follower with its count to the power 1 / T, and now and then any word."""
    word = source.rows[int(rng.integers(len(source.rows)))][0] if source.rows else _drawn(source, 1, rng)[0]
    walk = [word]
    for _ in range(int(rng.integers(SAMPLED_WORDS[0], SAMPLED_WORDS[1])) - 1):
        after = source.followers.get(word)
        if after is None or rng.random() < JUMP:
            word = _drawn(source, 1, rng)[0]
        else:
            word = after[0][min(int(np.searchsorted(after[1], rng.random(), side="right")), len(after[0]) - 1)]
        walk.append(word)
    return " ".join(walk)


def _shares_run(texts: Sequence[str], train: Sequence[str]) -> NDArray[np.bool_]:
    """Return which texts share a run of 8 words with train."""
    (mine, theirs), _ = words([texts, train])
    keys, rows = runs(mine, ENDING_TOKENS)
    return np.bincount(rows, np.isin(keys, runs(theirs, ENDING_TOKENS)[0]), minlength=len(texts)) > 0


def _unusable(texts: list[tuple[str, ...]], train: Table) -> list[int]:
    """Return the persons with a run of train, and all but the first of those with the same ending."""
    owner = [i for i, rows in enumerate(texts) for _ in rows]
    touching = _shares_run([row for rows in texts for row in rows], train.texts)
    bad = {i for i, touches in zip(owner, touching, strict=True) if touches}
    endings: dict[tuple[str, ...], int] = {}
    for i, rows in enumerate(texts):
        first = endings.setdefault(tuple(tokens(rows[0])[-ENDING_TOKENS:]), i)
        if first != i:
            bad.add(i)
    return sorted(bad)
