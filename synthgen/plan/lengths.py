"""Measure the lengths of the records, and warn if generated texts are much shorter."""

from collections.abc import Iterable

import numpy as np

from synthgen.config import Config
from synthgen.core.types import Corpus

TOKENS_PER_WORD = 1.4  # of English clinical text under the tokenizer of the default language model
MIN_WRITABLE_SHARE = 0.6  # smallest share of the words of train that must fit into generated texts


def words_per_record(corpora: Iterable[Corpus]) -> tuple[int, int, int]:
    """Return the 10 %, 50 % and 90 % quantiles of the number of words per record."""
    words = [len(text.split()) for corpus in corpora for text in corpus.texts]
    low, median, high = np.quantile(words, (0.1, 0.5, 0.9), method="inverted_cdf").tolist()
    return low, median, high


def length_warning(config: Config, train: Corpus) -> str | None:
    """Return a warning if the train records have far more words than generated texts can have, else None."""
    max_words = config.decode.token_limit / TOKENS_PER_WORD
    words = [len(text.split()) for text in train.texts]
    share = sum(min(n, max_words) for n in words) / max(sum(words), 1)
    if config.segments is not None or share >= MIN_WRITABLE_SHARE:
        return None
    return (
        f"source: a record has {sum(words) / len(words):.0f} words on average, and a generated text has at most "
        f"about {max_words:.0f}, so only {share:.0%} of the words of the records fit into generated texts; add the "
        "section segments, or raise decode.max_new_tokens"
    )
