"""Decide whether recorded identifiers that are single ordinary words, such as "May" or "Mountain", are leaks.

A recorded identifier is a name or number that was replaced in a real record. If it is an ordinary word, a synthetic
text can contain it without a leak.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from audits.attacks.identifiers.ownership import MIN_NAMES
from audits.core.stats import exceeds_control
from audits.text.clinical_terms import is_ordinary

# if recorded ordinary words of at least 7 train persons and of no control person occur in the synthetic table, they
# are leaks
MIN_CLEAR = 7
TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "doctor", "sir", "sister", "nurse"})
CALENDAR = frozenset(
    (
        *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
        *("november", "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    )
)


class CommonWord(NamedTuple):
    """An ordinary word that is a recorded identifier and occurs in the synthetic table."""

    word: str
    train: set[int]  # train persons with this recorded identifier
    control: set[int]  # control persons with this recorded identifier


def is_ordinary_word(value: Sequence[str]) -> bool:
    """Return whether a recorded identifier is a single ordinary word; `value` has its tokens."""
    return len(value) == 1 and is_ordinary(value[0])


def is_titled(words: Sequence[str], at: int) -> bool:
    """Return whether a title, such as "Mrs", stands before word `at` of a text."""
    return at > 0 and words[at - 1] in TITLES


def ordinary_words_leak(n_train: int, n_control: int, share: float) -> bool:
    """Return whether the ordinary words of train persons in the synthetic table are leaks.

    `n_train` and `n_control` are the numbers of persons whose recorded ordinary words occur in the synthetic table.
    Without a leak, the fraction `share` of these persons is expected to be in train.
    """
    is_clear = n_train >= MIN_CLEAR and n_control == 0
    return is_clear or exceeds_control(n_train, n_control, share, minimum=0)


def leaking_words(words: Mapping[int, CommonWord], rows: Iterable[frozenset[int]], share: float) -> set[int]:
    """Return the keys of `words` that are leaks.

    Each recorded identifier has a number. `words` has the ordinary words by this number. `rows` has the numbers of
    the identifiers in each synthetic row.

    - If `ordinary_words_leak` returns true, all words of train persons are leaks.
    - Otherwise, two words in one row are leaks if both are recorded for the same train person. Two names of months or
      weekdays do not count. If at least two control persons have such pairs of words, no word is a leak.
    """
    # counts of train persons (field 1 of `CommonWord`) and of control persons (field 2) with an ordinary word
    n_train, n_control = (len({p for word in words.values() for p in word[side]}) for side in (1, 2))
    if ordinary_words_leak(n_train, n_control, share):
        return {i for i, word in words.items() if word.train}
    leaks, of_control = set[int](), set[int]()
    for numbers in rows:
        for i, j in combinations(sorted(numbers & words.keys()), 2):
            if words[i].word in CALENDAR and words[j].word in CALENDAR:
                continue
            of_control |= words[i].control & words[j].control
            if words[i].train & words[j].train:
                leaks |= {i, j}
    return leaks if len(of_control) < MIN_NAMES else set()
