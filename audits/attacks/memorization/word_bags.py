"""Find rows that consist of nearly the same words as one record, for the audit `memorization`.

The bag of words of a text contains the words of the text, each as often as it occurs, without masked numbers. The
fewer owners have a word, the higher is its weight. Frequent words count too, so that records of eight words can be
found. The share of a record and a row is the weight of the words that both have, divided by the total weight of the
heavier text. Each share has one of eight kinds, which depend on the length of the record and the order of the words.
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

LENGTHS = (8, RECORD_TOKENS, 30, 64)  # smallest number of counted words (`word_bags`) of a record, per length class
N_LENGTHS = len(LENGTHS)
NUMBER = 0  # token of a masked number
LOWEST = 0.4  # lower shares are omitted, because they are too low to change a limit (`calibration.bag_thresholds`)
SAME_ORDER = 0.5  # smallest part of the adjacent pairs of words that two texts in the same order share (`word_bags`)
# the rarest words of a record with this part of its total weight are indexed, and only rows with an indexed word are
# compared with the record; above 1 - LOWEST, so that the share of any other row is below LOWEST
INDEXED = 0.75
BLOCK_ROWS = 250  # number of synthetic or planted rows compared at a time
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
        """Return the highest share of each row with a train person (owner below `n_train`), (n_rows, kinds)."""
        highest = np.zeros((n_rows, self.best.shape[1]))
        of_train = self.owner < n_train
        np.maximum.at(highest, (self.row[of_train], self.kind[of_train]), self.share[of_train])
        return highest


class _Bags(NamedTuple):
    """The bags of words of n texts; the k-th occurrence of a word in a text is the item (word, k) of the bag."""

    items: sparse.csr_array  # 1 if the text has the item, (n, number of different items of the records)
    total: Float  # total weight of each text's items, including items that no record has, (n,)
    adjacent: sparse.csr_array  # 1 if the two words of the pair are adjacent in the text, (n, pairs of the records)


def word_bags(made: Numbered, real: OwnedRecords, n_synthetic: int) -> BagMatches:
    """Return the shares of the records and the rows: which part of their bags of words is in both.

        share(x, s) = (sum of w(i) over the items i in both x and s) / max(w(x), w(s))
        w(i) = log2(N / df(i)),   w(x) and w(s) = sum of w(i) over the items of x and of s

    x is a record and s a row. Item i = (word, k) is the k-th occurrence of a word in a text. N is the number of
    owners, and df(i) the number of owners with a record that has item i; for an item of s that no record has, w(i) is
    log2(N). Only the counted words of x have items: the own words of x if x has more common text than own words, and
    otherwise all words of x. The share is 1 if x and s have the same items.

    The order is the same if s has at least SAME_ORDER · (n - 1) of the pairs of adjacent counted words of x, where n
    is the number of items in both x and s. Otherwise, the order is changed. The orders have separate kinds, because
    persons who write the same words nearly always quote each other, in the same order. With a higher value of
    SAME_ORDER, quotations with changed words would count as changed order.

    Records with fewer counted words than LENGTHS[0] are skipped. `made`, `real` and `n_synthetic` are as in
    `near_copies`; token 0 must be a masked number.

    Cost: a share is computed only if the row has enough of the record's rarest items to reach LOWEST.
    Reference: prefix filter, Chaudhuri et al., ICDE 2006; inverse frequency weights, Spärck Jones, J. Doc. 1972.
    """
    n_kinds = 2 * N_LENGTHS
    best = np.zeros((real.n_owners, n_kinds))
    triples = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    rows, records, weight = _bags(made, real)
    length = np.searchsorted(LENGTHS, np.diff(records.items.indptr), side="right") - 1
    for tried_row, tried_record in _candidates(rows, records, weight, length >= 0):
        both = rows.items[tried_row].multiply(records.items[tried_record]).tocsr()
        shares = (both @ weight) / np.maximum(rows.total[tried_row], records.total[tried_record])
        is_kept = shares >= LOWEST
        row, record, share, n_both = (of[is_kept] for of in (tried_row, tried_record, shares, np.diff(both.indptr)))
        n_adjacent = np.diff(rows.adjacent[row].multiply(records.adjacent[record]).tocsr().indptr)
        kind = length[record] + N_LENGTHS * (n_adjacent >= SAME_ORDER * (n_both - 1))
        is_synthetic = row < n_synthetic
        np.maximum.at(best, (real.owner[record[is_synthetic]], kind[is_synthetic]), share[is_synthetic])
        code, place = np.unique((row * real.n_owners + real.owner[record]) * n_kinds + kind, return_inverse=True)
        highest = np.zeros(len(code))
        np.maximum.at(highest, place, share)
        triples.append((code // n_kinds, code % n_kinds, highest))
    pair, kind, share = (np.concatenate(columns) for columns in zip(*triples, strict=True))
    return BagMatches(best, pair // real.n_owners, pair % real.n_owners, kind, share)


def _bags(made: Numbered, real: OwnedRecords) -> tuple[_Bags, _Bags, Float]:
    """Return the bags of the rows, the bags of the records' counted words, and the weight of each item."""
    is_counted = np.zeros(len(real.rows.tokens), dtype=np.bool_)
    is_counted[real.own] = True
    record = real.rows.row(np.arange(len(is_counted)))
    n_own = np.bincount(record[is_counted], minlength=len(real.owner))
    is_counted |= (2 * n_own >= np.diff(real.rows.starts))[record]
    # all words of the records determine the weights, but only the counted words are compared with the rows
    words, counted, row_words = (
        _selected(rows, kept)
        for rows, kept in (
            (real.rows, real.rows.tokens != NUMBER),
            (real.rows, is_counted & (real.rows.tokens != NUMBER)),
            (made, made.tokens != NUMBER),
        )
    )
    n_owners = len(np.unique(real.owner))
    record, key = _items(words)
    keys, number = np.unique(key, return_inverse=True)
    df = np.bincount(np.unique(number * real.n_owners + real.owner[record]) // real.n_owners, minlength=len(keys))
    weight = np.log2(n_owners / np.maximum(df, 1))
    pairs = np.unique(places_of(counted, PAIR_TOKENS)[1])
    return (
        _bags_of_texts(row_words, keys, weight, n_owners, pairs),
        _bags_of_texts(counted, keys, weight, n_owners, pairs),
        weight,
    )


def _bags_of_texts(texts: Numbered, keys: UInt, weight: Float, n_owners: int, pairs: UInt) -> _Bags:
    """Return the bags of these texts.

    `keys` has the sorted keys of the items of all records, `weight` their weights, and `pairs` the sorted keys of the
    pairs of adjacent counted words of all records.
    """
    n_texts = len(texts.starts) - 1
    text, key = _items(texts)
    items, is_missing = _incidence(text, key, keys, n_texts)
    total = items @ weight + np.log2(n_owners) * np.bincount(text[is_missing], minlength=n_texts)
    first, pair = places_of(texts, PAIR_TOKENS)
    return _Bags(items, total, _incidence(texts.row(first), pair, pairs, n_texts)[0])


def _incidence(text: Int, key: UInt, keys: UInt, n_texts: int) -> tuple[sparse.csr_array, Bool]:
    """Return which texts have which `keys` (sorted), (n_texts, len(keys)), and which of `key` are not in `keys`."""
    if len(keys) == 0:
        return sparse.csr_array((n_texts, 0)), np.ones(len(key), dtype=np.bool_)
    place, is_in_keys = find_keys(keys, key)
    return sparse.csr_array(incidence(text[is_in_keys], place[is_in_keys], (n_texts, len(keys)))), ~is_in_keys


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


def _candidates(rows: _Bags, records: _Bags, weight: Float, is_compared: Bool) -> Iterator[tuple[Int, Int]]:
    """Yield the pairs of a row and a record whose share may reach LOWEST, as (rows, records) of at most BLOCK_PAIRS.

    Only the records for which `is_compared` is true are compared. A pair is yielded if the row has an indexed item
    (INDEXED) and would reach LOWEST if it also had all items of the record that are not indexed.
    """
    indexed, unindexed = _indexed(records, weight)
    scaled = sparse.diags_array(weight) @ indexed[is_compared].T.tocsr()
    compared, n_rows = np.flatnonzero(is_compared), rows.items.shape[0]
    for start in range(0, n_rows if len(compared) > 0 else 0, BLOCK_ROWS):
        both = (rows.items[start : start + BLOCK_ROWS] @ scaled).tocoo()
        row, record = both.row.astype(np.int64) + start, compared[both.col]
        highest = both.data + unindexed[record]
        is_possible = (highest >= LOWEST * np.maximum(rows.total[row], records.total[record])) & (both.data > 0)
        row, record = row[is_possible], record[is_possible]
        for first in range(0, len(row), BLOCK_PAIRS):
            yield row[first : first + BLOCK_PAIRS], record[first : first + BLOCK_PAIRS]


def _indexed(records: _Bags, weight: Float) -> tuple[sparse.csr_array, Float]:
    """Return which record has which indexed items (INDEXED), and the total weight of its other items."""
    items = records.items
    record = np.repeat(np.arange(items.shape[0]), np.diff(items.indptr))
    order = np.lexsort((-weight[items.indices], record))
    item = items.indices[order].astype(np.int64)
    # for each item, the total weight of the rarer items of the same record
    weight_of_rarer = np.cumsum(weight[item]) - weight[item]
    weight_of_rarer -= np.append(weight_of_rarer, 0.0)[items.indptr[:-1]][record]
    kept = weight_of_rarer < INDEXED * records.total[record]
    indexed = sparse.csr_array(incidence(record[kept], item[kept], items.shape))
    return indexed, records.total - indexed @ weight
