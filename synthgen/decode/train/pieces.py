"""The training set of a style: texts cut between lines, where a writer of this style would begin and end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import DataError
from synthgen.core.sentences import SENTENCE_END
from synthgen.decode.train.corpus import Passages, hints_of

HELDOUT_SHARE = 0.05  # of the texts, so that no piece of a text that is kept back is trained on
MAX_HELDOUT = 64  # pieces, for the curve and the card


@dataclass(frozen=True, slots=True, kw_only=True)
class StylePieces:
    """StylePieces ready for training, the last `heldout` of them of texts that nothing is trained on."""

    passages: Passages
    heldout: int


def pieces_of(texts: Mapping[str, Sequence[str]], tokenizer: Any, max_tokens: int, per_source: int) -> StylePieces:
    """Return the texts of every source cut into pieces of whole lines, of at most `max_tokens` with end-of-text.

    Lines are put together until no further one fits; a line that is too long by itself is cut between sentences, and
    a sentence that is too long is left out. Texts are taken by a keyed hash, so the choice depends on no order, and a
    text that stands twice is taken once.

    Args:
        texts: of each source.
        tokenizer: the language model's.
        max_tokens: room for a piece and its end.
        per_source: most pieces of a source that are trained on.

    Raises:
        DataError: a source has fewer than two texts, or nothing in it fits.
    """
    trained: list[_CutPiece] = []
    kept_back: list[_CutPiece] = []
    sources: dict[str, int] = {}
    for source, given in texts.items():
        ranked = sorted(set(given), key=lambda text: sha256_bytes(text.encode()))
        n_back = max(1, round(HELDOUT_SHARE * len(ranked)))
        back, rest = (
            [piece for text in part for piece in _cut(text, tokenizer, max_tokens - 1)]
            for part in (ranked[:n_back], ranked[n_back:])
        )
        if not rest or not back:
            raise DataError(f"{source}: too few texts to train a style on", hint="Give some hundred texts of a kind.")
        kept_back += back[: max(1, MAX_HELDOUT // len(texts))]
        trained += rest[:per_source]
        sources[source] = min(per_source, len(rest))
    eos = int(tokenizer.eos_token_id)
    both = [*trained, *kept_back]
    tokens = np.full((len(both), max_tokens), eos, dtype=np.int32)
    for row, piece in enumerate(both):
        tokens[row, : len(piece.ids)] = piece.ids
    cut = tuple(piece.text for piece in both)
    lengths = np.array([len(piece.ids) + 1 for piece in both], dtype=np.int32)
    passages = Passages(texts=cut, tokens=tokens, lengths=lengths, hints=hints_of(cut), sources=sources)
    return StylePieces(passages=passages, heldout=len(kept_back))


@dataclass(frozen=True, slots=True)
class _CutPiece:
    text: str
    ids: list[int]


def _cut(text: str, tokenizer: Any, limit: int) -> list[_CutPiece]:
    """Return a text's pieces of at most `limit` tokens, in order."""
    found: list[_CutPiece] = []
    kept = ""
    ids: list[int] = []
    for unit, gap in _units(text, tokenizer, limit):
        longer = f"{kept}{gap}{unit}" if kept else unit
        longer_ids = _ids(tokenizer, longer)
        if len(longer_ids) > limit:
            if kept:
                found.append(_CutPiece(kept, ids))
            longer, longer_ids = unit, _ids(tokenizer, unit)
            if len(longer_ids) > limit:
                longer, longer_ids = "", []
        kept, ids = longer, longer_ids
    return [*found, _CutPiece(kept, ids)] if kept else found


def _units(text: str, tokenizer: Any, limit: int) -> list[tuple[str, str]]:
    """Return lines, or the sentences of one that is too long, each with what stands between it and the one before."""
    units = []
    for line in filter(None, (" ".join(line.split()) for line in text.splitlines())):
        if len(_ids(tokenizer, line)) <= limit:
            units.append((line, "\n"))
            continue
        ends = [0, *(end.end() for end in SENTENCE_END.finditer(line)), len(line)]
        sentences = [line[a:b].strip() for a, b in pairwise(ends)]
        units += [(s, "\n" if i == 0 else " ") for i, s in enumerate(filter(None, sentences))]
    return units


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False).input_ids)
