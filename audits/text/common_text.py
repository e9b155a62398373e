"""Find text that several persons share, and remove it, so that the rest of each text is one person's own text.

The pool consists of all real rows, each with its owner: a person, or the public.

1. `shared_phrases` finds all phrases (eight consecutive tokens) with at least two owners. Phrases of public text, and
   phrases with too many owners to identify one of them, are boilerplate.
2. `repeated_records` finds owners whose texts repeat most of another owner's record, apart from boilerplate. Such
   owners are merged: they count as one.
3. `common_text` finds common text: boilerplate, all phrases of at least three owners, and headings of forms (shorter
   sequences that many owners have). `own_text` removes it from rows.
"""

import hashlib
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from audits.core.types import Bool, Int, UInt
from audits.text.ngrams import distinct, find_keys, starts_group, within_groups
from audits.text.shared_runs import BLOCK_TOKENS, Numbered, parts_of, run_keys

PHRASE_TOKENS = 8  # tokens per phrase; of 700 abstracts, only 1 % share eight consecutive words with another abstract
MANY = 10  # a phrase that more persons have can be boilerplate; statistical offices publish counts above 10
FEWEST = 3  # a phrase that at least this many owners have is common text; two persons may belong to one family
FORM_TOKENS = 4  # tokens per sequence in the search for headings, which can be shorter than a phrase
FORM_SHARE = (
    0.01  # a sequence is part of a heading if more than this share, and more than MANY, of the owners have it
)
# smallest share, and smallest number, of repeated tokens in a row that is mostly repeated (`repeated_records`)
REPEATED_SHARE, REPEATED_TOKENS = 0.5, 8
# values of `Owned.side`: a person in train (used by the generator), a person in control (not used), or the public
TRAIN, CONTROL, PUBLIC = 0, 1, 2


class Owned(NamedTuple):
    """All real rows (the pool), with their owners. There are n rows."""

    rows: Numbered
    owner: Int  # number of the owner of each row, from 0, (n,)
    side: Int  # TRAIN, CONTROL or PUBLIC of each owner, (n_owners,)


class SharedPhrases(NamedTuple):
    """The g phrases that at least two owners have, with their places and owners.

    A place is a token at which one of these phrases begins. There are p places, in text order, and q pairs of a
    phrase and one of its owners.
    """

    at: Int  # index of the first token at each place, (p,)
    phrase: Int  # index of the phrase at each place, (p,)
    key: UInt  # key (64-bit hash) of each phrase, (g,)
    pair_phrase: Int  # index of the phrase of each pair, ascending, (q,)
    pair_owner: Int  # owner of each pair, (q,)
    boilerplate: Bool  # whether each phrase is boilerplate, (g,)


def shared_phrases(pool: Owned) -> SharedPhrases:
    """Return the phrases that at least two owners share.

    Such a phrase is boilerplate if the public has it, or if more than MANY persons have it and
    - at least one of these persons is in control, or
    - it occurs in more than MANY different records, so it is not from one record stored under many ids in train.
    """
    record = _record_numbers(pool.rows)
    parts: list[SharedPhrases] = []
    n_phrases = 0
    for ((_, places),) in parts_of((pool.rows,), PHRASE_TOKENS):
        part = _shared(pool, record, places.at, places.key)
        parts.append(part._replace(phrase=part.phrase + n_phrases, pair_phrase=part.pair_phrase + n_phrases))
        n_phrases += len(part.key)
    shared = SharedPhrases(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    order = np.argsort(shared.at)
    return shared._replace(at=shared.at[order], phrase=shared.phrase[order])


def _shared(pool: Owned, record: Int, at: Int, key: UInt) -> SharedPhrases:
    """Return the shared phrases among the phrases that begin at the places `at` and have the keys `key`.

    `record` is the result of `_record_numbers`. The returned phrases and places are sorted by key.
    """
    row = pool.rows.row(at)
    order = np.lexsort((pool.owner[row], key))
    at, key, row = at[order], key[order], row[order]
    owner = pool.owner[row]
    new_phrase, is_pair = starts_group(key), starts_group(key, owner)
    phrase = np.cumsum(new_phrase) - 1
    pair_phrase, pair_owner = phrase[is_pair], owner[is_pair]
    n_phrases = int(new_phrase.sum())
    n_train, n_control, n_public = (
        np.bincount(pair_phrase[pool.side[pair_owner] == side], minlength=n_phrases) for side in range(3)
    )
    is_shared = n_train + n_control + n_public > 1
    is_many = n_train + n_control > MANY
    without_control = np.flatnonzero((is_many & (n_control == 0))[phrase])
    phrase_per_record = np.unique(np.stack([phrase[without_control], record[row[without_control]]]), axis=1)[0]
    boilerplate = (
        (is_many & (n_control > 0)) | (np.bincount(phrase_per_record, minlength=n_phrases) > MANY) | (n_public > 0)
    )
    new_index = np.cumsum(is_shared) - 1
    kept, kept_pair = is_shared[phrase], is_shared[pair_phrase]
    return SharedPhrases(
        at[kept],
        new_index[phrase[kept]],
        key[new_phrase][is_shared],
        new_index[pair_phrase[kept_pair]],
        pair_owner[kept_pair],
        boilerplate[is_shared],
    )


def _record_numbers(rows: Numbered) -> Int:
    """Return one number per row, shape (n,): two rows have the same number exactly if their tokens are the same."""
    number: dict[bytes, int] = {}
    digests = (
        hashlib.blake2b(rows.tokens[a:b].tobytes(), digest_size=16).digest()
        for a, b in pairwise(rows.starts.tolist())
    )
    return np.array([number.setdefault(digest, i) for i, digest in enumerate(digests)])


def repeated_records(pool: Owned, shared: SharedPhrases) -> list[tuple[int, int]]:
    """Return (row, owner) for each row that is mostly repeated in the texts of another owner.

    Only phrases and tokens outside boilerplate count. A row is mostly repeated if at least half of its tokens, and at
    least eight tokens, are in phrases that the other owner has too. An example is a record stored under two ids; a
    passage that two persons quote is usually a smaller part of each record. Only the first MANY owners of a phrase
    are compared with the row.
    """
    at, phrase = shared.at, shared.phrase
    row = pool.rows.row(at)
    distinctive = np.flatnonzero(~shared.boilerplate[phrase])
    first_pair = np.searchsorted(shared.pair_phrase, np.arange(len(shared.key) + 1))
    n_owners = np.minimum(np.diff(first_pair), MANY)[phrase[distinctive]]
    place = np.repeat(distinctive, n_owners)
    partner = shared.pair_owner[first_pair[phrase[place]] + within_groups(n_owners)]
    is_partner = partner != pool.owner[row[place]]
    place, partner = place[is_partner], partner[is_partner]
    pairs = row[place] * len(pool.side) + partner
    order = np.argsort(pairs, kind="stable")
    starts = np.append(np.flatnonzero(starts_group(pairs[order])), len(order))
    # Skip each pair of a row and a partner (another owner) that is certainly below REPEATED_SHARE: the partner
    # repeats at most 8 tokens per shared phrase, and the row has at least `min_own` tokens outside boilerplate.
    n_boilerplate = np.bincount(row[shared.boilerplate[phrase]], minlength=len(pool.owner))
    row_of_pair = row[place[order[starts[:-1]]]]
    min_own = np.diff(pool.rows.starts)[row_of_pair] - PHRASE_TOKENS * n_boilerplate[row_of_pair]
    possible_pairs = np.flatnonzero(PHRASE_TOKENS * np.diff(starts) >= REPEATED_SHARE * min_own)
    repeated_rows = []
    for pair in possible_pairs.tolist():
        members = order[starts[pair] : starts[pair + 1]]
        i = int(row_of_pair[pair])
        if _is_mostly_covered(pool.rows, shared, i, at[place[members]]):
            repeated_rows.append((i, int(partner[members[0]])))
    return repeated_rows


def _is_mostly_covered(rows: Numbered, shared: SharedPhrases, row: int, repeated_at: Int) -> bool:
    """Return whether a row is mostly repeated by the phrases at the places `repeated_at`, see `repeated_records`."""
    start, end = rows.starts[row], rows.starts[row + 1]
    row_slice = slice(*np.searchsorted(shared.at, [start, end]))
    row_places, boilerplate = shared.at[row_slice], shared.boilerplate[shared.phrase[row_slice]]
    is_own = ~_covered(row_places[boilerplate] - start, int(end - start))
    n_covered = int((is_own & _covered(repeated_at - start, int(end - start))).sum())
    return n_covered >= max(REPEATED_TOKENS, REPEATED_SHARE * int(is_own.sum()))


def _covered(places: Int, n_tokens: int, length: int = PHRASE_TOKENS) -> Bool:
    """Return for each of `n_tokens` tokens whether a sequence of `length` tokens that begins at a place covers it."""
    steps = np.zeros(n_tokens + length + 1, dtype=np.int8)
    steps[places] += 1
    steps[places + length] -= 1
    return np.asarray(np.cumsum(steps, dtype=np.int32)[:n_tokens] > 0)


def merged_owners(n_owners: int, pairs: Iterable[tuple[int, int]]) -> Int:
    """Return for each owner the lowest-numbered owner with whom this owner is merged.

    Owners are merged if a pair, or a chain of pairs, connects them.
    """
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(n_owners, n_owners))
    label = connected_components(graph, directed=False)[1]
    return np.asarray(np.unique(label, return_index=True)[1][label])


class CommonText(NamedTuple):
    """Common text as sorted keys (64-bit hashes) of token sequences."""

    phrases: UInt  # keys of sequences of PHRASE_TOKENS tokens
    forms: UInt  # keys of sequences of FORM_TOKENS tokens in headings of forms


def common_text(pool: Owned, shared: SharedPhrases, merged: Int) -> CommonText:
    """Return the sequences of tokens that are common text.

    - A phrase is common text if it is boilerplate, or if at least FEWEST owners have it.
    - A sequence of FORM_TOKENS tokens is common text if more than MANY owners, and more than 1 % of owners, have it.

    `merged` is the result of `merged_owners`; here, merged owners count as one owner.
    """
    pairs = distinct(shared.pair_phrase * len(merged) + merged[shared.pair_owner])
    n_owners = np.bincount(pairs // len(merged), minlength=len(shared.key))
    limit = max(MANY, FORM_SHARE * len(distinct(merged)))
    owner = merged[pool.owner]
    forms = []
    for ((_, places),) in parts_of((pool.rows,), FORM_TOKENS):
        key, sequence = np.unique(places.key, return_inverse=True)
        pairs = distinct(sequence * len(merged) + owner[places.row])
        forms.append(key[np.bincount(pairs // len(merged), minlength=len(key)) > limit])
    is_common = shared.boilerplate | (n_owners >= FEWEST)
    return CommonText(np.sort(shared.key[is_common]), np.sort(np.concatenate(forms)))


class OwnText(NamedTuple):
    """Rows without common text."""

    rows: Numbered  # the remaining tokens of each row
    origin: Int  # index of each remaining token in the tokens of the complete rows


def own_text(rows: Numbered, common: CommonText) -> OwnText:
    """Return rows without the tokens of common text; `rows` must be numbered with the vocabulary of the pool."""
    covered = np.zeros(len(rows.tokens), dtype=np.bool_)
    for keys, length in ((common.phrases, PHRASE_TOKENS), (common.forms, FORM_TOKENS)):
        covered |= _covered(_places_of(keys, rows, length), len(rows.tokens), length)
    kept = np.flatnonzero(~covered)
    return OwnText(Numbered(rows.tokens[kept], np.searchsorted(kept, rows.starts)), kept)


def _places_of(keys: UInt, rows: Numbered, length: int) -> Int:
    """Return, ascending, the places in `rows` at which sequences of `length` tokens with a key in `keys` begin."""
    places_found = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(rows.tokens) if len(keys) > 0 else 0, BLOCK_TOKENS):
        places = np.arange(start, min(start + BLOCK_TOKENS, len(rows.tokens)))
        places = places[places + length <= rows.starts[rows.row(places) + 1]]
        places_found.append(places[find_keys(keys, run_keys(rows, places, length))[1]])
    return np.concatenate(places_found)
