"""Find whole records and sentences of exactly one person by 64-bit keys."""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from audits.core.types import Int, UInt
from audits.text.ngrams import find_keys, starts_group
from audits.text.normalise import sentences, tokens, without_numbers

RECORD_TOKENS = 13  # minimum length of a record whose repetition counts as a copy
SENTENCE_TOKENS = 6


class Keyed(NamedTuple):
    """Keys, and the row of each."""

    key: UInt
    row: Int


class SoleOwners(NamedTuple):
    """Sorted distinct keys, with the only owner of each or -1 if several have it."""

    key: UInt
    owner: Int


def record_keys(text: str) -> list[int]:
    """Return the keys of a record of at least 13 tokens: as written, numbers masked, and as a bag of sentences."""
    words = tokens(text)
    masked = without_numbers(words)
    if len(masked) < RECORD_TOKENS:
        return []
    bag = sorted(" ".join(tokens(s)) for s in sentences(text))
    return [_key(["whole", *words]), _key(["masked", *masked]), _key(["bag", *bag])]


def sentence_keys(text: str) -> list[int]:
    """Return the keys of the sentences of at least six tokens."""
    split = (tokens(s) for s in sentences(text))
    return [_key(words) for words in split if len(words) >= SENTENCE_TOKENS]


def keyed(rows: Iterable[Sequence[int]]) -> Keyed:
    """Return the keys of all rows, concatenated; 16 bytes per key."""
    keys, row = array("Q"), array("q")
    for number, of_row in enumerate(rows):
        keys.extend(of_row)
        row.extend([number] * len(of_row))
    return Keyed(np.frombuffer(keys, dtype=np.uint64), np.frombuffer(row, dtype=np.int64))


def sole_owners(found: Keyed, owners: Int) -> SoleOwners:
    """Return every distinct key with its only owner, given the owner of each row."""
    order = np.argsort(found.key, kind="stable")
    key, owner = found.key[order], owners[found.row[order]]
    first = np.flatnonzero(starts_group(key))
    if len(first) == 0:
        return SoleOwners(key, owner)
    low, high = (extreme.reduceat(owner, first) for extreme in (np.minimum, np.maximum))
    return SoleOwners(key[first], np.where(low == high, low, -1))


def owner_of(sole: SoleOwners, wanted: UInt) -> Int:
    """Return the only owner of each key; -1 if several have it, or none."""
    if len(sole.key) == 0:
        return np.full(len(wanted), -1)
    place, is_key = find_keys(sole.key, wanted)
    return np.where(is_key, sole.owner[place], -1)


def _key(words: Sequence[str]) -> int:
    digest = hashlib.blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
