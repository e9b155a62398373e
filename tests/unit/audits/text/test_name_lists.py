import re
from itertools import combinations

import pytest

from audits.text import name_lists as module

LISTS = {
    name: getattr(module, name) for name in ("FEMALE_FIRST", "MALE_FIRST", "PLAIN_LAST", "WORD_FIRST", "WORD_LAST")
}
# words of clinical prose that are also names
WORDS = {"Rose", "Hope", "Will", "Mark", "Young", "Brown", "Graves", "Parkinson", "Crohn", "May", "Short", "Bell"}


@pytest.mark.parametrize("names", LISTS.values(), ids=LISTS)
def test_names_are_unique_capitalised_words(names):
    assert len(set(names)) == len(names) > 0
    assert [
        n for n in names if not n[0].isupper() or len(n) < 2 or not re.fullmatch(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", n)
    ] == []


def test_name_lists_are_large_and_disjoint():
    female, male, last, word_first, word_last = map(set, LISTS.values())
    assert min(len(female), len(male), len(last)) > 200
    assert not female & male
    assert not last & word_last
    assert not WORDS & (female | male | last)
    assert word_first | word_last >= WORDS
    assert all(set(a) - set(b) and set(b) - set(a) for a, b in combinations(LISTS.values(), 2))
