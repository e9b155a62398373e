"""Describe the source before a run: the documents that are used, and the lengths of the records."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from synthgen.config import Config
from synthgen.core.types import Corpus
from synthgen.decode.config import TOKENS_PER_WORD

MAX_LISTED_YEARS = 12  # if notes have more years, only the first, the last and the most frequent year are shown
MIN_WRITABLE_SHARE = 0.6  # `length_warning` warns if a smaller share of the words of train fits into generated texts


def documents_in_words(counts: Mapping[str, Any]) -> list[str]:
    """Return lines with the numbers of used documents, of unused documents by reason, and of notes by year."""
    profile = counts["profile"]
    years = profile["notes_by_year"]
    lines = [f"documents: {counts['in']} read, {counts['out']} notes of {profile['persons']} persons used"]
    lines += [f"  not used: {reason}: {n}" for reason, n in counts["dropped"].items()]
    lines += [f"  used with a remark: {reason}: {n}" for reason, n in counts["remarks"].items()]
    if len(years) > MAX_LISTED_YEARS:
        most = max(years, key=years.__getitem__)
        lines.append(f"  notes by year: from {min(years)} to {max(years)}, most in {most}")
    elif years:
        lines.append(f"  notes by year: {', '.join(f'{year}: {n}' for year, n in years.items())}")
    return lines


def words_per_record(corpora: Iterable[Corpus]) -> tuple[int, int, int]:
    """Return the 10 %, 50 % and 90 % quantiles of the number of words per record."""
    words = [len(text.split()) for corpus in corpora for text in corpus.texts]
    low, median, high = np.quantile(words, (0.1, 0.5, 0.9), method="inverted_cdf").tolist()
    return low, median, high


def length_warning(config: Config, train: Corpus) -> str | None:
    """Return a warning if the train records have far more words than generated texts can have, else None.

    If records are segmented, the number of words of a segment is compared with the length of a generated segment.
    """
    max_words = config.decode.token_limit / TOKENS_PER_WORD
    if config.segments is not None:
        if max_words >= MIN_WRITABLE_SHARE * config.segments.words:
            return None
        return (
            f"segments.words is {config.segments.words}, and a generated segment has at most about {max_words:.0f} "
            "words; set decode.max_new_tokens to auto, or lower segments.words"
        )
    words = [len(text.split()) for text in train.texts]
    share = sum(min(n, max_words) for n in words) / max(sum(words), 1)
    if share >= MIN_WRITABLE_SHARE:
        return None
    if config.interpolate.fits_segments:
        remedy = "add the line `segments: {by: auto}`, so that records are written in parts"
        remedy += ", or raise decode.max_new_tokens" if config.decode.is_prompted else ""
    else:
        remedy = "shorten the records, or raise decode.max_new_tokens"
    return (
        f"source: a record has {sum(words) / len(words):.0f} words on average, and a generated text has at most "
        f"about {max_words:.0f}, so only {share:.0%} of the words of the records fit into generated texts; {remedy}"
    )
