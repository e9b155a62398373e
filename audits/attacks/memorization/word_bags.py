"""Find rows that consist of nearly the same words as one record, in the same or in a changed order.

The words of a text, each as often as it occurs, are its bag of words. Masked numbers are left out. Frequent words
count too, with a small weight, so that records of eight words can be found.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse

from audits.attacks.memorization.near_copies import PAIR_TOKENS, OwnedRecords, places_of
from audits.attacks.memorization.whole_records import RECORD_TOKENS
from audits.core.types import Bool, Float, Int, UInt
from audits.embeddings.similarity import incidence
from audits.text.ngrams import find_keys, grown, starts_group
from audits.text.shared_runs import Numbered

LENGTHS = (8, RECORD_TOKENS, 30, 64)  # smallest number of words in each length class; shorter records are skipped
N_LENGTHS = len(LENGTHS)
NUMBER = 0  # token of a masked number
LOWEST = 0.4  # lower shares are not computed, because they cannot raise a limit (`calibration.bag_thresholds`)
SAME_ORDER = 0.5  # smallest share of pairs of adjacent words that two texts in the same order have in common
# rows are first compared with the rarest words of a record, which have at least this share of its weight; the value
# must be above 1 - LOWEST, so that a row without any of these words cannot reach LOWEST
INDEXED = 0.75
BLOCK_ROWS = 250  # number of synthetic rows compared at a time
BLOCK_PAIRS = 1 << 13  # number of pairs of a row and a record compared at a time


class BagMatches(NamedTuple):
    """Shares of bags of words; r is the number of (row, owner, class) triples with a share of at least LOWEST.

    Each length class (LENGTHS) is there twice: classes 0 to 3 for words in changed order, 4 to 7 in the same order.
    """

    best: Float  # highest share of each owner in a synthetic row, per class, (n_owners, 2 · N_LENGTHS)
    row: Int  # row of each triple, (r,)
    owner: Int  # owner of each triple, (r,)
    kind: Int  # class of each triple, an index into the second axis of `best`, (r,)
    share: Float  # highest share of a record of the owner in the row, among records of the class, (r,)

    def of_rows(self, n_rows: int, n_train: int) -> Float:
        """Return the highest share of a train person (owners below `n_train`) in each row, per class."""
        highest = np.zeros((n_rows, self.best.shape[1]))
        of_train = self.owner < n_train
        np.maximum.at(highest, (self.row[of_train], self.kind[of_train]), self.share[of_train])
        return highest


class _Bags(NamedTuple):
    """The bags of words of n texts. The k-th occurrence of a word is a separate item, so that a bag is a set."""

    items: sparse.csr_array  # 1 if the text has the item, (n, number of items of the records)
    bits: Float  # total weight of each text's items, (n,)
    adjacent: sparse.csr_array  # 1 if the two words of the pair are adjacent in the text, (n, pairs of the records)


def word_bags(made: Numbered, real: OwnedRecords, n_synthetic: int) -> BagMatches:
    """Return the share of the bag of words that each record and row have in common, weighted by rarity.

        share(x, s) = (sum of w(i) over the items i in both x and s) / max(w(x), w(s))
        w(i) = log2(N / df(i)),   w(x) and w(s) = sum of w(i) over the items of x and of s

    x is a record and s a row. The k-th occurrence of a word in a text is item (word, k). Common text of x does not
    count if it is more than half of x. N is the number of owners, and df(i) the number of owners of item i. An item
    that no record has counts as log2(N). The share is 1 if x and s have the same words. It is lower if x
    or s has words that the other lacks.

    Two texts that people wrote with the same words nearly always have the words in the same order, because one text
    quotes the other. Pairs of texts in the same order are therefore in separate classes. The order is the same
    if s has at least SAME_ORDER · (n - 1) of the pairs of adjacent words of x, where n is the number of items in
    both x and s. With a higher value of SAME_ORDER, quotations with changed words would count as reordered.

    `made`, `real` and `n_synthetic` are as in `near_copies`; token 0 must be a masked number.

    Cost: rows are first compared with the rarest words of each record, which have at least the fraction INDEXED of
    its weight. The share is computed only if the remaining words can still raise it to LOWEST (prefix filter).
    Reference: prefix filter, Chaudhuri et al., ICDE 2006; inverse frequency weights, Spärck Jones, J. Doc. 1972.
    """
    n_kinds = 2 * N_LENGTHS
    best = np.zeros((real.n_owners, n_kinds))
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    rows, records, weight = _bags(made, real)
    length = np.searchsorted(LENGTHS, np.diff(records.items.indptr), side="right") - 1
    for row, record in _candidates(rows, records, weight, length >= 0):
        common = rows.items[row].multiply(records.items[record]).tocsr()
        share = (common @ weight) / np.maximum(rows.bits[row], records.bits[record])
        is_near = share >= LOWEST
        at, x, value, n_common = (of[is_near] for of in (row, record, share, np.diff(common.indptr)))
        n_adjacent = np.diff(rows.adjacent[at].multiply(records.adjacent[x]).tocsr().indptr)
        kind = length[x] + N_LENGTHS * (n_adjacent >= SAME_ORDER * (n_common - 1))
        of_synthetic = at < n_synthetic
        np.maximum.at(best, (real.owner[x[of_synthetic]], kind[of_synthetic]), value[of_synthetic])
        triples, place = np.unique((at * real.n_owners + real.owner[x]) * n_kinds + kind, return_inverse=True)
        highest = np.zeros(len(triples))
        np.maximum.at(highest, place, value)
        found.append((triples // n_kinds, triples % n_kinds, highest))
    pair, kind, share = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return BagMatches(best, pair // real.n_owners, pair % real.n_owners, kind, share)


def _bags(made: Numbered, real: OwnedRecords) -> tuple[_Bags, _Bags, Float]:
    """Return the bags of the synthetic rows, the bags of the records, and the weight of each item."""
    is_own = np.zeros(len(real.rows.tokens), dtype=np.bool_)
    is_own[real.own] = True
    record = real.rows.row(np.arange(len(is_own)))
    n_own = np.bincount(record[is_own], minlength=len(real.owner))
    is_own |= (2 * n_own >= np.diff(real.rows.starts))[record]
    # all words of the records determine the weights; the counted words are compared with the words of the rows
    every, counted, made = (
        _selected(of, kept)
        for of, kept in (
            (real.rows, real.rows.tokens != NUMBER),
            (real.rows, is_own & (real.rows.tokens != NUMBER)),
            (made, made.tokens != NUMBER),
        )
    )
    n_owners = len(np.unique(real.owner))
    row, key = _items(every)
    keys, number = np.unique(key, return_inverse=True)
    df = np.bincount(np.unique(number * real.n_owners + real.owner[row]) // real.n_owners, minlength=len(keys))
    weight = np.log2(n_owners / np.maximum(df, 1))
    pairs = np.unique(places_of(counted, PAIR_TOKENS)[1])
    return (
        _bags_of_rows(made, keys, weight, n_owners, pairs),
        _bags_of_rows(counted, keys, weight, n_owners, pairs),
        weight,
    )


def _bags_of_rows(rows: Numbered, keys: UInt, weight: Float, n_owners: int, pairs: UInt) -> _Bags:
    """Return the bags of these rows.

    `keys` has the sorted keys of the items of all records, `weight` their weights, and `pairs` the sorted keys of the
    pairs of adjacent words of all records.
    """
    n_rows = len(rows.starts) - 1
    row, key = _items(rows)
    items, is_unknown = _incidence(row, key, keys, n_rows)
    bits = items @ weight + np.log2(n_owners) * np.bincount(row[is_unknown], minlength=n_rows)
    first, pair = places_of(rows, PAIR_TOKENS)
    return _Bags(items, bits, _incidence(rows.row(first), pair, pairs, n_rows)[0])


def _incidence(row: Int, key: UInt, keys: UInt, n_rows: int) -> tuple[sparse.csr_array, Bool]:
    """Return which rows have which `keys` (sorted), (n_rows, len(keys)), and which of `key` are not in `keys`."""
    if len(keys) == 0:
        return sparse.csr_array((n_rows, 0)), np.ones(len(key), dtype=np.bool_)
    place, is_known = find_keys(keys, key)
    return sparse.csr_array(incidence(row[is_known], place[is_known], (n_rows, len(keys)))), ~is_known


def _selected(rows: Numbered, kept: Bool) -> Numbered:
    return Numbered(rows.tokens[kept], np.append(0, np.cumsum(kept))[rows.starts])


def _items(rows: Numbered) -> tuple[Int, UInt]:
    """Return the row and the key of each item; the key depends on the word and its earlier occurrences in the row."""
    row = rows.row(np.arange(len(rows.tokens)))
    order = np.lexsort((rows.tokens, row))
    row, tokens = row[order], rows.tokens[order]
    at = np.arange(len(order))
    first = np.maximum.accumulate(np.where(starts_group(row, tokens), at, 0))
    return row, grown(grown(np.zeros(len(order), dtype=np.uint64), tokens), at - first)


def _candidates(rows: _Bags, records: _Bags, weight: Float, is_tested: Bool) -> Iterator[tuple[Int, Int]]:
    """Yield pairs (rows, records) whose share may reach LOWEST, at most BLOCK_PAIRS at a time.

    Only the records for which `is_tested` is true are compared.
    """
    indexed, other_bits = _indexed(records, weight)
    scaled = sparse.diags_array(weight) @ indexed[is_tested].T.tocsr()
    tested, n_rows = np.flatnonzero(is_tested), rows.items.shape[0]
    for start in range(0, n_rows if len(tested) > 0 else 0, BLOCK_ROWS):
        shared = (rows.items[start : start + BLOCK_ROWS] @ scaled).tocoo()
        row, record = shared.row.astype(np.int64) + start, tested[shared.col]
        highest = shared.data + other_bits[record]
        is_possible = (highest >= LOWEST * np.maximum(rows.bits[row], records.bits[record])) & (shared.data > 0)
        row, record = row[is_possible], record[is_possible]
        for first in range(0, len(row), BLOCK_PAIRS):
            yield row[first : first + BLOCK_PAIRS], record[first : first + BLOCK_PAIRS]


def _indexed(records: _Bags, weight: Float) -> tuple[sparse.csr_array, Float]:
    """Return the rarest items of each record (at least INDEXED of its weight), and the weight of its other items."""
    items = records.items
    record = np.repeat(np.arange(items.shape[0]), np.diff(items.indptr))
    order = np.lexsort((-weight[items.indices], record))
    item = items.indices[order].astype(np.int64)
    # for each item, the total weight of the rarer items of the same record
    before = np.cumsum(weight[item]) - weight[item]
    before -= np.append(before, 0.0)[items.indptr[:-1]][record]
    kept = before < INDEXED * records.bits[record]
    indexed = sparse.csr_array(incidence(record[kept], item[kept], items.shape))
    return indexed, records.bits - indexed @ weight
