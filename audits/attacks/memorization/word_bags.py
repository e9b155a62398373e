"""Find rows that consist of nearly the same words as one record, for the audit `memorization`.

The bag of words of a text contains each word as often as it occurs, and no numbers. The fewer owners (persons, or the
public) have a word, the higher is its weight. Frequent words count too, so that records of eight words can be found.
The share of a record and a row is the total weight of their common words, divided by the total weight of the heavier
text. A share has one of eight kinds: four length classes of records, each for words in changed and in the same order.
Planted rows are train records that are searched as if they were synthetic.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import sparse

from audits.attacks.memorization.near_copies import BLOCK_PRODUCTS, PAIR_TOKENS, OwnedRecords, places_of
from audits.attacks.memorization.whole_records import RECORD_TOKENS
from audits.core.types import Bool, Float, Int, UInt
from audits.embeddings.similarity import incidence
from audits.text.ngrams import find_keys, grown, starts_group
from audits.text.shared_runs import BLOCK_TOKENS, Numbered

LENGTHS = (8, RECORD_TOKENS, 30, 64)  # smallest number of counted words (`word_bags`) of a record, per length class
N_LENGTHS = len(LENGTHS)
NUMBER = 0  # token of a masked number
LOWEST = 0.4  # lower shares are omitted, because they change no threshold for copies (`calibration.bag_thresholds`)
SAME_ORDER = 0.5  # two texts have the same order if they share this part of their adjacent word pairs (`word_bags`)
# The rarest words of a record are indexed; together, they have at least this part of its total weight. Only rows with
# an indexed word are compared with the record. Other rows have a share below LOWEST, because INDEXED > 1 - LOWEST.
INDEXED = 0.75
BLOCK_ROWS = 1000  # largest number of synthetic or planted rows compared at a time
BLOCK_PAIRS = 1 << 13  # number of pairs of a row and a record compared at a time


class BagMatches(NamedTuple):
    """The highest shares of rows and owners, as r triples (row, owner, kind); shares below LOWEST are omitted.

    Kinds 0 to 3 are for words in changed order, and kinds 4 to 7 for words in the same order. In both ranges, the
    kinds follow the length classes of the records (LENGTHS).
    """

    best: Float  # highest share of each owner in a synthetic row, per kind; 0 if omitted, (n_owners, 2 · N_LENGTHS)
    row: Int  # synthetic or planted row of each triple, (r,)
    owner: Int  # owner of each triple, (r,)
    kind: Int  # kind of each triple, 0 to 7, (r,)
    share: Float  # highest share of the row with a record of the owner, among the shares of this kind, (r,)

    def of_rows(self, n_rows: int, n_train: int) -> Float:
        """Return for each row and kind the highest share with a train person (owner below `n_train`), or else 0.

        The result has shape (n_rows, 2 · N_LENGTHS).
        """
        highest = np.zeros((n_rows, self.best.shape[1]))
        of_train = self.owner < n_train
        np.maximum.at(highest, (self.row[of_train], self.kind[of_train]), self.share[of_train])
        return highest


class _Items(NamedTuple):
    """The items (word, k) of all records; an item is the k-th occurrence of a word in a text."""

    keys: UInt  # sorted keys of the items
    weight: Float  # weight of each item
    unknown: float  # weight of an item that no record has


class _Bags(NamedTuple):
    """The bags of words of n texts."""

    items: sparse.csr_array  # 1 if the text has the item, int8, (n, number of items of the records)
    total: Float  # total weight of each text's items, including items that no record has, (n,)


class _Index(NamedTuple):
    """The indexed items (INDEXED) of the compared records."""

    record: Int  # the c compared records, ascending, (c,)
    weight: sparse.csr_array  # weight of each item that is indexed for a record, (items, c)
    unindexed: Float  # total weight of each record's other items, (c,)


def word_bags(made: Numbered, real: OwnedRecords, n_synthetic: int) -> BagMatches:
    """Return, per row, owner and kind, the highest share of the row with a record of the owner.

        share(x, s) = (sum of w(i) over the items i in both x and s) / max(w(x), w(s))
        w(i) = log2(N / df(i)),   w(x) and w(s) = sum of w(i) over the items of x and of s

    x is a record and s a row. Item i = (word, k) is the k-th occurrence of a word in a text. N is the number of
    owners, and df(i) the number of owners with a record that has item i. An item of s that no record has gets the
    weight log2(N). Only the counted words of x have items: all words if at least half of them are own words (outside
    text that several persons share), otherwise only the own words. The share is 1 if x and s have the same items.

    The order is the same if s has at least SAME_ORDER · (n - 1) of the pairs of adjacent counted words of x, where n
    is the number of items in both x and s. Otherwise, the order is changed. The two orders have separate kinds,
    because texts of two persons with the same words are nearly always quotations, and a quotation keeps the order.
    With a higher value of SAME_ORDER, quotations with some changed words would count as changed order.

    Records with fewer counted words than LENGTHS[0] are skipped. `made`, `real` and `n_synthetic` are as in
    `near_copies`; token 0 must be a masked number.

    Cost: a share is computed only if the row has enough of the record's rarest items to reach LOWEST.
    Reference: prefix filter, Chaudhuri et al., ICDE 2006; inverse frequency weights, Spärck Jones, J. Doc. 1972.
    """
    n_kinds = 2 * N_LENGTHS
    best = np.zeros((real.n_owners, n_kinds))
    codes, shares_of_codes = [np.zeros(0, np.int64)], [np.zeros(0)]
    items, row_words, counted = _item_weights(real), _selected(made, made.tokens != NUMBER), _counted_words(real)
    records = _bags(counted, items)
    length = np.searchsorted(LENGTHS, np.diff(records.items.indptr), side="right") - 1
    index = _index(records, items.weight, np.flatnonzero(length >= 0))
    for start in range(0, len(made.starts) - 1 if len(index.record) > 0 else 0, BLOCK_ROWS):
        part = row_words.part(start, min(start + BLOCK_ROWS, len(made.starts) - 1))
        rows = _bags(part, items)
        for tried_row, tried_record in _candidates(rows, records, index):
            both = rows.items[tried_row].multiply(records.items[tried_record]).tocsr()
            shares = (both @ items.weight) / np.maximum(rows.total[tried_row], records.total[tried_record])
            is_kept = shares >= LOWEST
            row, record, share, n_both = (
                of[is_kept] for of in (tried_row, tried_record, shares, np.diff(both.indptr))
            )
            is_ordered = _n_adjacent(part.rows(row), counted.rows(record)) >= SAME_ORDER * (n_both - 1)
            kind = length[record] + N_LENGTHS * is_ordered
            is_synthetic = row + start < n_synthetic
            np.maximum.at(best, (real.owner[record[is_synthetic]], kind[is_synthetic]), share[is_synthetic])
            codes.append(((row + start) * real.n_owners + real.owner[record]) * n_kinds + kind)
            shares_of_codes.append(share)
    code, place = np.unique(np.concatenate(codes), return_inverse=True)
    highest = np.zeros(len(code))
    np.maximum.at(highest, place, np.concatenate(shares_of_codes))
    pair = code // n_kinds
    return BagMatches(best, pair // real.n_owners, pair % real.n_owners, code % n_kinds, highest)


def _counted_words(real: OwnedRecords) -> Numbered:
    """Return the records with only their counted words (see `word_bags`), without masked numbers."""
    is_counted = np.zeros(len(real.rows.tokens), dtype=np.bool_)
    is_counted[real.own] = True
    n_own = np.diff(np.append(0, np.cumsum(is_counted))[real.rows.starts])
    is_counted |= np.repeat(2 * n_own >= np.diff(real.rows.starts), np.diff(real.rows.starts))
    return _selected(real.rows, is_counted & (real.rows.tokens != NUMBER))


def _item_weights(real: OwnedRecords) -> _Items:
    """Return the weights of the items of all words of the records, computed block by block to save memory."""
    words = _selected(real.rows, real.rows.tokens != NUMBER)
    order = np.argsort(real.owner, kind="stable")
    owner, is_new = real.owner[order], starts_group(real.owner[order])
    n_before = np.cumsum(np.diff(words.starts)[order]) - np.diff(words.starts)[order]
    # all records of an owner are in one block, so that each owner of an item is counted once
    block = (n_before // BLOCK_TOKENS)[np.flatnonzero(is_new)[np.cumsum(is_new) - 1]]
    bounds = [*np.flatnonzero(starts_group(block)).tolist(), len(order)]
    counts = [(np.zeros(0, np.uint64), np.zeros(0, np.int64))]
    for start, end in pairwise(bounds):
        text, key = _items(words.rows(order[start:end]))
        of_owner = owner[start:end][text]
        by_key = np.lexsort((of_owner, key))
        key, of_owner = key[by_key], of_owner[by_key]
        counts.append(np.unique(key[starts_group(key, of_owner)], return_counts=True))
    keys, place = np.unique(np.concatenate([key for key, _ in counts]), return_inverse=True)
    df = np.bincount(place, weights=np.concatenate([n for _, n in counts]), minlength=len(keys))
    n_owners = max(1, int(is_new.sum()))
    return _Items(keys, np.log2(n_owners / np.maximum(df, 1)), float(np.log2(n_owners)))


def _bags(texts: Numbered, items: _Items) -> _Bags:
    """Return the bags of these texts, computed block by block to save memory."""
    found = [sparse.csr_array((0, len(items.keys)), dtype=np.int8)]
    totals = [np.zeros(0)]
    bounds = [*np.flatnonzero(starts_group(texts.starts[:-1] // BLOCK_TOKENS)).tolist(), len(texts.starts) - 1]
    for start, end in pairwise(bounds):
        text, key = _items(texts.part(start, end))
        place, is_known = find_keys(items.keys, key)
        shape = end - start, len(items.keys)
        block = sparse.csr_array(incidence(text[is_known], place[is_known], shape, np.int8))
        n_unknown = np.bincount(text[~is_known], minlength=end - start)
        found.append(block)
        totals.append(block @ items.weight + items.unknown * n_unknown)
    return _Bags(sparse.vstack(found, format="csr"), np.concatenate(totals))


def _n_adjacent(rows: Numbered, records: Numbered) -> Int:
    """Return how many pairs of adjacent words row i and record i have in common, for each i."""
    record, of_records = _numbered_pairs(records)
    both = find_keys(_numbered_pairs(rows)[1], of_records)[1]
    return np.bincount(record[both], minlength=len(records.starts) - 1)


def _numbered_pairs(texts: Numbered) -> tuple[Int, UInt]:
    """Return (text number, key) of each different pair of adjacent words of each text, sorted by key.

    The key is a hash of the pair and the text number.
    """
    first, key = places_of(texts, PAIR_TOKENS)
    text = texts.row(first)
    numbered, place = np.unique(grown(key, text), return_index=True)
    return text[place], numbered


def _selected(rows: Numbered, kept: Bool) -> Numbered:
    return Numbered(rows.tokens[kept], np.append(0, np.cumsum(kept))[rows.starts])


def _items(texts: Numbered) -> tuple[Int, UInt]:
    """Return the text and the key of each item (word, k); the key is a hash of the word and k."""
    text = texts.row(np.arange(len(texts.tokens)))
    order = np.lexsort((texts.tokens, text))
    text, tokens = text[order], texts.tokens[order]
    position = np.arange(len(order))
    first = np.maximum.accumulate(np.where(starts_group(text, tokens), position, 0))
    return text, grown(grown(np.zeros(len(order), dtype=np.uint64), tokens), position - first)


def _candidates(rows: _Bags, records: _Bags, index: _Index) -> Iterator[tuple[Int, Int]]:
    """Yield the pairs (row, record) whose share may reach LOWEST, as arrays (rows, records) of at most BLOCK_PAIRS.

    A pair is yielded if the row has an indexed item of the record and the largest possible share reaches LOWEST. The
    largest possible share assumes that the row also has all items of the record that are not indexed.
    """
    n_terms = np.cumsum(rows.items @ np.diff(index.weight.indptr))
    bounds = [*np.flatnonzero(starts_group(n_terms // BLOCK_PRODUCTS)).tolist(), len(n_terms)]
    for start, end in pairwise(bounds):
        both = (rows.items[start:end] @ index.weight).tocoo()
        row, record = both.row.astype(np.int64) + start, index.record[both.col]
        highest = both.data + index.unindexed[both.col]
        is_possible = (highest >= LOWEST * np.maximum(rows.total[row], records.total[record])) & (both.data > 0)
        row, record = row[is_possible], record[is_possible]
        for first in range(0, len(row), BLOCK_PAIRS):
            yield row[first : first + BLOCK_PAIRS], record[first : first + BLOCK_PAIRS]


def _index(records: _Bags, weight: Float, compared: Int) -> _Index:
    """Return the index of the records `compared`, computed block by block to save memory."""
    found = [sparse.csr_array((0, len(weight)), dtype=np.int8)]
    unindexed = [np.zeros(0)]
    size = np.diff(records.items.indptr)[compared]
    bounds = [*np.flatnonzero(starts_group((np.cumsum(size) - size) // BLOCK_TOKENS)).tolist(), len(compared)]
    for start, end in pairwise(bounds):
        block, total = records.items[compared[start:end]], records.total[compared[start:end]]
        record = np.repeat(np.arange(end - start), np.diff(block.indptr))
        order = np.lexsort((-weight[block.indices], record))
        item = block.indices[order].astype(np.int64)
        # for each item, the total weight of the rarer items of the same record
        weight_of_rarer = np.cumsum(weight[item]) - weight[item]
        weight_of_rarer -= np.append(weight_of_rarer, 0.0)[block.indptr[:-1]][record]
        kept = weight_of_rarer < INDEXED * total[record]
        indexed = sparse.csr_array(incidence(record[kept], item[kept], block.shape, np.int8))
        found.append(indexed)
        unindexed.append(total - indexed @ weight)
    by_item = sparse.vstack(found, format="csr").T.tocsr()
    data = np.repeat(weight, np.diff(by_item.indptr))
    weights = sparse.csr_array((data, by_item.indices, by_item.indptr), shape=by_item.shape)
    return _Index(compared, weights, np.concatenate(unindexed))
