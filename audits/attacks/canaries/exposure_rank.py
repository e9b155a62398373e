"""Verbatim reproduction of a canary's ending, and its exposure: its rank among other possible endings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audits.attacks.membership.kneser_ney import WordRows, log_likelihood
from audits.core.errors import InputError
from audits.text.ngrams import runs, words

Float = NDArray[np.float64]

ENDING_TOKENS = 8
MIN_SUFFIXES = 10_000


def ending_reproduced(texts: Sequence[str], synthetic: Sequence[str], reference: Sequence[str]) -> NDArray[np.bool_]:
    """Return for each text whether its last 8 words occur, in order, in a synthetic text but in no reference text.

    The value of a shorter text is False. The time is O(W log W) and the memory O(W) for W words in total.
    """
    (mine, theirs, others), _ = words([texts, synthetic, reference])
    keys, rows = runs(mine, ENDING_TOKENS)
    is_last = np.append(rows[1:] != rows[:-1], np.ones(min(1, len(rows)), dtype=np.bool_))  # last run of each text
    keys, rows = keys[is_last], rows[is_last]
    reproduced = np.zeros(len(texts), dtype=np.bool_)
    reproduced[rows] = np.isin(keys, runs(theirs, ENDING_TOKENS)[0]) & ~np.isin(keys, runs(others, ENDING_TOKENS)[0])
    return reproduced


def exposure_bits(
    endings: Sequence[str], suffixes: Sequence[str], synthetic: Sequence[str], reference: Sequence[str]
) -> Float:
    """Return for each ending how many bits the synthetic text reveals about it.

        exposure = log2 |R| - log2 rank,  rank = 1 + #{r in R: score above} + #{equal} / 2

    R contains the suffixes and the ending. The score is the mean of log P_S - log P_R over the words of an ending,
    under n-gram models of the synthetic and the reference text (`kneser_ney.log_likelihood`); the reference below
    scores with the attacked model instead. Without a leak the rank is uniform and the mean exposure is 1.44 bits. An
    ending that occurs in the synthetic text has exposure log2 |R|.

    Raises:
        InputError: there are fewer than 10,000 suffixes.

    Reference: Carlini et al., "The Secret Sharer", USENIX Security 2019.
    """
    if len(suffixes) < MIN_SUFFIXES:
        raise InputError(f"exposure needs {MIN_SUFFIXES} suffixes, but there are {len(suffixes)}")
    (theirs, candidates, others), n_words = words([synthetic, (*suffixes, *endings), reference])
    synthetic_text, scored, domain = (WordRows(text, None) for text in (theirs, candidates, others))
    scores = log_likelihood(synthetic_text, scored, n_words) - log_likelihood(domain, scored, n_words)
    of_suffixes, of_endings = np.sort(scores[: len(suffixes)]), scores[len(suffixes) :]
    below, up_to = (np.searchsorted(of_suffixes, of_endings, side=side) for side in ("left", "right"))
    rank = 1 + (len(suffixes) - up_to) + (up_to - below) / 2
    return np.asarray(np.log2(len(suffixes) + 1) - np.log2(rank), dtype=np.float64)
