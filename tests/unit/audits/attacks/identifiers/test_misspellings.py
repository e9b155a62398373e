import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.misspellings import ALPHABET, Misspellings, n_within_one_edit

words = st.text(alphabet="abc", max_size=6)


def neighbours(word, alphabet):
    """Return all words one edit away, by brute force."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    deleted = {a + b[1:] for a, b in cuts if b}
    replaced = {a + c + b[1:] for a, b in cuts if b for c in alphabet}
    inserted = {a + c + b for a, b in cuts for c in alphabet}
    exchanged = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    return (deleted | replaced | inserted | exchanged) - {word}


@given(words, st.lists(words, unique=True, max_size=12))
def test_edits_agree_with_brute_force(a, known):
    assert Misspellings(known).look_up(a) == tuple(sorted(set(known) & neighbours(a, "abc")))
    assert len(neighbours(a, [chr(97 + i) for i in range(ALPHABET)])) + 1 <= n_within_one_edit(len(a))


@pytest.mark.parametrize(
    ("written", "found"),
    [
        *(
            (one, True)
            for one in ("wojciechowsk", "wojciechovska", "wojciechowskaa", "wojcieckowska", "owjciechowska")
        ),
        *((none, False) for none in ("wojciechowska", "wojiechovska", "", "owicjechowska")),
    ],
)
def test_name_is_recognised_with_exactly_one_edit(written, found):
    assert Misspellings(["kowalska", "wojciechowska"]).look_up(written) == ("wojciechowska",) * found
    assert Misspellings([]).look_up(written) == ()
