import pytest

from synthgen.core.errors import DataError
from synthgen.decode.context import last_tokens

SAID = "The doctor sees the garden."


def test_the_last_tokens_of_each_context_and_an_empty_line(tiny, words):
    said, gap = (words(text, add_special_tokens=False).input_ids for text in (SAID, "\n\n"))
    assert len(said) > 9
    found, room = last_tokens(words, [SAID, "", "a <vec></s>", SAID], 4, 9)
    assert found[0] == found[3] == said[-9:] + gap
    assert found[1] == []
    assert not {tiny.VEC, tiny.EOS} & set(found[2])  # letters, not the tokens they spell
    assert room == 9 + len(gap)  # whatever the contexts are
    assert last_tokens(words, [SAID], 1, len(said)) == ([said + gap], len(said) + len(gap))
    assert last_tokens(words, [SAID], 1, 96)[0] == [said + gap]


def test_nothing_of_a_context_is_no_context(words):
    assert last_tokens(words, [SAID, SAID], 2, 0)[0] == [[], []]
    assert last_tokens(words, (), 3, 96) == ([[], [], []], 0)


def test_a_context_for_each_latent_or_none(words):
    with pytest.raises(DataError, match="1 contexts for 2 latents; give one for each, or none"):
        last_tokens(words, [SAID], 2, 9)
