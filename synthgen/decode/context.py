"""The text so far: its last tokens and an empty line, which a prompt is put behind or before."""

from collections.abc import Sequence
from typing import Any

from synthgen.core.errors import DataError


def last_tokens(tokenizer: Any, contexts: Sequence[str], n: int, most: int) -> tuple[list[list[int]], int]:
    """Return the last tokens of each context with an empty line, and the room they take at most.

    Args:
        tokenizer: the model's.
        contexts: n texts, or none at all; of an empty one, nothing is returned.
        n: latents.
        most: tokens of a context that are kept, its last ones.

    Raises:
        DataError: when there are contexts and not n of them.
    """
    if not contexts:
        return [[]] * n, 0
    if len(contexts) != n:
        raise DataError(f"{len(contexts)} contexts for {n} latents; give one for each, or none")
    gap = _letters(tokenizer, "\n\n")
    kept = [ids[max(0, len(ids) - most) :] for ids in (_letters(tokenizer, text) for text in contexts)]
    return [[*ids, *gap] if ids else [] for ids in kept], most + len(gap)


def _letters(tokenizer: Any, text: str) -> list[int]:
    """Return a text's tokens; what is spelled like a special token, such as the placeholder, stays letters."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)
