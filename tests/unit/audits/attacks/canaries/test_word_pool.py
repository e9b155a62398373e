"""The canaries' own words: enough of them, and sentences that do not end alike."""

import numpy as np

from audits.attacks.canaries.word_pool import BUILT_IN_WORDS, odd_sentence, plain_sentences
from audits.text.normalise import tokens


def test_own_words_are_many_plain_and_different():
    assert len(set(BUILT_IN_WORDS)) == len(BUILT_IN_WORDS) >= 200
    assert all(word.isalpha() and word.islower() and len(word) > 3 for word in BUILT_IN_WORDS)


def test_the_last_eight_words_of_odd_sentences_hold_five_drawn_ones_and_do_not_repeat():
    rng = np.random.default_rng(0)
    endings = [tuple(tokens(odd_sentence(rng))[-8:]) for _ in range(3000)]
    assert len(set(endings)) == 3000
    assert all(sum(word in set(BUILT_IN_WORDS) for word in ending) == 5 for ending in endings)


def test_sentences_are_drawn_from_the_given_stream():
    for make in (odd_sentence, plain_sentences):
        first, again, other = (make(np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert first == again != other
        assert first[0].isupper()
        assert first.endswith(".")
