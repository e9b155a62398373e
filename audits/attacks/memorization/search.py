"""Search a synthetic table for copies of one person's text: runs of words, whole records, sentences and near copies.

The synthetic rows are compared with the pool: the rows of train, control and public text. Each row of the pool has an
owner: a person, or the public.

1. Split all texts into tokens in three ways (readings), so that misspelled, glued and split words do not hide a copy.
2. Merge two owners (count them as one) if the texts of one repeat at least half of a record of the other.
3. In each reading, remove common text, which several owners share. The remaining words are own words.
4. Find the longest runs of consecutive words of a synthetic row that few owners have. How many owners are few depends
   on the length and rarity of the run (`runs_alone`).
5. In some readings, measure how much of a record a row contains if words are changed, inserted, reordered or missing.

`Matches` has, for each person and each row, the length of the longest run and the largest share of a record.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from audits.attacks.memorization.locations import CopiedRuns, copied_runs
from audits.attacks.memorization.near_copies import (
    NEAR,
    PAIR_TOKENS,
    PIECE_TOKENS,
    NearCopies,
    OwnedRecords,
    Pieces,
    in_pieces,
    joined,
    near_copies,
)
from audits.attacks.memorization.whole_records import OwnedCopies, copies_of_one, record_keys, row_keys, sole_owners
from audits.attacks.memorization.word_bags import N_LENGTHS, BagMatches, word_bags
from audits.core.types import AuditInputs, Bool, Float, Int, persons
from audits.text.common_text import (
    CONTROL,
    PHRASE_TOKENS,
    PUBLIC,
    TRAIN,
    CommonText,
    Owned,
    OwnText,
    common_text,
    merged_owners,
    own_text,
    repeated_records,
    shared_phrases,
)
from audits.text.letters import consonant_chunks
from audits.text.ngrams import distinct, within_groups
from audits.text.normalise import normalise, tokens, without_numbers
from audits.text.shared_runs import Numbered, Runs, TokenNumbers, number_rows, renumbered, runs_alone
from audits.text.spelling import corrections

FLOOR_TOKENS = 13  # a single run of own words with fewer tokens never proves a leak
CEILING_TOKENS = 30  # a run of this many own words of a train person prevents a pass, even if control has longer runs
MASKED, WRITTEN, LETTERS = range(3)  # numbers of the readings (`readings`)


@dataclass(frozen=True, slots=True)
class Pool:
    """The n rows that are not synthetic, with their owners.

    The owners are numbered in this order: train persons, control persons, further persons of rows that the input
    checks set aside (`AuditInputs.set_aside`), and one number for the public reference.
    """

    texts: tuple[str, ...]  # texts of train, control, the rows set aside and the reference, in this order, (n,)
    owner: Int  # owner of each row, (n,)
    side: Int  # TRAIN, CONTROL or PUBLIC of each owner; CONTROL for all persons of rows set aside, (n_owners,)
    n_train: int  # number of train persons
    n_control: int  # number of control persons

    @property
    def n_persons(self) -> int:
        """Number of compared persons: train and control."""
        return self.n_train + self.n_control


@dataclass(frozen=True, slots=True)
class Matches:
    """Matches per person and per row; the lengths of runs are in tokens, and are the highest over the readings.

    A run counts only if few owners have it and public text does not contain it (`runs_alone`). A planted row is a
    train record that is searched as if it were synthetic, to test whether the search finds it. The arrays `row_*` are
    for matches with train persons: one entry per synthetic row, then one per planted row. The other arrays without a
    stated shape are for matches with synthetic rows: one entry per train person, then one per control person.
    """

    merged: Int  # for each owner, the lowest number of the owners merged with it (`readings`), (n_owners,)
    best: Int  # longest run of own words of each person in the synthetic table
    # as `best`, for control persons, without runs that may come from train: runs that a train person also has, and
    # runs that are at least half covered by a train person's run in the same row (`_overlapping`)
    chance: Int
    # over all records of the person and all rows, the largest share of the record's rare word pairs in the row
    near: Float
    whole: Int  # longest run of words that few owners have; parts of the run may be common text
    whole_chance: Int  # as `chance`, but for runs of any words
    shared: Int  # longest run of own words that each control person shares with a train person, (n_control,)
    record: Int  # 13 if a row equals a record of at least 13 tokens that only the person has, otherwise 0
    # length of the longest record of fewer than 13 tokens that only this person has and one row contains whole, or 0
    short: Int
    row_run: Int  # longest run of own words
    row_whole: Int  # longest run of words, common text included
    row_near: Float  # highest share of the rare word pairs of one record that the row contains; 0 if below NEAR
    row_words: Float  # as `row_near`, but for single rare words in any order
    row_record: Int  # 13 if the row equals a record of at least 13 tokens of one person, otherwise 0
    row_short: Int  # as `short`, for records of train persons that the row contains whole
    copies: NearCopies  # shares of the records' rare word pairs that one row contains
    words: NearCopies  # shares of the records' rare words that one row contains in any order
    bags: BagMatches  # weighted shares of words, in any order, that a record and a row have in common
    # shares of the records' rare runs of words that all rows together contain (`in_pieces`); None if all records are
    # too short
    pieces: Pieces | None
    runs: list[CopiedRuns]  # runs of at least FLOOR_TOKENS own words of train persons; readings MASKED and WRITTEN
    hidden: list[Runs]  # as `runs`, but of the reading LETTERS, which does not give positions in the row
    wholes: list[Runs]  # runs of at least CEILING_TOKENS words of train persons, common text included; all readings
    records: OwnedCopies  # rows that equal a record of at least 13 tokens of exactly one owner
    short_records: OwnedCopies  # rows that contain a whole record below 13 tokens of exactly one owner
    # numbers of sentences in the synthetic table that only one owner has: owners in train, and owners in control
    n_sentences: tuple[int, int]
    common: tuple[float, float]  # share of words that are common text, in the synthetic and in the train table


def pooled(inputs: AuditInputs) -> Pool:
    """Return the rows with which the synthetic rows are compared, and their owners."""
    train, control, aside, reference = inputs.train, inputs.control, inputs.set_aside, inputs.reference
    n_control = len(set(control.groups))
    train_ids, train_owner = persons(train.groups)
    unseen_ids, unseen_owner = persons(control.groups + (() if aside is None else aside.groups))
    texts = train.texts + control.texts + (() if aside is None else aside.texts)
    owners = [train_owner, unseen_owner + len(train_ids)]
    if reference is not None:
        texts += reference.texts
        owners.append(np.full(len(reference), len(train_ids) + len(unseen_ids)))
    side = np.repeat([TRAIN, CONTROL, PUBLIC], [len(train_ids), len(unseen_ids), 1])
    return Pool(texts, np.concatenate(owners), side, len(train_ids), n_control)


class PooledTexts(NamedTuple):
    """The searched rows (synthetic and planted) and the rows of the pool: in full, and without common text."""

    made: Numbered  # searched rows in full
    real: Numbered  # rows of the pool in full
    own_made: OwnText  # searched rows without common text
    own_real: OwnText  # rows of the pool without common text


def readings(made: Sequence[str], pool: Pool) -> Iterator[tuple[int, Int, PooledTexts]]:
    """Yield (number of the reading, `Matches.merged`, tokens of the texts) for each reading of the texts.

    - MASKED: words, with numbers masked; misspelled words are corrected to words of train, control and rows set aside
    - WRITTEN: words as written
    - LETTERS: chunks of consonants, which do not depend on the spaces between the words (`consonant_chunks`)

    Two owners are merged if, in the reading MASKED, the texts of one repeat at least half of a record of the other
    one (`repeated_records`). Merged owners count as one, so text that only they share is not common text.
    """
    vocabulary = TokenNumbers()
    written = tuple(number_rows(map(tokens, texts), vocabulary) for texts in (made, pool.texts))
    words = list(vocabulary)
    # misspelled words are not corrected to words of the public reference, whose rows are the last ones of the pool
    person_rows = written[1].part(0, int((pool.side[pool.owner] != PUBLIC).sum()))
    n_uses = np.bincount(person_rows.tokens, minlength=len(words)).tolist()
    corrected = corrections(words, {word: n for word, n in zip(words, n_uses, strict=True) if n > 0})
    masked: dict[str, int] = {"0": 0}
    number = [masked.setdefault(without_numbers([corrected.get(word, word)])[0], len(masked)) for word in words]
    tables = renumbered(written, np.array(number, dtype=np.int32))
    owned = Owned(tables[1], pool.owner, pool.side)
    shared = shared_phrases(owned)
    pairs = ((int(pool.owner[row]), repeater) for row, repeater in repeated_records(owned, shared))
    merged = merged_owners(len(pool.side), pairs)
    yield MASKED, merged, _pooled_texts(tables, common_text(owned, shared, merged))
    owned = owned._replace(rows=written[1])
    yield WRITTEN, merged, _pooled_texts(written, common_text(owned, shared_phrases(owned), merged))
    chunks = TokenNumbers()
    split = (map(consonant_chunks, map(normalise, texts)) for texts in (made, pool.texts))
    tables = tuple(number_rows(rows, chunks) for rows in split)
    owned = owned._replace(rows=tables[1])
    yield LETTERS, merged, _pooled_texts(tables, common_text(owned, shared_phrases(owned), merged))


def _pooled_texts(tables: tuple[Numbered, ...], common: CommonText) -> PooledTexts:
    made, real = tables
    return PooledTexts(made, real, own_text(made, common), own_text(real, common))


def search(synthetic: Sequence[str], planted: Sequence[str], pool: Pool) -> Matches:
    """Return the copies of single persons' text in the synthetic rows and in the planted rows."""
    n_synthetic, rows = len(synthetic), [*synthetic, *planted]
    n_owners = len(pool.side)
    best, whole = _Longest.of(n_owners, len(rows)), _Longest.of(n_owners, len(rows))
    copied: list[CopiedRuns] = []
    hidden, wholes, near = [], [], []
    for reading, merged, texts in readings(rows, pool):
        owner = merged[pool.owner]
        runs = runs_alone(texts.own_made.rows, texts.own_real.rows, owner, public=n_owners - 1)
        is_listed = best.update(runs, pool, n_synthetic) & (runs.length >= FLOOR_TOKENS)
        if reading == LETTERS:
            hidden.append(Runs(*(column[is_listed] for column in runs)))
        else:
            copied.append(copied_runs(runs, texts.own_made, texts.made, is_listed, masked=reading == MASKED))
        runs = runs_alone(texts.made, texts.real, owner, public=n_owners - 1)
        is_listed = whole.update(runs, pool, n_synthetic) & (runs.length >= CEILING_TOKENS)
        wholes.append(Runs(*(column[is_listed] for column in runs)))
        records = OwnedRecords(texts.real, owner, n_owners, texts.own_real.origin)
        if reading == WRITTEN:
            common = (
                _common_share(texts.made, texts.own_made, n_synthetic),
                _common_share(texts.real, texts.own_real, int((pool.owner < pool.n_train).sum())),
            )
        else:
            near.append(near_copies(texts.made, records, n_synthetic, PAIR_TOKENS))
        if reading == MASKED:
            words = near_copies(texts.made, records, n_synthetic, 1)
            bags = word_bags(texts.made, records, n_synthetic)
            pieces = in_pieces(texts.made.part(0, n_synthetic), records, range(pool.n_train, pool.n_persons))
            shared = _shared_with_train(texts.own_real.rows, pool, merged)
            has_own = np.diff(texts.own_made.rows.starts) >= PHRASE_TOKENS
    copies = joined(near)
    owner_of_person = merged[: pool.n_persons]
    return Matches(
        merged=merged,
        best=best.person[owner_of_person],
        chance=best.chance[owner_of_person],
        near=copies.best[owner_of_person],
        whole=whole.person[owner_of_person],
        whole_chance=whole.chance[owner_of_person],
        row_whole=whole.row,
        row_run=best.row,
        row_near=copies.of_rows(len(rows), pool.n_train),
        row_words=words.of_rows(len(rows), pool.n_train),
        words=words,
        bags=bags,
        pieces=pieces,
        runs=copied,
        hidden=hidden,
        wholes=wholes,
        shared=shared,
        copies=copies,
        common=common,
        **_whole_texts(rows, pool, merged, has_own, n_synthetic),
    )


class _Longest(NamedTuple):
    """The lengths of the longest runs over the readings so far; `update` changes the arrays in place."""

    person: Int  # longest run of each owner in synthetic rows, (n_owners,)
    chance: Int  # as `person`, but without the runs that `Matches.chance` leaves out
    row: Int  # longest run of a train person in each synthetic and planted row, (n_rows,)

    @classmethod
    def of(cls, n_owners: int, n_rows: int) -> "_Longest":
        """Return lengths of 0."""
        return cls(*(np.zeros(n, dtype=np.int64) for n in (n_owners, n_owners, n_rows)))

    def update(self, runs: Runs, pool: Pool, n_synthetic: int) -> Bool:
        """Update the lengths with `runs`, and return which runs are in synthetic rows and belong to train persons."""
        of_train, is_synthetic = runs.owner < pool.n_train, runs.row < n_synthetic
        np.maximum.at(self.person, runs.owner[is_synthetic], runs.length[is_synthetic])
        unshared = is_synthetic & (runs.lowest_owner >= pool.n_train) & ~_overlapping(runs, of_train)
        np.maximum.at(self.chance, runs.owner[unshared], runs.length[unshared])
        np.maximum.at(self.row, runs.row[of_train], runs.length[of_train])
        return is_synthetic & of_train


def _overlapping(runs: Runs, of_train: Bool) -> Bool:
    """Return which runs of owners outside train are at least half covered by a train person's run in the same row.

    A covered run is usually a passage that a train and a control person share, extended by a word that matches by
    chance. The result is false for runs of fewer than FLOOR_TOKENS tokens and for runs of train persons (`of_train`).
    """
    is_overlapping = np.zeros(len(runs.row), dtype=np.bool_)
    train, unseen = np.flatnonzero(of_train), np.flatnonzero(~of_train & (runs.length >= FLOOR_TOKENS))
    first, last = (np.searchsorted(runs.row[train], runs.row[unseen], side=side) for side in ("left", "right"))
    # all pairs of runs in one row: index of the run outside train (`in_unseen`) and of the run of train (`in_train`)
    in_unseen = np.repeat(unseen, last - first)
    in_train = train[np.repeat(first, last - first) + within_groups(last - first)]
    ends = np.minimum(runs.start[in_unseen] + runs.length[in_unseen], runs.start[in_train] + runs.length[in_train])
    overlap = ends - np.maximum(runs.start[in_unseen], runs.start[in_train])
    is_overlapping[in_unseen[2 * overlap >= runs.length[in_unseen]]] = True
    return is_overlapping


def _shared_with_train(real: Numbered, pool: Pool, merged: Int) -> Int:
    """Return the length of the longest run of own words that each control person shares with train, (n_control,).

    `real` has the rows of the pool without common text. For a control person who is merged with a train person, the
    length is CEILING_TOKENS.
    """
    n_train_rows = int((pool.owner < pool.n_train).sum())  # the rows of train come first
    of_control = np.flatnonzero((pool.owner >= pool.n_train) & (pool.owner < pool.n_persons))
    rows = real.part(n_train_rows, int(of_control[-1]) + 1)
    runs = runs_alone(rows, real.part(0, n_train_rows), pool.owner[:n_train_rows], public=len(pool.side) - 1)
    longest = np.zeros(len(pool.side), dtype=np.int64)
    np.maximum.at(longest, pool.owner[n_train_rows + runs.row], runs.length)
    control = slice(pool.n_train, pool.n_persons)
    return np.where(merged[control] < pool.n_train, CEILING_TOKENS, longest[control])


def own_runs(made: Sequence[str], pool: Pool) -> tuple[Int, Bool]:
    """Return two measures of the text that each row of `made` shares with few persons; both combine all readings.

    Returns:
        Number of tokens of the longest run of own words in each row, or 0 if it is below FLOOR_TOKENS, shape (m,).
        Whether each row contains a run of at least CEILING_TOKENS words, common text included, or at least the share
        NEAR of one record in one of four measures, shape (m,): rare word pairs, single rare words, rare runs of three
        words (`near_copies`), or words in changed order (`word_bags`).
    """
    longest, is_near = np.zeros(len(made), dtype=np.int64), np.zeros(len(made), dtype=np.bool_)
    public = len(pool.side) - 1
    for reading, merged, texts in readings(made, pool):
        owner = merged[pool.owner]
        runs = runs_alone(texts.own_made.rows, texts.own_real.rows, owner, public=public, shortest=FLOOR_TOKENS)
        np.maximum.at(longest, runs.row, runs.length)
        is_near[runs_alone(texts.made, texts.real, owner, public=public, shortest=CEILING_TOKENS).row] = True
        if reading != WRITTEN:
            records = OwnedRecords(texts.real, owner, len(pool.side), texts.own_real.origin)
            if reading == MASKED:
                bags = word_bags(texts.made, records, len(made))
                is_near[bags.row[(bags.share >= NEAR) & (bags.kind < N_LENGTHS)]] = True
            for n_tokens in (PAIR_TOKENS, 1, PIECE_TOKENS[0]) if reading == MASKED else (PAIR_TOKENS,):
                is_near[near_copies(texts.made, records, len(made), n_tokens).row] = True
    return longest, is_near


def _whole_texts(rows: Sequence[str], pool: Pool, merged: Int, has_own: Bool, n_synthetic: int) -> dict[str, Any]:
    """Return the fields of `Matches` on whole records and sentences, by name; `rows` are synthetic and planted rows.

    `has_own` states which rows have at least PHRASE_TOKENS own words. Records of at least 13 tokens count only in
    these rows.
    """
    real = record_keys(pool.texts)
    made = row_keys(rows, real)
    owners = merged[pool.owner]
    # the first two fields of `TextKeys` are the keys of records of at least 13 tokens and of shorter records
    long, short = (
        copies_of_one(of_made, of_real, owners) for of_made, of_real in zip(made[:2], real[:2], strict=True)
    )
    long = OwnedCopies(*(column[has_own[long.row]] for column in long))
    found = dict[str, Any](records=long, short_records=short)
    for name, copies in (("record", long), ("short", short)):
        of_train, is_synthetic = copies.owner < pool.n_train, copies.row < n_synthetic
        of_person, of_row = np.zeros(len(pool.side), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
        np.maximum.at(of_person, copies.owner[is_synthetic], copies.size[is_synthetic])
        np.maximum.at(of_row, copies.row[of_train], copies.size[of_train])
        found |= {name: of_person[: pool.n_persons], f"row_{name}": of_row}
    of_sentences = sole_owners(real.sentences, owners)
    in_table = made.sentences.key[made.sentences.row < n_synthetic]
    of_found = of_sentences.owner[of_sentences.places(distinct(in_table))[1]]
    side = np.searchsorted([pool.n_train, pool.n_persons], of_found, side="right")
    n_train, n_control, _ = np.bincount(side, minlength=3)
    return found | {"n_sentences": (int(n_train), int(n_control))}


def _common_share(full: Numbered, own: OwnText, n_rows: int) -> float:
    return 1 - float(own.rows.starts[n_rows]) / max(1, int(full.starts[n_rows]))
