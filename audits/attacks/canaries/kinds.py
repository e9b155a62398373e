"""Make canaries (invented persons) for the canaries audit, which tests what a generator memorises.

For each canary, a fair coin decides whether it is inserted into the train data of the canary build, a second build of
the pipeline. This build is never released. The words of a canary are mostly from a reference (text like train, by
other persons) or, without a reference, from a built-in list. The ending of a canary is its last eight words. There
are four families of canaries, because different types of generators retain different texts:

    suffix      the beginning of a reference text, then eight random words; a copying generator reproduces them
    semantic    the beginning of a reference text, then a sentence whose parts do not belong together; a generator
                that works on embeddings retains the unusual meaning
    outlier     random words in 1, 4 or 16 near-identical rows, if possible not of the largest class; a generator
                that interpolates between nearest neighbours mixes these rows only with each other
    sampled     a random sequence of words; with a reference, most pairs of adjacent words also occur in it, so the
                words fit the domain, but the whole sequence is unlikely
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, cycle, pairwise

import numpy as np

from audits.attacks.canaries.word_pool import BUILT_IN_WORDS, odd_sentence, plain_sentences
from audits.core.errors import InputError
from audits.core.inputs import take
from audits.core.types import Bool, Float, Rng, Table, persons
from audits.text.ngrams import numbered_words, runs
from audits.text.normalise import tokens

ENDING_TOKENS = 8  # number of words of an ending; a canary shares no run of this many words with train
MIN_SUFFIXES = 10_000  # number of suffixes: random endings that are compared with the endings of `suffix` canaries
FAMILIES = ("suffix", "semantic", "outlier", "sampled")
REPEATS = (1, 4, 16)  # numbers of rows that an `outlier` canary can have
BEGINNING_WORDS = (12, 25)  # smallest and largest number of words of a beginning; shorter texts are used whole
OUTLIER_WORDS = 24  # number of words of an `outlier` row
SAMPLED_WORDS = (25, 45)  # range of the number of words of a `sampled` row; the upper end is exclusive
MIN_WORDS = 200  # if fewer words of the reference are in the vocabulary, the built-in words are added to it
# In a `sampled` row, the next word is drawn from the vocabulary with probability JUMP, and otherwise from the words
# that follow the current word in the reference. If a word follows it c times there, the probability of this word is
# proportional to c^(1 / TEMPERATURE).
JUMP, TEMPERATURE = 0.2, 1.5
MAX_DRAWS = 20  # the text of a canary is drawn at most this many times


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySet:
    """All canaries, inserted and omitted, and the suffixes."""

    table: Table  # rows of all canaries
    family: tuple[str, ...]  # family of each canary, in order of first appearance in the table
    inserted: Bool  # (canaries,), whether each canary is inserted, in the order of `family`
    suffixes: tuple[str, ...]  # see `MIN_SUFFIXES`

    @property
    def insert(self) -> Table:
        """The rows of the inserted canaries, to append to the train data of the canary build and no other build."""
        return take(self.table, np.flatnonzero(self.inserted[persons(self.table.groups)[1]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The words from which canaries are made; without a reference, all fields except `vocabulary` are empty."""

    rows: tuple[tuple[str, ...], ...]  # words of each reference row that has no 8 consecutive words of a train row
    rows_of_label: dict[str, list[int]]  # key: class; value: indices into `rows`
    vocabulary: tuple[str, ...]  # words from which random words are drawn
    # key: word in `rows`; value: the words that follow it there, and their cumulative probabilities
    followers: dict[str, tuple[tuple[str, ...], Float]]


def make_canaries(train: Table, reference: Table | None, n: int, rng: Rng) -> CanarySet:
    """Return n canaries and the suffixes; for each canary, a fair coin decides whether the canary is inserted.

    The families are used in turn. `outlier` canaries have 1, 4 and 16 rows in turn; canaries of the other families
    have one row. If train has classes, the class of each canary is drawn at random. The beginning of a canary is from
    a reference row of its class or, if there is none, from any reference row. The text of a canary is drawn again if
    it shares a run (8 consecutive words) with train or has the same ending as an earlier canary.

    Args:
        train: train table of the canary build, without canaries.
        reference: text like train, by persons not in train; rows that share a run with train are not used.
        n: number of canaries; about half are inserted. The audit passes only if n is at least 1,000.
        rng: random stream that draws classes, then texts, an id of the set, one coin per canary, and the suffixes.

    Raises:
        InputError: `n` is below 2, every reference row shares a run with train, or a text would have to be drawn more
            than 20 times.

    Privacy: canaries contain class names of train, but no run of 8 words of train.
    """
    if n < 2:
        raise InputError(f"no canaries can be made: at least two are required, got {n}")
    source = _source(train, reference)
    families = tuple(FAMILIES[i % len(FAMILIES)] for i in range(n))
    outlier_sizes = cycle(REPEATS)
    n_rows = [next(outlier_sizes) if name == "outlier" else 1 for name in families]
    labels = _labels(train, families, rng)
    texts: list[tuple[str, ...]] = [()] * n
    bad = list(range(n))
    for _ in range(MAX_DRAWS):
        for i in bad:
            texts[i] = _rows(families[i], n_rows[i], None if labels is None else labels[i], source, rng)
        bad = _unusable(texts, train)
        if not bad:
            return _with_coins(texts, labels, families, source, rng)
    raise InputError(
        f"{len(bad)} canaries cannot be used after {MAX_DRAWS} attempts: they have {ENDING_TOKENS} consecutive words "
        "of a train text, or the same ending as another canary",
        hint="Pass a table of texts of other persons with --reference, or make fewer canaries (--n).",
    )


def _with_coins(
    texts: list[tuple[str, ...]], labels: list[str] | None, families: tuple[str, ...], source: _Source, rng: Rng
) -> CanarySet:
    set_id = rng.bytes(6).hex()
    canary_of_row = [i for i, rows in enumerate(texts) for _ in rows]
    row_labels = None if labels is None else tuple(labels[i] for i in canary_of_row)
    groups = tuple(f"canary-{set_id}-{i}" for i in canary_of_row)
    table = Table(texts=tuple(chain.from_iterable(texts)), labels=row_labels, groups=groups, has_groups=True)
    inserted = rng.random(len(texts)) < 0.5
    suffixes: dict[str, None] = {}
    while len(suffixes) < MIN_SUFFIXES:
        suffixes[_ending(source, rng)] = None
    return CanarySet(table=table, family=families, inserted=inserted, suffixes=tuple(suffixes))


def _source(train: Table, reference: Table | None) -> _Source:
    if reference is None:
        return _Source(rows=(), rows_of_label={}, vocabulary=BUILT_IN_WORDS, followers={})
    usable = np.flatnonzero(~_shares_run(reference.texts, train.texts))
    if len(usable) == 0:
        raise InputError(
            "every row of the reference table has 8 consecutive words in common with a row of the train table",
            hint="Pass a reference table with texts of persons who are not in the train table.",
        )
    rows = tuple(tuple(reference.texts[i].split()) for i in usable)
    rows_of_label: dict[str, list[int]] = {}
    if reference.labels is not None:
        for place, i in enumerate(usable):
            rows_of_label.setdefault(reference.labels[i], []).append(place)
    # only words in at least two rows are used, because a word of a single row may be a name
    row_counts = Counter(word for i in usable for word in set(tokens(reference.texts[i])))
    common = sorted(word for word, n_rows in row_counts.items() if n_rows >= 2 and word.isalpha() and len(word) > 3)
    vocabulary = tuple(common) if len(common) >= MIN_WORDS else tuple(dict.fromkeys([*common, *BUILT_IN_WORDS]))
    pairs: dict[str, Counter[str]] = {}
    for row in rows:
        for first, second in pairwise(row):
            pairs.setdefault(first, Counter())[second] += 1
    followers = {first: _flattened(next_counts) for first, next_counts in pairs.items()}
    return _Source(rows=rows, rows_of_label=rows_of_label, vocabulary=vocabulary, followers=followers)


def _flattened(next_counts: Counter[str]) -> tuple[tuple[str, ...], Float]:
    """Return the words that follow a word, with their cumulative probabilities (see TEMPERATURE)."""
    weight = np.array(list(next_counts.values()), dtype=np.float64) ** (1 / TEMPERATURE)
    return tuple(next_counts), np.cumsum(weight / weight.sum())


def _labels(train: Table, families: Sequence[str], rng: Rng) -> list[str] | None:
    """Return a random class for each canary (for `outlier`, if possible not the largest); None without classes."""
    if train.labels is None:
        return None
    count = Counter(train.labels)
    classes = sorted(count)
    largest = max(classes, key=lambda label: count[label])
    smaller = [label for label in classes if label != largest] or classes
    allowed = [smaller if family == "outlier" else classes for family in families]
    return [labels[int(rng.integers(len(labels)))] for labels in allowed]


def _rows(family: str, n_rows: int, label: str | None, source: _Source, rng: Rng) -> tuple[str, ...]:
    """Return the texts of the rows of a new canary; only `outlier` canaries use `n_rows`."""
    if family == "suffix":
        return (f"{_beginning(label, source, rng)} {_ending(source, rng)}",)
    if family == "semantic":
        return (f"{_beginning(label, source, rng)} {odd_sentence(rng)}",)
    if family == "sampled":
        return (_sampled(source, rng),)
    base = _drawn(source, OUTLIER_WORDS, rng)
    rows = [list(base) for _ in range(n_rows)]
    for row in rows:  # replace one random word of each row, but not in the common ending
        row[int(rng.integers(OUTLIER_WORDS - ENDING_TOKENS))] = _drawn(source, 1, rng)[0]
    return tuple(" ".join(row) for row in rows)


def _drawn(source: _Source, n: int, rng: Rng) -> list[str]:
    return [source.vocabulary[i] for i in rng.integers(len(source.vocabulary), size=n)]


def _ending(source: _Source, rng: Rng) -> str:
    return " ".join(_drawn(source, ENDING_TOKENS, rng))


def _beginning(label: str | None, source: _Source, rng: Rng) -> str:
    if not source.rows:
        return plain_sentences(rng)
    candidates = source.rows_of_label.get(label, []) if label is not None else []
    row = candidates[int(rng.integers(len(candidates)))] if candidates else int(rng.integers(len(source.rows)))
    return " ".join(source.rows[row][: int(rng.integers(BEGINNING_WORDS[0], BEGINNING_WORDS[1] + 1))])


def _sampled(source: _Source, rng: Rng) -> str:
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


def _shares_run(texts: Sequence[str], train: Sequence[str]) -> Bool:
    """Return for each text whether it shares 8 consecutive words with any train text."""
    (tested_words, train_words), _ = numbered_words([texts, train])
    keys, rows = runs(tested_words, ENDING_TOKENS)
    return np.bincount(rows, np.isin(keys, runs(train_words, ENDING_TOKENS)[0]), minlength=len(texts)) > 0


def _unusable(texts: list[tuple[str, ...]], train: Table) -> list[int]:
    """Return the indices of canaries that share 8 consecutive words with train or have an earlier canary's ending."""
    canary_of_row = [i for i, rows in enumerate(texts) for _ in rows]
    is_shared = _shares_run(list(chain.from_iterable(texts)), train.texts)
    sharing = {i for i, shares in zip(canary_of_row, is_shared, strict=True) if shares}
    endings: dict[tuple[str, ...], int] = {}  # key: ending; value: index of the first canary with this ending
    firsts = [endings.setdefault(tuple(tokens(rows[0])[-ENDING_TOKENS:]), i) for i, rows in enumerate(texts)]
    return sorted(sharing | {i for i, first in enumerate(firsts) if first != i})
