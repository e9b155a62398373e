"""Common text: the phrases that several persons share, who repeats whose record, and what is left without them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from audits.text.ngrams import UInt
from audits.text.shared_runs import BLOCK_TOKENS, Int, Numbered, Places, parts_of, run_keys

PHRASE_TOKENS = 8  # 1 % of fresh abstracts share so many words in a row with one of 700 others
MANY = 10  # persons beyond whom a phrase is boilerplate; cells of eleven are the habit of statistical offices
FORM_TOKENS = 4  # a form's headings are shorter than a phrase, and many more people have them
FORM_SHARE = 0.01  # of the persons; more than MANY at least
REPEATED_SHARE = 0.5  # of a record's own words: more in another person's texts is no quotation
REPEATED_TOKENS = 8
TRAIN, CONTROL, PUBLIC = 0, 1, 2

Bool = NDArray[np.bool_]


class Owned(NamedTuple):
    """Numbered rows and whose they are."""

    rows: Numbered  # the texts as numbers of their tokens
    owner: Int  # of each row, (n,)
    side: Int  # TRAIN, CONTROL or PUBLIC of each owner, (n_owners,)


@dataclass(frozen=True, slots=True)
class SharedPhrases:
    """The places at which a phrase begins that two owners or more have, in the order of the text."""

    at: Int  # token, (p,)
    phrase: Int  # number of the phrase, (p,)
    key: UInt  # of each phrase, (g,)
    pair_phrase: Int  # phrase of each pair of a phrase and one of its owners, in order, (q,)
    pair_owner: Int  # owner of each pair, (q,)
    boilerplate: Bool  # whether so many unrelated people have a phrase that it is nobody's, (g,)


def shared_phrases(pool: Owned) -> SharedPhrases:
    """Return the phrases of PHRASE_TOKENS tokens that two owners or more share.

    A phrase is boilerplate if more than MANY persons have it, or the public. Where nobody of control is among them,
    they must have it in more than MANY different records as well: control was drawn from the same people and would
    have a template too, so one record under many ids of train stays somebody's.

    Cost: O(N log N) time; for each place of a shared phrase 40 bytes, beside those of one part.
    """
    record = _records(pool.rows)
    found = [_shared(pool, record, places.at, places.key) for ((_, places),) in parts_of((pool.rows,), PHRASE_TOKENS)]
    offsets = np.cumsum([0, *(len(one.key) for one in found)])
    at = np.concatenate([one.at for one in found])
    order = np.argsort(at)
    return SharedPhrases(
        at[order],
        np.concatenate([one.phrase + by for one, by in zip(found, offsets, strict=False)])[order],
        np.concatenate([one.key for one in found]),
        np.concatenate([one.pair_phrase + by for one, by in zip(found, offsets, strict=False)]),
        np.concatenate([one.pair_owner for one in found]),
        np.concatenate([one.boilerplate for one in found]),
    )


def _shared(pool: Owned, record: Int, at: Int, key: UInt) -> SharedPhrases:
    row = pool.rows.row(at)
    order = np.lexsort((pool.owner[row], key))
    at, key, row = at[order], key[order], row[order]
    owner = pool.owner[row]
    new_phrase = _is_new(key)
    phrase = np.cumsum(new_phrase) - 1
    is_pair = new_phrase | _is_new(owner)
    pair_phrase, pair_owner = phrase[is_pair], owner[is_pair]
    n_phrases = int(new_phrase.sum())
    n_train, n_control, n_public = (
        np.bincount(pair_phrase[pool.side[pair_owner] == side], minlength=n_phrases) for side in range(3)
    )
    is_shared = n_train + n_control + n_public > 1
    is_many = n_train + n_control > MANY
    in_question = np.flatnonzero((is_many & (n_control == 0))[phrase])
    records = np.unique(np.stack([phrase[in_question], record[row[in_question]]]), axis=1)[0]
    boilerplate = (is_many & (n_control > 0)) | (np.bincount(records, minlength=n_phrases) > MANY) | (n_public > 0)
    number = np.cumsum(is_shared) - 1
    kept, kept_pair = is_shared[phrase], is_shared[pair_phrase]
    return SharedPhrases(
        at[kept],
        number[phrase[kept]],
        key[new_phrase][is_shared],
        number[pair_phrase[kept_pair]],
        pair_owner[kept_pair],
        boilerplate[is_shared],
    )


def _records(rows: Numbered) -> Int:
    """Return a number for each row, the same for equal rows."""
    whole = (rows.tokens[a:b].tobytes() for a, b in pairwise(rows.starts.tolist()))
    number: dict[bytes, int] = {}
    return np.array(
        [number.setdefault(hashlib.blake2b(row, digest_size=16).digest(), i) for i, row in enumerate(whole)]
    )


def _is_new(ordered: NDArray[np.generic]) -> Bool:
    new = np.ones(len(ordered), dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return new


def repeated_records(pool: Owned, shared: SharedPhrases) -> list[tuple[int, int]]:
    """Return (row, owner) for each row of which another owner's texts repeat most.

    Most is half of the row's tokens that are in no boilerplate phrase, and REPEATED_TOKENS of them at least. A
    passage that two people quote is less, and common text; a note that stands under two ids is more, and both ids are
    taken for one person.
    """
    at, phrase = shared.at, shared.phrase
    row = pool.rows.row(at)
    inside = np.flatnonzero(~shared.boilerplate[phrase])
    first_pair = np.searchsorted(shared.pair_phrase, np.arange(len(shared.key) + 1))
    n_owners = np.minimum(np.diff(first_pair), MANY)[phrase[inside]]
    place = np.repeat(inside, n_owners)
    within = np.arange(len(place)) - np.repeat(np.cumsum(n_owners) - n_owners, n_owners)
    partner = shared.pair_owner[first_pair[phrase[place]] + within]
    others = partner != pool.owner[row[place]]
    place, partner = place[others], partner[others]
    pairs = row[place] * len(pool.side) + partner
    order = np.argsort(pairs, kind="stable")
    starts = np.append(np.flatnonzero(_is_new(pairs[order])), len(order))
    # what can be most at best: every phrase with eight tokens of its own, and every boilerplate phrase as well
    sizes, n_boilerplate = (
        np.diff(pool.rows.starts),
        np.bincount(row[shared.boilerplate[phrase]], minlength=len(pool.owner)),
    )
    of_group = row[place[order[starts[:-1]]]]
    least_own = sizes[of_group] - PHRASE_TOKENS * n_boilerplate[of_group]
    possible = np.flatnonzero(PHRASE_TOKENS * np.diff(starts) >= REPEATED_SHARE * least_own)
    found = []
    for group in possible.tolist():
        members = order[starts[group] : starts[group + 1]]
        i = int(of_group[group])
        if _is_most(pool.rows, shared, i, at[place[members]]):
            found.append((i, int(partner[members[0]])))
    return found


def _is_most(rows: Numbered, shared: SharedPhrases, row: int, repeated: Int) -> bool:
    """Return whether the phrases that begin at the repeated places cover most of what is a row's own."""
    start, end = rows.starts[row], rows.starts[row + 1]
    of_row = slice(*np.searchsorted(shared.at, [start, end]))
    places, boilerplate = shared.at[of_row], shared.boilerplate[shared.phrase[of_row]]
    own = ~_covered(places[boilerplate] - start, int(end - start))
    covered = int((own & _covered(repeated - start, int(end - start))).sum())
    return covered >= max(REPEATED_TOKENS, REPEATED_SHARE * int(own.sum()))


def _covered(places: Int, n_tokens: int, length: int = PHRASE_TOKENS) -> Bool:
    """Return which of n tokens stand in a phrase of so many that begins at one of the places, which all differ."""
    steps = np.zeros(n_tokens + length + 1, dtype=np.int8)
    steps[places] += 1
    steps[places + length] -= 1
    return np.asarray(np.cumsum(steps, dtype=np.int32)[:n_tokens] > 0)


def merged_owners(n_owners: int, pairs: Iterable[tuple[int, int]]) -> Int:
    """Return for each owner the first of those who are one with it, (n_owners,)."""
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(n_owners, n_owners))
    _, label = connected_components(graph, directed=False)
    first = np.full(n_owners, n_owners, dtype=np.int64)
    np.minimum.at(first, label, np.arange(n_owners))
    return first[label]


class CommonText(NamedTuple):
    """What is nobody's: keys, in order, of phrases that two persons share, and of short ones that many do."""

    phrases: UInt
    forms: UInt


def common_text(pool: Owned, shared: SharedPhrases, merged: Int) -> CommonText:
    """Return what two persons or more share, counting those merged as one.

    Phrases of PHRASE_TOKENS tokens are common if two persons have them, or one and the public; those of FORM_TOKENS
    tokens if more than MANY have them and more than one in a hundred.
    """
    pairs = np.unique(shared.pair_phrase * len(merged) + merged[shared.pair_owner])
    n_owners = np.bincount(pairs // len(merged), minlength=len(shared.key))
    least = max(MANY, FORM_SHARE * len(np.unique(merged)))
    owner = merged[pool.owner]
    forms = [_of_many(pool, owner, places, least) for ((_, places),) in parts_of((pool.rows,), FORM_TOKENS)]
    return CommonText(np.sort(shared.key[n_owners > 1]), np.sort(np.concatenate(forms)))


def _of_many(pool: Owned, owner: Int, places: Places, least: float) -> UInt:
    """Return the keys that more than so many owners have."""
    key, number = np.unique(places.key, return_inverse=True)
    n_owners = len(pool.side)
    pairs = np.unique(number * n_owners + owner[pool.rows.row(places.at)])
    return key[np.bincount(pairs // n_owners, minlength=len(key)) > least]


NOTHING = CommonText(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint64))


class OwnText(NamedTuple):
    """Rows without common text."""

    rows: Numbered  # what is left of each row
    origin: Int  # for each token left its token in the whole rows, (M,)


def own_text(whole: Numbered, common: CommonText) -> OwnText:
    """Return rows without the tokens that stand in a common phrase; what stood before and behind one is joined.

    Args:
        whole: rows numbered by the vocabulary of the pool.
        common: of `common_text`.

    Cost: 16 bytes for each token.
    """
    covered = np.zeros(len(whole.tokens), dtype=np.bool_)
    for keys, length in ((common.phrases, PHRASE_TOKENS), (common.forms, FORM_TOKENS)):
        covered |= _covered(_found(whole, keys, length), len(whole.tokens), length)
    kept = np.flatnonzero(~covered)
    return OwnText(Numbered(whole.tokens[kept], np.searchsorted(kept, whole.starts)), kept)


def _found(whole: Numbered, common: UInt, length: int) -> Int:
    """Return the tokens at which one of the runs of so many tokens begins."""
    found = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(whole.tokens) if len(common) > 0 else 0, BLOCK_TOKENS):
        places = np.arange(start, min(start + BLOCK_TOKENS, len(whole.tokens)))
        places = places[places + length <= whole.starts[whole.row(places) + 1]]
        keys = run_keys(whole, places, length)
        number = np.minimum(np.searchsorted(common, keys), len(common) - 1)
        found.append(places[common[number] == keys])
    return np.concatenate(found)
