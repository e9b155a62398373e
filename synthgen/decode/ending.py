"""Where a text ends: the tokens that end it, the tokens it never holds, and what is kept when the limit cuts it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Literal

from synthgen.core.errors import ModelError
from synthgen.core.sentences import SENTENCE_END
from synthgen.core.types import Candidate, Latents

Ended = tuple[str, Literal["stop", "length"]]


def ends_of(model: Any, tokenizer: Any, folder: Path) -> frozenset[int]:
    """Return the tokens that end a text; a bridge was trained with the tokenizer's own, a model may name others.

    Raises:
        ModelError: when neither names one.
    """
    eos = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])} - {None}
    if not ends:
        raise ModelError(f"{folder}: neither the model nor its tokenizer names an end of text")
    return frozenset(ends)


def never_of(model: Any, special: AbstractSet[int], ends: AbstractSet[int]) -> list[int]:
    """Return the special tokens that no text holds, in order; some may lie beyond the model's vocabulary."""
    size = model.get_output_embeddings().weight.shape[0]
    return sorted(i for i in special - ends if i < size)


def text_of(tokenizer: Any, row: Sequence[int], ends: AbstractSet[int], *, mark: str | None = None) -> Ended:
    """Return a row's text; a text the limit cut is shortened to its last whole sentence where that keeps half.

    Args:
        tokenizer: the model's.
        row: the tokens written.
        ends: tokens that end a text.
        mark: letters that end a text as well, if any.
    """
    end = next((at for at, token in enumerate(row) if token in ends), None)
    text = str(tokenizer.decode(row[:end], skip_special_tokens=True)).strip()
    if mark is not None and mark in text:
        return text.split(mark)[0].rstrip(), "stop"
    if end is not None:
        return text, "stop"
    stops = [m.end() for m in SENTENCE_END.finditer(text)]
    if stops and stops[-1] * 2 >= len(text):
        text = text[: stops[-1]]
    return text, "length"


def candidates_of(latents: Latents, each: int, texts: Sequence[Ended]) -> tuple[Candidate, ...]:
    """Return the texts as candidates of their latents, `each` of one latent after those of another."""
    return tuple(
        Candidate(
            latent_id=latents.ids[i // each],
            index=i % each,
            text=text,
            label=latents.labels[i // each],
            finish=finish,
        )
        for i, (text, finish) in enumerate(texts)
    )
