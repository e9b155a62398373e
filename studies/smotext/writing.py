"""Decode texts from latents (vectors), and keep them in files (shards), so that an interrupted study continues."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from audits.core.files import sync
from studies.processes import in_processes
from synthgen.core.digest import sha256_array, sha256_json, sha256_texts
from synthgen.core.errors import InternalError, StorageError
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_candidates, write_candidates
from synthgen.core.types import Candidate, Latents
from synthgen.decode.base import Decoder, Settings

# Increase this number if a change of the code changes the texts of a decoder. Then the study does not use the files
# with texts of the old code. A test fails if the number was not increased.
TEXTS_VERSION = 3
# settings that the study never sets; the key omits them, so that files written before they existed are still found
UNUSED = {"avoided", "token_biases"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """A decoder: its digest, and the function that opens it."""

    open: Callable[[], Decoder]  # loads and returns the decoder; picklable
    digest: str  # digest of its weights, bridge and prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest:
    """A request to a decoder for texts, without the vectors."""

    name: str  # first part of the name of the folder for the texts
    maker: str  # name of the decoder
    ids: tuple[str, ...]  # ids of the latents
    labels: tuple[str, ...]  # classes of the latents
    settings: Settings
    seeds: SeedTree  # random stream of the decoder

    def key(self, makers: Mapping[str, Maker]) -> dict[str, Any]:
        """Return all inputs that determine the texts, except the vectors."""
        return {
            "version": TEXTS_VERSION,
            "decoder": makers[self.maker].digest,
            "settings": {name: value for name, value in asdict(self.settings).items() if name not in UNUSED},
            "rows": sha256_texts([*self.ids, *self.labels]),
            "seed": self.seeds.key().hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Writing:
    """A request to a decoder for texts, with the vectors to decode."""

    request: TextRequest
    latents: Latents  # the vectors, with the ids and labels of the request

    def __post_init__(self) -> None:
        if (self.latents.ids, self.latents.labels) != (self.request.ids, self.request.labels):
            raise InternalError("the ids and labels of the request differ from those of the vectors")

    @property
    def texts(self) -> int:
        """The number of texts: the number of latents times the number of candidates for each latent."""
        return len(self.latents) * self.request.settings.candidates

    def key(self, makers: Mapping[str, Maker]) -> str:
        """Return the SHA-256 of all inputs that determine the texts."""
        return sha256_json({**self.request.key(makers), "vectors": sha256_array(self.latents.vectors)})

    def shards(self, makers: Mapping[str, Maker], folder: Path) -> dict[Path, range]:
        """Return the path of each shard, under `folder`, with the range of its latents."""
        settings = self.request.settings
        size = max(1, 2 * settings.batch // settings.candidates)
        place = folder / f"{self.request.name}-{self.key(makers)[:16]}"
        starts = range(0, len(self.latents), size)
        return {
            place / f"shard-{i:05d}.parquet": range(start, min(start + size, len(self.latents)))
            for i, start in enumerate(starts)
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Shard:
    path: Path
    latents: Latents
    request: TextRequest


def write_texts(writings: Sequence[Writing], makers: Mapping[str, Maker], folder: Path, progress: Progress) -> None:
    """Decode the missing texts in parallel processes.

    Each shard is a file in a folder whose name contains a digest of the inputs. An interrupted study continues with
    the missing shards. Texts that another bridge, vector or setting produced are never used.

    `folder` must exist, and `writings` must be grouped by decoder, so that no process opens a decoder twice.

    Raises:
        Interrupted: if a worker process was killed; run the same command again to continue.
    """
    missing = [
        _Shard(path, latents_of(w.latents, rows), w.request)
        for w in writings
        for path, rows in w.shards(makers, folder).items()
        if not path.is_file()
    ]
    total = sum(w.texts for w in writings)
    left = sum(len(s.latents) * s.request.settings.candidates for s in missing)
    with progress.stage("write", total=total, unit="texts", done=total - left) as advance:

        def finished(shard: _Shard, texts: tuple[Candidate, ...]) -> None:
            shard.path.parent.mkdir(exist_ok=True)
            partial = shard.path.with_suffix(".partial")
            write_candidates(partial, texts)
            sync(partial)
            partial.replace(shard.path)
            advance(len(texts))

        in_processes(missing, _write, finished, start=_start, given=(dict(makers),))


def read_texts(writing: Writing, makers: Mapping[str, Maker], folder: Path) -> tuple[Candidate, ...]:
    """Return the decoded texts in the order of their latents.

    Raises:
        StorageError: if a shard is missing or cannot be read.
    """
    found: list[Candidate] = []
    for path in writing.shards(makers, folder):
        try:
            found += read_candidates(path)
        except (pa.ArrowException, OSError, KeyError) as error:
            hint = "Delete the file; it is written again."
            raise StorageError(f"{path}: the decoded texts cannot be read", hint=hint) from error
    return tuple(found)


def missing_tokens(writings: Sequence[Writing], makers: Mapping[str, Maker], folder: Path) -> int:
    """Return the largest possible number of tokens in the texts that remain to be decoded."""
    return sum(
        len(rows) * w.request.settings.candidates * w.request.settings.max_new_tokens
        for w in writings
        for path, rows in w.shards(makers, folder).items()
        if not path.is_file()
    )


def latents_of(latents: Latents, rows: Sequence[int]) -> Latents:
    """Return the latents with the given row numbers."""
    return replace(
        latents,
        vectors=latents.vectors[list(rows)],
        ids=tuple(latents.ids[i] for i in rows),
        labels=tuple(latents.labels[i] for i in rows),
        parent_ids=tuple(latents.parent_ids[i] for i in rows),
        weights=tuple(latents.weights[i] for i in rows),
    )


def bridge_decoder(
    folder: Path, bridge: str, decoder: str, encoder: str, dim: int, style: str | None = None
) -> Decoder:
    """Return a decoder: a language model with a bridge, and with a style adapter if `style` names one."""
    from synthgen.decode.bridge import load_bridge
    from synthgen.decode.style_adapter import in_style, load_style
    from synthgen.decode.xrag import XragDecoder

    shares = [] if style is None else [(load_style(style, Path), 1.0)]
    return XragDecoder(folder, in_style(load_bridge(bridge), shares), decoder=decoder, encoder=encoder, dim=dim)


def label_only_decoder(folder: Path, decoder: str, prompt: str) -> Decoder:
    """Return a decoder: a language model that gets the prompt with the label, and no vectors."""
    from synthgen.decode.prompting.local import PromptDecoder
    from synthgen.decode.prompting.prompter import Prompter

    return PromptDecoder(folder, Prompter(template=prompt.replace("{words}", "{terms}")), decoder=decoder)


# filled when a worker process starts; each process keeps one decoder open at a time
_makers: dict[str, Maker] = {}
_open: dict[str, Decoder] = {}


def _start(makers: Mapping[str, Maker]) -> None:
    _makers.update(makers)


def _write(shard: _Shard) -> tuple[Candidate, ...]:
    request = shard.request
    if request.maker not in _open:
        _open.clear()
        _open[request.maker] = _makers[request.maker].open()
    return _open[request.maker].decode(shard.latents, request.settings, request.seeds, lambda _: None)
