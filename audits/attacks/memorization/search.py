"""Find verbatim copies (runs, whole records, sentences) and near copies of one person's text in a synthetic table."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from audits.attacks.memorization.locations import WHOLE_RECORD, CopiedRuns, copied_rows, copied_runs
from audits.attacks.memorization.near_copies import (
    PAIR_TOKENS,
    PIECE_TOKENS,
    NearCopies,
    OwnedRecords,
    Pieces,
    in_pieces,
    near_copies,
)
from audits.core.types import AuditInputs, Bool, Float, Int, UInt, persons
from audits.text.common_text import (
    CONTROL,
    PHRASE_TOKENS,
    PUBLIC,
    TRAIN,
    Owned,
    OwnText,
    common_text,
    merged_owners,
    own_text,
    repeated_records,
    shared_phrases,
)
from audits.text.ngrams import find_keys, starts_group
from audits.text.normalise import sentences, tokens, without_numbers
from audits.text.shared_runs import Numbered, Runs, number_rows, runs_alone

FLOOR_TOKENS = 13  # a shorter run of own words never proves a leak
CEILING_TOKENS = 30  # a run of own words of a train person this long prevents a pass, whatever control shares
RECORD_TOKENS = 13  # minimum length of a record whose repetition counts as a copy
SENTENCE_TOKENS = 6  # minimum length of the sentences that are counted


@dataclass(frozen=True, slots=True)
class Pool:
    """All rows that are not synthetic. Owners are numbered: train, control, persons set aside, then the public."""

    texts: tuple[str, ...]  # texts of train, control, the rows set aside and the reference
    owner: Int  # owner of each row
    side: Int  # TRAIN, CONTROL or PUBLIC of each owner; CONTROL for persons set aside
    n_train: int
    n_control: int

    @property
    def n_persons(self) -> int:
        """Number of compared persons: train and control."""
        return self.n_train + self.n_control


@dataclass(frozen=True, slots=True)
class Matches:
    """Matches per person and per row. Own words are words outside common text.

    Only runs that exactly one person's texts contain count. `row_*` arrays have one entry per synthetic row and then
    per planted row, (m,), and compare only with train persons.
    """

    merged: Int  # for each owner the first of the owners that count as the same person because they share a record
    best: Int  # longest run of own words of each person in the synthetic table, (n_persons,)
    near: Float  # highest share of a record of each person in one synthetic row, (n_persons,)
    whole: Int  # longest run of words, common text included, that only this person's texts contain, (n_persons,)
    row_run: Int  # longest run of own words
    row_whole: Int  # longest run of words, common text included
    row_near: Float  # highest share of a record by pairs of words, 0 below NEAR
    row_words: Float  # highest share of a record by words in any order, 0 below NEAR
    row_record: Bool  # whether the row equals a record
    copies: NearCopies  # shares of records in one row by pairs of words
    words: NearCopies  # shares of records in one row by words in any order
    pieces: Pieces | None  # shares of records in all rows together; None if `in_pieces` finds no usable length
    runs: list[CopiedRuns]  # runs of at least FLOOR_TOKENS own words of train persons
    wholes: list[Runs]  # runs of at least CEILING_TOKENS words of train persons, common text included
    records: CopiedRuns  # whole records of train persons in synthetic rows
    n_records: tuple[int, int]  # number of train and of control persons with a whole record in the synthetic table
    n_sentences: tuple[int, int]  # number of sentences found of a single train person, and of a single control person
    common: tuple[float, float]  # share of the words that are common text, in the synthetic and in the train table


def pooled(inputs: AuditInputs) -> Pool:
    """Return the rows that synthetic rows are compared with, and their owners."""
    train, control, aside, reference = inputs.train, inputs.control, inputs.set_aside, inputs.reference
    n_control = len(set(control.groups))
    # persons set aside are owners like control persons, so that their phrases do not count as public text
    names, train_owner = persons(train.groups)
    others, other_owner = persons(control.groups + (() if aside is None else aside.groups))
    texts = train.texts + control.texts + (() if aside is None else aside.texts)
    owners = [train_owner, other_owner + len(names)]
    if reference is not None:
        texts += reference.texts
        owners.append(np.full(len(reference), len(names) + len(others)))
    side = np.repeat([TRAIN, CONTROL, PUBLIC], [len(names), len(others), 1])
    return Pool(texts, np.concatenate(owners), side, len(names), n_control)


class PooledTexts(NamedTuple):
    """The synthetic rows and the pool, each in full and without common text."""

    made: Numbered  # synthetic rows
    real: Numbered  # rows of the pool
    own_made: OwnText  # synthetic rows without common text
    own_real: OwnText  # rows of the pool without common text


def masked_and_written(synthetic: Sequence[str], pool: Pool) -> Iterator[tuple[Int, PooledTexts]]:
    """Yield the merged owners and the texts, first with numbers masked and then as written.

    Two owners are merged if a text of one repeats most of a record of the other (`repeated_records`, with numbers
    masked). Text that only merged owners share is not common text (`common_text`).
    """
    merged: Int | None = None
    for split in (lambda text: without_numbers(tokens(text)), tokens):
        vocabulary: dict[str, int] = {}
        made, real = (number_rows(map(split, texts), vocabulary) for texts in (synthetic, pool.texts))
        owned = Owned(real, pool.owner, pool.side)
        shared = shared_phrases(owned)
        if merged is None:
            pairs = ((int(pool.owner[row]), other) for row, other in repeated_records(owned, shared))
            merged = merged_owners(len(pool.side), pairs)
        common = common_text(owned, shared, merged)
        yield merged, PooledTexts(made, real, own_text(made, common), own_text(real, common))


def search(synthetic: Sequence[str], planted: Sequence[str], pool: Pool) -> Matches:
    """Return the copies of single persons' text in the synthetic rows and in the planted rows."""
    n_synthetic, rows = len(synthetic), [*synthetic, *planted]
    n_owners = len(pool.side)
    best, whole = np.zeros((2, n_owners), dtype=np.int64)
    row_run, row_whole = np.zeros((2, len(rows)), dtype=np.int64)
    copied: list[CopiedRuns] = []
    wholes: list[Runs] = []
    masked = True
    for merged, texts in masked_and_written(rows, pool):
        owner = merged[pool.owner]
        runs = runs_alone(texts.own_made.rows, texts.own_real.rows, owner)
        wanted = _update_longest(best, row_run, runs, pool, n_synthetic) & (runs.length >= FLOOR_TOKENS)
        copied.append(copied_runs(runs, texts.own_made, texts.made, wanted, masked=masked))
        runs = runs_alone(texts.made, texts.real, owner)
        wanted = _update_longest(whole, row_whole, runs, pool, n_synthetic) & (runs.length >= CEILING_TOKENS)
        wholes.append(Runs(*(column[wanted] for column in runs)))
        if masked:
            records = OwnedRecords(texts.real, owner, n_owners, texts.own_real.origin)
            near, words = (near_copies(texts.made, records, n_synthetic, n_tokens) for n_tokens in (PAIR_TOKENS, 1))
            starts = texts.made.starts[: n_synthetic + 1]
            synthetic_rows = Numbered(texts.made.tokens[: starts[-1]], starts)
            pieces = in_pieces(synthetic_rows, records, range(pool.n_train, pool.n_persons))
            has_own = np.diff(texts.own_made.rows.starts) >= PHRASE_TOKENS
        masked = False
    record_copies, row_record, n_records = _record_copies(rows, pool, merged, has_own, n_synthetic)
    row_near, row_words = np.zeros((2, len(rows)))
    for row_share, found in ((row_near, near), (row_words, words)):
        of_train = found.owner < pool.n_train
        np.maximum.at(row_share, found.row[of_train], found.share[of_train])
    return Matches(
        merged=merged,
        best=best[merged][: pool.n_persons],
        near=near.best[merged][: pool.n_persons],
        whole=whole[merged][: pool.n_persons],
        row_whole=row_whole,
        row_run=row_run,
        row_near=row_near,
        row_words=row_words,
        words=words,
        pieces=pieces,
        row_record=row_record,
        runs=copied,
        wholes=wholes,
        copies=near,
        records=record_copies,
        n_records=n_records,
        n_sentences=_copied_sentences(synthetic, pool, merged),
        common=(
            _common_share(texts.made, texts.own_made, n_synthetic),
            _common_share(texts.real, texts.own_real, int((pool.owner < pool.n_train).sum())),
        ),
    )


def _update_longest(best: Int, row_best: Int, runs: Runs, pool: Pool, n_synthetic: int) -> Bool:
    """Update `best` (per owner, over synthetic rows) and `row_best` (per row, over train persons).

    The result is which runs are of train persons in synthetic rows.
    """
    of_train, is_synthetic = runs.owner < pool.n_train, runs.row < n_synthetic
    np.maximum.at(best, runs.owner[is_synthetic], runs.length[is_synthetic])
    np.maximum.at(row_best, runs.row[of_train], runs.length[of_train])
    return is_synthetic & of_train


def own_runs(made: Sequence[str], pool: Pool) -> tuple[Int, Bool]:
    """Return two measures of how much of one person's text each of m rows contains, counted as the audit does.

    Returns:
        The longest run of own words in each row, 0 below FLOOR_TOKENS; (m,).
        Whether the row contains the share NEAR of a record (by pairs, by words in any order, or by runs of three
        words) or a run of CEILING_TOKENS words with common text included; (m,).
    """
    longest, is_near = np.zeros(len(made), dtype=np.int64), np.zeros(len(made), dtype=np.bool_)
    masked = True
    for merged, texts in masked_and_written(made, pool):
        owner = merged[pool.owner]
        runs = runs_alone(texts.own_made.rows, texts.own_real.rows, owner, shortest=FLOOR_TOKENS)
        np.maximum.at(longest, runs.row, runs.length)
        is_near[runs_alone(texts.made, texts.real, owner, shortest=CEILING_TOKENS).row] = True
        if masked:
            records = OwnedRecords(texts.real, owner, len(pool.side), texts.own_real.origin)
            for n_tokens in (PAIR_TOKENS, 1, PIECE_TOKENS[0]):
                is_near[near_copies(texts.made, records, len(made), n_tokens).row] = True
        masked = False
    return longest, is_near


def _record_copies(
    rows: Sequence[str], pool: Pool, merged: Int, has_own: Bool, n_synthetic: int
) -> tuple[CopiedRuns, Bool, tuple[int, int]]:
    """Return the rows that equal a record of at least 13 tokens of one person only; only rows with `has_own` count.

    Returns:
        The synthetic rows that equal a record of a train person, with the person; the same as a mask over all rows;
        and the number of train and of control persons with such a synthetic row.
    """
    owner_by_key = sole_owners(keyed(map(record_keys, pool.texts)), merged[pool.owner])
    key, row = keyed(map(record_keys, rows))
    owner = owner_of(owner_by_key, key)
    found = (owner >= 0) & has_own[row]
    pairs = np.unique(np.stack([row[found], owner[found]], axis=1), axis=0)
    row, owner = pairs[:, 0], pairs[:, 1]
    of_train, of_control = owner < pool.n_train, (owner >= pool.n_train) & (owner < pool.n_persons)
    n_records = tuple(len(np.unique(owner[some & (row < n_synthetic)])) for some in (of_train, of_control))
    is_record = np.zeros(len(rows), dtype=np.bool_)
    is_record[row[of_train]] = True
    copies = of_train & (row < n_synthetic)
    return copied_rows(row[copies], owner[copies], WHOLE_RECORD), is_record, (n_records[0], n_records[1])


def _copied_sentences(synthetic: Sequence[str], pool: Pool, merged: Int) -> tuple[int, int]:
    """Return how many sentences of the synthetic table belong to a single train person, and to a control person."""
    owner_by_key = sole_owners(keyed(map(sentence_keys, pool.texts)), merged[pool.owner])
    owner = owner_of(owner_by_key, np.unique(keyed(map(sentence_keys, synthetic)).key))
    n_train = int(((owner >= 0) & (owner < pool.n_train)).sum())
    return n_train, int(((owner >= pool.n_train) & (owner < pool.n_persons)).sum())


def _common_share(full: Numbered, own: OwnText, n_rows: int) -> float:
    """Return the share of the words in the first `n_rows` rows that are common text."""
    return 1 - float(own.rows.starts[n_rows]) / max(1, int(full.starts[n_rows]))


class Keyed(NamedTuple):
    """Keys of records or sentences, and the row of each key."""

    key: UInt
    row: Int


class SoleOwners(NamedTuple):
    """The distinct keys and who has each of them."""

    key: UInt  # sorted
    owner: Int  # the only owner who has the key; -1 if several have it


def record_keys(text: str) -> list[int]:
    """Return the keys of a record: as written, numbers masked, bag of sentences; no key if it has under 13 tokens."""
    words = tokens(text)
    masked = without_numbers(words)
    if len(masked) < RECORD_TOKENS:
        return []
    bag = sorted(" ".join(tokens(s)) for s in sentences(text))
    return [_key(["whole", *words]), _key(["masked", *masked]), _key(["bag", *bag])]


def sentence_keys(text: str) -> list[int]:
    """Return one key for each sentence of at least six tokens."""
    split = (tokens(s) for s in sentences(text))
    return [_key(words) for words in split if len(words) >= SENTENCE_TOKENS]


def keyed(rows: Iterable[Sequence[int]]) -> Keyed:
    """Return the keys of all rows, concatenated, with the row of each key; 16 bytes per key."""
    keys, row = array("Q"), array("q")
    for number, of_row in enumerate(rows):
        keys.extend(of_row)
        row.extend([number] * len(of_row))
    return Keyed(np.frombuffer(keys, dtype=np.uint64), np.frombuffer(row, dtype=np.int64))


def sole_owners(found: Keyed, owners: Int) -> SoleOwners:
    """Return the distinct keys and the only owner of each; `owners` is the owner of each row."""
    order = np.argsort(found.key, kind="stable")
    key, owner = found.key[order], owners[found.row[order]]
    first = np.flatnonzero(starts_group(key))
    if len(first) == 0:
        return SoleOwners(key, owner)
    low, high = (extreme.reduceat(owner, first) for extreme in (np.minimum, np.maximum))
    return SoleOwners(key[first], np.where(low == high, low, -1))


def owner_of(owner_by_key: SoleOwners, wanted: UInt) -> Int:
    """Return the only owner of each wanted key; -1 if several owners or none have the key."""
    if len(owner_by_key.key) == 0:
        return np.full(len(wanted), -1)
    place, is_key = find_keys(owner_by_key.key, wanted)
    return np.where(is_key, owner_by_key.owner[place], -1)


def _key(words: Sequence[str]) -> int:
    digest = hashlib.blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
