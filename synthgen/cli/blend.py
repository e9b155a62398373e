"""`synthgen blend`: two texts, what lies between them, and which attribute of it came from which."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.attributes import ComparisonRow, compare, extract
from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Float32, Latents
from synthgen.decode.base import Decoder, Settings
from synthgen.decode.config import DecodeConfig
from synthgen.decode.prompts import label_prompt
from synthgen.embed import Encoder, build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.interpolate.linear import interpolate_linearly, pair_weights
from synthgen.interpolate.mixture import OPPOSITE, arc
from synthgen.models.store import model_folder

WARNING = (
    "Nothing printed here has been audited: a blend can repeat what either text says. "
    "Show it to nobody who may not read both."
)
START_CHARACTERS = 400
WIDTH = 30  # of a column of the table
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendRequest:
    """What was asked for.

    Args:
        a: the file of the first text, UTF-8.
        b: of the second.
        lam: λ, from 0, the first text's vector, to 1, the second's.
        label: goes before the vector in the prompt; none by default.
        candidates: texts to choose from.
        method: "smote" on the segment, "slerp" on the arc.
        seed: of the decoder's random choices.
        bridge: "builtin", or "words": written from the words nearest to the vector alone, which are shown.
    """

    a: Path
    b: Path
    lam: float = 0.5
    label: str = ""
    candidates: int = 4
    method: Literal["smote", "slerp"] = "smote"
    seed: int = 0
    bridge: Literal["builtin", "words"] = "builtin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """A blend with its parents.

    Args:
        request: what was asked for.
        texts: of the parents.
        blend: the best candidate.
        cosines: of the blend to its target and to each parent, and of the parents to each other.
        of_candidates: the cosine to the target of every candidate; none for one without a letter.
        rows: the attribute table.
        words: all that the language model was told of the vector, where that is words alone.
    """

    request: BlendRequest
    texts: tuple[str, str]
    blend: Candidate
    cosines: dict[str, float]
    of_candidates: tuple[float | None, ...]
    rows: tuple[ComparisonRow, ...]
    words: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        asked = self.request
        return {
            "warning": WARNING,
            "lambda": asked.lam,
            "method": asked.method,
            "label": asked.label,
            "seed": asked.seed,
            "bridge": asked.bridge,
            "words": list(self.words),
            **{side: {"start": _start(t), "characters": len(t)} for side, t in zip("ab", self.texts, strict=True)},
            "blend": {"text": self.blend.text, "candidate": self.blend.index, "finish": self.blend.finish},
            "cosine": {**self.cosines, "candidates": list(self.of_candidates)},
            "attributes": [
                {
                    "attribute": row.attribute,
                    "a": list(row.a),
                    "b": list(row.b),
                    "blend": [{"value": value, "from": origin} for value, origin in row.blend],
                }
                for row in self.rows
            ],
        }

    def to_text(self) -> str:
        """Return it for people: the warning, the three texts, the cosines, the table."""
        asked = self.request
        lines = [WARNING, ""]
        for side, text in zip("AB", self.texts, strict=True):
            lines += [f"text {side}:", _start(text), ""]
        if self.words:
            lines += [f"told of the vector between them: {', '.join(self.words)}", ""]
        lines += [
            f"blend, lambda {asked.lam:g} ({asked.method}), the best of {asked.candidates}:",
            self.blend.text,
            "",
            "cosine to target {target:.3f}, to A {a:.3f}, to B {b:.3f} (A to B {a_b:.3f})".format_map(self.cosines),
            "",
            *_table(self.rows),
        ]
        return "\n".join(lines)


def blend(request: BlendRequest, progress: Progress) -> Blended:
    """Read both texts, bring the embedded models, and return the blend.

    Raises:
        StorageError, DataError: if a file cannot be read or holds no text; before any model is loaded.
        ModelMissing: if a model is not in the store.
        UsageError: if λ is not from 0 to 1.
    """
    if not 0 <= request.lam <= 1:
        raise UsageError(f"--lambda must be from 0 to 1, got {request.lam}")
    texts = (_read(request.a), _read(request.b))
    encoder, decoder = open_models(request.bridge)
    return blend_texts(texts, request, encoder, decoder, progress)


def open_models(bridge: str) -> tuple[Encoder, Decoder]:
    """Return the embedded encoder, and the embedded decoder behind the builtin bridge or told words alone.

    Raises:
        ModelMissing: if one is not in the store.
    """
    embed, decode = EmbedConfig(), DecodeConfig(bridge=bridge)
    folder, _ = model_folder(decode.model), model_folder(embed.model)  # before torch, which takes seconds to import
    from synthgen.decode.bridge import load_bridge, load_vocabulary
    from synthgen.decode.plain import WordsDecoder
    from synthgen.decode.xrag import XragDecoder

    encoder = build_encoder(embed, model_folder)
    if decode.by_words:
        vocabulary = load_vocabulary(decode.bridge, encoder=embed.model)
        return encoder, WordsDecoder(folder, vocabulary.reader, decoder=decode.model)
    loaded = load_bridge(decode.bridge)
    return encoder, XragDecoder(folder, loaded, decoder=decode.model, encoder=embed.model, dim=encoder.dim)


def blend_texts(
    texts: tuple[str, str], request: BlendRequest, encoder: Encoder, decoder: Decoder, progress: Progress
) -> Blended:
    """Return the blend of two texts: a point between their vectors, decoded, the candidate nearest to it.

        target = a + λ (b − a)   (smote),   or at the share λ of the angle from a to b   (slerp)

    Only what the encoder reads of each text, its first `max_tokens`, takes part in the vectors; the attribute table
    is of the whole texts.

    Args:
        texts: the parents.
        request: λ, method, label, candidates and seed; its paths are not read.
        encoder: gives the vectors, and judges the candidates.
        decoder: writes them.
        progress: is told of the decoding.

    Raises:
        DataError: if the two vectors have no point between them, or no candidate holds a letter.

    Privacy: none whatever. The blend is a function of two private texts and has passed no filter and no audit.
    Random: the candidates, of seed/decode/blend.
    """
    ab = encoder.encode(texts)
    target = _between(ab, request)
    candidates = _decode(target, request, decoder, progress)
    readable = [i for i, c in enumerate(candidates) if _LETTER.search(c.text)]
    if not readable:
        raise DataError(
            f"none of the {len(candidates)} candidates holds a letter", hint="Raise --candidates, or change --seed."
        )
    vectors = encoder.encode([candidates[i].text for i in readable])
    to_target = [_cosine(vector, target) for vector in vectors]
    best = max(range(len(readable)), key=lambda n: (to_target[n], -n))
    chosen, vector = candidates[readable[best]], vectors[best]
    of_candidates: list[float | None] = [None] * len(candidates)
    for i, value in zip(readable, to_target, strict=True):
        of_candidates[i] = value
    return Blended(
        request=request,
        texts=texts,
        blend=chosen,
        cosines={
            "target": to_target[best],
            "a": _cosine(vector, ab[0]),
            "b": _cosine(vector, ab[1]),
            "a_b": _cosine(ab[0], ab[1]),
        },
        of_candidates=tuple(of_candidates),
        rows=compare(extract(texts[0]), extract(texts[1]), extract(chosen.text)),
        words=_disclosed_words(target, request, decoder),
    )


def _disclosed_words(target: Float32, request: BlendRequest, decoder: Decoder) -> tuple[str, ...]:
    from synthgen.decode.plain import WordsDecoder

    if not isinstance(decoder, WordsDecoder):
        return ()
    return decoder.read(target[None, :], DecodeConfig(bridge=request.bridge).words)[0]


def _between(ab: Float32, request: BlendRequest) -> Float32:
    """Return the target, float32 (d)."""
    lam = np.array([request.lam])
    if request.method == "slerp":
        if 1 - _cosine(ab[0], ab[1]) > OPPOSITE:
            raise DataError("the two texts' vectors are opposite, and no one arc leads from one to the other")
        return arc(ab[:1], ab[1:], lam).ravel()
    parents = np.array([[0, 1]])
    out = np.empty_like(ab[:1])
    interpolate_linearly(ab, parents, pair_weights(lam), out)
    if not np.linalg.norm(out) > 0:
        raise DataError(
            "the two texts' vectors cancel each other out at this lambda", hint="Choose another --lambda."
        )
    return out.ravel()


def _decode(target: Float32, request: BlendRequest, decoder: Decoder, progress: Progress) -> Sequence[Candidate]:
    defaults, seeds = DecodeConfig(bridge=request.bridge), SeedTree(request.seed).child("decode")
    settings = Settings(
        prompts={request.label: label_prompt(defaults.prompt, request.label)},
        candidates=request.candidates,
        max_new_tokens=defaults.max_new_tokens,
        temperature=defaults.temperature,
        top_p=defaults.top_p,
        top_k=defaults.top_k,
        batch=request.candidates,
        words=defaults.words,
    )
    latents = Latents(
        vectors=target[None, :].copy(),
        ids=("blend",),
        labels=(request.label,),
        parent_ids=(("A", "B"),),
        weights=((1 - request.lam, request.lam),),
        method=request.method,
        seed_path=str(seeds),
    )
    with progress.stage("decode", total=request.candidates, unit="texts") as advance:
        return decoder.decode(latents, settings, seeds, advance)


def _cosine(u: NDArray[np.float32], v: NDArray[np.float32]) -> float:
    u64, v64 = u.astype(np.float64), v.astype(np.float64)
    return float(u64 @ v64 / (np.linalg.norm(u64) * np.linalg.norm(v64)))


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})", hint="Give a text file.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text", hint="Save it as UTF-8.") from error
    if _LETTER.search(text) is None:
        raise DataError(f"{path}: holds no letter, so there is nothing to blend")
    return text


def _start(text: str) -> str:
    whole = text.strip()
    return whole if len(whole) <= START_CHARACTERS else f"{whole[:START_CHARACTERS].rstrip()} ..."


def _table(rows: Sequence[ComparisonRow]) -> list[str]:
    lines = [f"{'attribute':<20}{'text A':<{WIDTH}}{'text B':<{WIDTH}}blend (from)"]
    for row in rows:
        blend = [f"{value} ({origin})" for value, origin in row.blend]
        for n in range(max(1, len(row.a), len(row.b), len(blend))):
            cells = [side[n] if n < len(side) else ("-" if n == 0 else "") for side in (row.a, row.b, blend)]
            name = row.attribute if n == 0 else ""
            lines.append(f"{name:<20}{cells[0]:<{WIDTH}}{cells[1]:<{WIDTH}}{cells[2]}".rstrip())
    return lines
