"""Whether a canary's ending comes back word for word, and how far it stands out among endings it could have had."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audits.attacks.membership.kneser_ney import WordRows, log_likelihood
from audits.core.errors import InputError
from audits.core.types import Int, UInt
from audits.text.ngrams import Sequences, runs, words

Float = NDArray[np.float64]

ENDING_TOKENS = 8
MIN_SUFFIXES = 10_000


def ending_reproduced(texts: Sequence[str], synthetic: Sequence[str], reference: Sequence[str]) -> NDArray[np.bool_]:
    """Return for each text whether its last 8 words stand, in order, in a synthetic text and in no reference text.

    A text of fewer words cannot show it and counts as not come back.

    Cost: O(total words · log) time, O(total words) memory.
    """
    (mine, theirs, others), _ = words([texts, synthetic, reference])
    keys, rows = _last_runs(mine)
    found = np.isin(keys, runs(theirs, ENDING_TOKENS)[0]) & ~np.isin(keys, runs(others, ENDING_TOKENS)[0])
    back = np.zeros(len(texts), dtype=np.bool_)
    back[rows] = found
    return back


def exposure_bits(
    endings: Sequence[str], suffixes: Sequence[str], synthetic: Sequence[str], reference: Sequence[str]
) -> Float:
    """Return for each ending how many bits the synthetic text gives away about it.

        exposure = log2 |R| - log2 rank,  rank = 1 + #{r in R: score above} + #{equal} / 2

    with R the suffixes and the ending itself, and as score the mean of log P_S - log P_R over its words
    (`kneser_ney.log_likelihood`). Without a leak the rank is uniform and the mean exposure is 1.44 bits; an ending
    written out in the synthetic text reaches log2 |R|.

    Raises:
        InputError: fewer than 10,000 suffixes.

    Source: Carlini et al., "The Secret Sharer", USENIX Security 2019; an n-gram model of the synthetic text, against
        one of the reference, stands where theirs is the model under attack.
    """
    if len(suffixes) < MIN_SUFFIXES:
        raise InputError(f"exposure needs {MIN_SUFFIXES} suffixes, {len(suffixes)} are given")
    (theirs, candidates, others), n_words = words([synthetic, (*suffixes, *endings), reference])
    synthetic_text, asked, domain = (WordRows(text, None) for text in (theirs, candidates, others))
    scores = log_likelihood(synthetic_text, asked, n_words) - log_likelihood(domain, asked, n_words)
    scores_of, mine = np.sort(scores[: len(suffixes)]), scores[len(suffixes) :]
    below, up_to = (np.searchsorted(scores_of, mine, side=side) for side in ("left", "right"))
    rank = 1 + (len(scores_of) - up_to) + (up_to - below) / 2
    return np.asarray(np.log2(len(scores_of) + 1) - np.log2(rank), dtype=np.float64)


def _last_runs(sequences: Sequences) -> tuple[UInt, Int]:
    """Return the key of the last run of each text that is long enough, and that text."""
    keys, rows = runs(sequences, ENDING_TOKENS)
    last = np.flatnonzero(np.append(rows[1:] != rows[:-1], True)) if len(rows) > 0 else np.zeros(0, dtype=np.int64)
    return keys[last], rows[last]
