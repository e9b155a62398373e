"""Decide when recorded identifiers that are single ordinary words, such as a month or a surname, are leaks.

An ordinary word does not identify a person, because a text can contain it for any reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from audits.attacks.identifiers.ownership import MIN_NAMES
from audits.core.stats import exceeds_control
from audits.text.clinical_terms import is_ordinary

FEWEST_LEAKS = 7  # with this number of train persons and no control person, ordinary words are leaks in any split
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
    train: set[int]  # train persons who have it
    control: set[int]  # control persons who have it


def is_common(value: Sequence[str]) -> bool:
    """Return whether a recorded identifier, given by its tokens, is a single ordinary word."""
    return len(value) == 1 and is_ordinary(value[0])


def is_titled(words: Sequence[str], at: int) -> bool:
    """Return whether a title, such as "Mrs", stands before word `at` of a text."""
    return at > 0 and words[at - 1] in TITLES


def exceed(n_train: int, n_control: int, share: float) -> bool:
    """Return whether the ordinary words of so many train persons in the synthetic table are leaks.

    `share` is the share of train among the identifiers that could occur.
    """
    is_clear = n_train >= FEWEST_LEAKS and n_control == 0  # does not depend on the sizes of train and control
    return is_clear or exceeds_control(n_train, n_control, share, minimum=0)


def leaking_words(words: Mapping[int, CommonWord], rows: Iterable[frozenset[int]], share: float) -> set[int]:
    """Return the numbers of those words that are leaks.

    All words of train persons are leaks if `exceed` says so. In addition, two words of one train person in one row
    are leaks, if one of them is no month or weekday, unless this happens with two control persons, too. `rows` has
    for each row of the synthetic table the numbers of the recorded identifiers in it.
    """
    n_train, n_control = (len({p for word in words.values() for p in word[side]}) for side in (1, 2))
    if exceed(n_train, n_control, share):
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
