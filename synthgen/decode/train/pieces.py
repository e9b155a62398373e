"""Make the training set of a style adapter: texts cut into pieces of complete lines.

With a style adapter, a language model writes in the style of the training texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import DataError
from synthgen.core.sentences import SENTENCE_END
from synthgen.decode.prompts import token_ids
from synthgen.decode.train.corpus import Cut, Passages, passages_of

HELDOUT_SHARE = 0.05  # share of the texts of a source that are held out
MAX_HELDOUT = 64  # largest number of held-out pieces, on which the loss is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class StylePieces:
    """Pieces of texts, ready for training."""

    passages: Passages
    heldout: int  # number of pieces at the end of `passages` that are not trained on


def pieces_of(texts: Mapping[str, Sequence[str]], tokenizer: Any, max_tokens: int, per_source: int) -> StylePieces:
    """Cut the texts of every source into pieces of complete lines.

    A piece contains as many lines as fit into `max_tokens` tokens, including an end-of-text token. A line that does
    not fit is cut between sentences; a sentence that does not fit is omitted. Repeated texts are used once, and the
    training uses at most `per_source` pieces of a source. The order of the texts does not affect the result.

    Raises:
        DataError: a source has too few texts for at least one piece to train on and one held-out piece.
    """
    trained_pieces: list[Cut] = []
    heldout_pieces: list[Cut] = []
    sources: dict[str, int] = {}
    for source, source_texts in texts.items():
        ranked = sorted(set(source_texts), key=lambda text: sha256_bytes(text.encode()))
        n_heldout = max(1, round(HELDOUT_SHARE * len(ranked)))
        new_heldout, new_trained = (
            [piece for text in part for piece in _cut(text, tokenizer, max_tokens - 1)]
            for part in (ranked[:n_heldout], ranked[n_heldout:])
        )
        if not new_trained or not new_heldout:
            message = f"{source}: this source has too few texts to train a style"
            raise DataError(message, hint="Provide several hundred texts of one kind.")
        heldout_pieces += new_heldout[: max(1, MAX_HELDOUT // len(texts))]
        trained_pieces += new_trained[:per_source]
        sources[source] = min(per_source, len(new_trained))
    passages = passages_of([*trained_pieces, *heldout_pieces], tokenizer, max_tokens, sources)
    return StylePieces(passages=passages, heldout=len(heldout_pieces))


def _cut(text: str, tokenizer: Any, limit: int) -> list[Cut]:
    # returns pieces of at most `limit` tokens; each piece ends with a complete sentence or line (True)
    pieces: list[Cut] = []
    kept = ""
    ids: list[int] = []
    for unit, gap in _units(text, tokenizer, limit):
        longer = f"{kept}{gap}{unit}" if kept else unit
        longer_ids = token_ids(tokenizer, longer)
        if len(longer_ids) > limit:
            if kept:
                pieces.append((kept, ids, True))
            longer, longer_ids = unit, token_ids(tokenizer, unit)
            if len(longer_ids) > limit:
                longer, longer_ids = "", []
        kept, ids = longer, longer_ids
    return [*pieces, (kept, ids, True)] if kept else pieces


def _units(text: str, tokenizer: Any, limit: int) -> list[tuple[str, str]]:
    units = []  # lines, or the sentences of a too long line, each with its preceding separator
    for line in filter(None, (" ".join(line.split()) for line in text.splitlines())):
        if len(token_ids(tokenizer, line)) <= limit:
            units.append((line, "\n"))
            continue
        ends = [0, *(end.end() for end in SENTENCE_END.finditer(line)), len(line)]
        sentences = [line[a:b].strip() for a, b in pairwise(ends)]
        units += [(s, "\n" if i == 0 else " ") for i, s in enumerate(filter(None, sentences))]
    return units
