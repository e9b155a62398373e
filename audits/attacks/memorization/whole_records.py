"""Find in synthetic rows the whole records and sentences that only one owner (a person, or the public) has."""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from audits.core.types import Int, UInt
from audits.text.letters import without_digits_and_doubles
from audits.text.ngrams import find_keys, starts_group
from audits.text.normalise import sentences, split_words, tokens, without_numbers

RECORD_TOKENS = 13  # records of fewer tokens are also compared with each run of whole sentences of a row
MAX_SHORT_WORDS = 100  # short records of more words, mostly numbers, are compared with whole rows only
MIN_SENTENCE_TOKENS = 6  # shorter sentences are not counted


class Keyed(NamedTuple):
    """Keys (64-bit hashes) of records or sentences."""

    key: UInt
    row: Int  # row of each key
    size: Int  # number of tokens of the record or sentence; always RECORD_TOKENS in `TextKeys.records`


class TextKeys(NamedTuple):
    """The keys of texts that are compared as a whole."""

    # 3 keys of each text that has RECORD_TOKENS tokens or more after its numbers are masked (`without_numbers`): the
    # text as written, the text with masked numbers, and the text with sorted sentences
    records: Keyed
    # keys of the letters (`short_keys`) of the shorter records (`record_keys`), or of each row and of the parts of
    # each row that may equal a shorter record (`row_keys`)
    short: Keyed
    sentences: Keyed  # keys of sentences of at least MIN_SENTENCE_TOKENS tokens


class SoleOwners(NamedTuple):
    """The keys that only one owner has."""

    key: UInt  # sorted
    owner: Int  # the only owner of each key
    size: Int  # number of tokens of the text of each key

    def places(self, searched: UInt) -> tuple[Int, Int]:
        """Return the positions of the keys that `searched` and `key` have in common: (in `searched`, in `key`)."""
        if len(self.key) == 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        place, is_key = find_keys(self.key, searched)
        return np.flatnonzero(is_key), place[is_key]


class OwnedCopies(NamedTuple):
    """Rows that contain a whole text that only one owner has; one entry per row and owner, in ascending order."""

    row: Int
    owner: Int
    size: Int  # number of tokens of the owner's longest text that the row contains whole


def record_keys(texts: Iterable[str]) -> TextKeys:
    """Return the keys of records. Memory: 24 bytes per key."""
    return _keys(texts, lambda words, _parts: [words] if len(without_numbers(words)) < RECORD_TOKENS else [])


def row_keys(texts: Iterable[str], records: TextKeys) -> TextKeys:
    """Return the keys of synthetic rows; `records` has the keys of the records with which the rows are compared.

    If there are short records, a row has a short key for the whole row, and for each run of whole sentences that may
    equal a short record.
    """
    has_short = len(records.short.key) > 0
    return _keys(texts, lambda words, parts: [words, *_runs(parts)] if has_short else [])


def _keys(texts: Iterable[str], short_texts: Callable[[list[str], list[list[str]]], Iterable[list[str]]]) -> TextKeys:
    """Return the keys of texts.

    `short_texts` gets the words of a text and the words of each of its sentences. It returns the texts, as lists of
    words, that get a short key.
    """
    records, short, by_sentence = _Collector(), _Collector(), _Collector()
    for row, text in enumerate(texts):
        words, parts = tokens(text), [split_words(part) for part in sentences(text)]
        masked = without_numbers(words)
        if len(masked) >= RECORD_TOKENS:
            bag = sorted(map(" ".join, parts))
            keys = [_key(["whole", *words]), _key(["masked", *masked]), _key(["bag", *bag])]
            records.add(row, [(key, RECORD_TOKENS) for key in keys])
        short.add(row, short_keys(short_texts(words, parts)))
        by_sentence.add(row, [(_key(part), len(part)) for part in parts if len(part) >= MIN_SENTENCE_TOKENS])
    return TextKeys(records.keyed(), short.keyed(), by_sentence.keyed())


class _Collector:
    """A growing list of keys with their rows and sizes, in arrays to save memory."""

    def __init__(self) -> None:
        self._key, self._row, self._size = array("Q"), array("q"), array("q")

    def add(self, row: int, keys: Iterable[tuple[int, int]]) -> None:
        for key, size in keys:
            self._key.append(key)
            self._row.append(row)
            self._size.append(size)

    def keyed(self) -> Keyed:
        row, size = (np.frombuffer(column, dtype=np.int64) for column in (self._row, self._size))
        return Keyed(np.frombuffer(self._key, dtype=np.uint64), row, size)


def short_keys(texts: Iterable[Sequence[str]]) -> list[tuple[int, int]]:
    """Return the key and the number of tokens (with masked numbers) of each text; a text is given by its tokens.

    The key depends only on the letters (`without_digits_and_doubles`), so that glued, split or stretched words and
    changed numbers do not hide a copy. Texts without letters have no key.
    """
    letters = ((without_digits_and_doubles("".join(words)), words) for words in texts)
    return [(_key([bare]), len(without_numbers(list(words)))) for bare, words in letters if bare]


def _runs(parts: Sequence[list[str]]) -> Iterable[list[str]]:
    """Yield the words of each run of consecutive sentences that is short enough to equal a short record."""
    for start in range(len(parts)):
        words: list[str] = []
        for part in parts[start:]:
            words += part
            if len(words) > MAX_SHORT_WORDS or len(without_numbers(words)) >= RECORD_TOKENS:
                break
            yield list(words)


def copies_of_one(made: Keyed, real: Keyed, owners: Int) -> OwnedCopies:
    """Return the rows of `made` with a key that only one owner has in `real`, given the owners of the rows of `real`.

    The size of a copy is the number of tokens of the copied row of `real`, because the copy may have fewer: a copy
    without spaces has only one token.
    """
    sole = sole_owners(real, owners)
    found, place = sole.places(made.key)
    row, owner, size = made.row[found], sole.owner[place], sole.size[place]
    order = np.lexsort((-size, owner, row))
    order = order[starts_group(row[order], owner[order])]
    return OwnedCopies(row[order], owner[order], size[order])


def sole_owners(found: Keyed, owners: Int) -> SoleOwners:
    """Return the keys in `found` that only one owner has; `owners` has the owner of each row of `found`."""
    order = np.argsort(found.key, kind="stable")
    key, owner, size = found.key[order], owners[found.row[order]], found.size[order]
    first = np.flatnonzero(starts_group(key))
    if len(first) == 0:
        return SoleOwners(key, owner, size)
    low, high = (extreme.reduceat(owner, first) for extreme in (np.minimum, np.maximum))
    is_sole = low == high
    return SoleOwners(key[first][is_sole], low[is_sole], size[first][is_sole])


def _key(words: Sequence[str]) -> int:
    digest = hashlib.blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
