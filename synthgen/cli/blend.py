"""Implement `synthgen blend`: generate a text between two given texts, and compare the attributes of all three.

The new text is decoded from a target vector on a line or arc between the vectors of the given texts.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.attributes import ComparisonRow, compare, extract
from synthgen.core.errors import DataError, UsageError
from synthgen.core.files import read_bytes
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

WARNING = "This output is not audited and can repeat either text. Show it only to people who may read both texts."
START_CHARACTERS = 400  # number of characters of each text that are shown
WIDTH = 30  # width of a column of the attribute table, in characters
_LETTER = re.compile(r"[^\W\d_]")  # a letter of any script


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendRequest:
    """The options of a blend."""

    a: Path  # file of the first text, UTF-8
    b: Path  # file of the second text, UTF-8
    lam: float = 0.5  # interpolation weight λ of the second text, 0 to 1
    label: str = ""  # class name in the prompt
    candidates: int = 4  # number of texts to generate; only the text closest to the target is kept
    method: Literal["smote", "slerp"] = "smote"  # linear or spherical interpolation
    seed: int = 0  # seed of the decoder's sampling
    writer: Literal["bridge", "prompt"] = "bridge"  # input of the decoder: target vector or words


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """A blend and the two texts that it was made from."""

    request: BlendRequest
    texts: tuple[str, str]  # the two input texts
    blend: Candidate  # the generated text whose vector has the highest cosine to the target
    # cosines of the blend's vector to the target vector ("target") and to the vectors of the two texts ("a", "b");
    # "a_b" is the cosine between the vectors of the two texts
    cosines: dict[str, float]
    of_candidates: tuple[float | None, ...]  # cosine of each candidate to the target; None for a text without letters
    rows: tuple[ComparisonRow, ...]  # the attribute table
    words: tuple[str, ...] = ()  # prompt words of the decoder; empty if the decoder gets the vector

    def to_json(self) -> dict[str, Any]:
        """Return the blend as JSON-compatible data."""
        return {
            "warning": WARNING,
            "lambda": self.request.lam,
            **{name: getattr(self.request, name) for name in ("method", "label", "seed", "writer")},
            "words": list(self.words),
            **{side: {"start": _start(t), "characters": len(t)} for side, t in zip("ab", self.texts, strict=True)},
            "blend": {"text": self.blend.text, "candidate": self.blend.index, "finish": self.blend.finish},
            "cosine": {**self.cosines, "candidates": list(self.of_candidates)},
            "attributes": [
                {**asdict(row), "blend": [{"value": value, "from": origin} for value, origin in row.blend]}
                for row in self.rows
            ],
        }

    def to_text(self) -> str:
        """Return the warning, the three texts, the cosines and the attribute table as text for a terminal."""
        request = self.request
        lines = [WARNING, ""]
        for side, text in zip("AB", self.texts, strict=True):
            lines += [f"text {side}:", _start(text), ""]
        if self.words:
            lines += [f"prompt words: {', '.join(self.words)}", ""]
        lines += [
            f"blend, lambda {request.lam:g} ({request.method}), best of {request.candidates} candidates:",
            self.blend.text,
            "",
            "cosine to target {target:.3f}, to A {a:.3f}, to B {b:.3f} (A to B {a_b:.3f})".format_map(self.cosines),
            "",
            *_table(self.rows),
        ]
        return "\n".join(lines)


def blend(request: BlendRequest, progress: Progress) -> Blended:
    """Read both texts, load the models, and return the blend.

    Raises:
        UsageError: `request.lam` is not from 0 to 1.
        StorageError: a file cannot be read.
        ModelMissing: a model is not in the store.
        ModelError: a model cannot be used.
        DataError: a file is not UTF-8 text or contains no letter, no candidate contains a letter, or the target
            vector is undefined because the vectors of the texts are opposite.
    """
    if not 0 <= request.lam <= 1:
        raise UsageError(f"--lambda must be from 0 to 1, got {request.lam}")
    texts = (_read(request.a), _read(request.b))
    encoder, decoder = open_models(request.writer)
    return blend_texts(texts, request, encoder, decoder, progress)


def open_models(writer: Literal["bridge", "prompt"]) -> tuple[Encoder, Decoder]:
    """Return the default encoder and decoder; the decoder reads a vector (writer "bridge") or words ("prompt")."""
    embed, decode = EmbedConfig(), DecodeConfig(writer=writer)
    # the models are looked up before the imports, which take seconds, so that a missing model is reported at once
    folder, _ = model_folder(decode.model), model_folder(embed.model)
    from synthgen.decode.bridge import load_bridge, load_vocabulary
    from synthgen.decode.prompting.local import PromptDecoder
    from synthgen.decode.prompting.prompter import Prompter
    from synthgen.decode.xrag import XragDecoder

    encoder = build_encoder(embed, model_folder)
    if decode.is_prompted:
        vocabulary = load_vocabulary(decode.bridge, encoder=embed.model)
        return encoder, PromptDecoder(folder, Prompter(reader=vocabulary.reader), decoder=decode.model)
    loaded = load_bridge(decode.bridge)
    return encoder, XragDecoder(folder, loaded, decoder=decode.model, encoder=embed.model, dim=encoder.dim)


def blend_texts(
    texts: tuple[str, str], request: BlendRequest, encoder: Encoder, decoder: Decoder, progress: Progress
) -> Blended:
    """Return the blend of two texts, the contents of `request.a` and `request.b`.

    A target vector is computed from the vectors a and b of the texts, and decoded into several texts (candidates).
    The candidate whose vector has the highest cosine to the target is kept.

        smote:  target = a + λ · (b − a)
        slerp:  target = the point on the arc from a to b at the fraction λ of the angle between a and b

    The encoder reads only the first `encoder.max_tokens` tokens of a text. The attribute table covers the full texts.

    Raises:
        DataError: no candidate contains a letter, or the target vector is undefined because a and b are opposite.

    Privacy: no guarantee. The blend depends on two private texts, and no filter or audit has checked it.
    Randomness: candidates are drawn from the stream "decode" of `request.seed`.
    """
    from synthgen.decode.prompting.local import PromptDecoder

    ab = encoder.encode(texts)
    target = _between(ab, request)
    candidates = _decode(target, texts, request, decoder, progress)
    readable = [i for i, c in enumerate(candidates) if _LETTER.search(c.text)]
    if not readable:
        message = f"none of the {len(candidates)} generated texts (candidates) contains a letter"
        raise DataError(message, hint="Raise --candidates, or change --seed.")
    vectors = dict(zip(readable, encoder.encode([candidates[i].text for i in readable]), strict=True))
    to_target = {i: _cosine(vector, target) for i, vector in vectors.items()}
    best = max(readable, key=lambda i: to_target[i])  # the first, if several have the highest cosine
    chosen, n_words = candidates[best], DecodeConfig(writer=request.writer).words
    words = decoder.prompter.read(target[None, :], n_words)[0] if isinstance(decoder, PromptDecoder) else ()
    cosines = {"target": to_target[best], "a": _cosine(vectors[best], ab[0]), "b": _cosine(vectors[best], ab[1])}
    cosines["a_b"] = _cosine(ab[0], ab[1])
    return Blended(
        request=request,
        texts=texts,
        blend=chosen,
        cosines=cosines,
        of_candidates=tuple(to_target.get(i) for i in range(len(candidates))),
        rows=compare(extract(texts[0]), extract(texts[1]), extract(chosen.text)),
        words=words,
    )


def _between(ab: Float32, request: BlendRequest) -> Float32:
    """Return the target vector, shape (d,), for the vectors of the two texts, shape (2, d); see `blend_texts`."""
    lam = np.array([request.lam])
    if request.method == "slerp":
        if 1 - _cosine(ab[0], ab[1]) > OPPOSITE:
            message = "the vectors of the two texts are opposite, so the arc between them is not unique"
            raise DataError(message, hint="Use --method smote.")
        return arc(ab[:1], ab[1:], lam).ravel()
    out = np.empty_like(ab[:1])
    interpolate_linearly(ab, np.array([[0, 1]]), pair_weights(lam), out)
    if not np.linalg.norm(out) > 0:
        message = "the vectors of the two texts cancel each other out at this value of --lambda"
        raise DataError(message, hint="Choose another --lambda.")
    return out.ravel()


def _decode(
    target: Float32, texts: Sequence[str], request: BlendRequest, decoder: Decoder, progress: Progress
) -> Sequence[Candidate]:
    # parameters that the request does not set have the defaults of the configuration
    defaults, seeds = DecodeConfig(writer=request.writer).for_texts(texts), SeedTree(request.seed).child("decode")
    shared = ("temperature", "top_p", "top_k", "words")
    settings = Settings(
        prompts={request.label: label_prompt(defaults.prompt, request.label)},
        candidates=request.candidates,
        batch=request.candidates,
        max_new_tokens=defaults.token_limit,
        **{name: getattr(defaults, name) for name in shared},
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
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text", hint="Save the file as UTF-8.") from error
    if _LETTER.search(text) is None:
        raise DataError(f"{path}: contains no letter, so there is nothing to blend")
    return text


def _start(text: str) -> str:
    stripped = text.strip()
    return stripped if len(stripped) <= START_CHARACTERS else f"{stripped[:START_CHARACTERS].rstrip()} ..."


def _table(rows: Sequence[ComparisonRow]) -> list[str]:
    lines = [f"{'attribute':<20}{'text A':<{WIDTH}}{'text B':<{WIDTH}}blend (from)"]
    for row in rows:
        blend = [f"{value} ({origin})" for value, origin in row.blend]
        for n in range(max(1, len(row.a), len(row.b), len(blend))):
            cells = [side[n] if n < len(side) else ("-" if n == 0 else "") for side in (row.a, row.b, blend)]
            name = row.attribute if n == 0 else ""
            lines.append(f"{name:<20}{cells[0]:<{WIDTH}}{cells[1]:<{WIDTH}}{cells[2]}".rstrip())
    return lines
