"""The texts of many latents, shard by shard, on each core one; a shard on disk is never written again."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_candidates, write_candidates
from synthgen.core.types import Candidate, Latents
from synthgen.core.workers import available_memory, in_threads, usable_cores
from synthgen.decode.base import Decoder, Settings
from synthgen.decode.loading import SLOW, Placement, backend_of
from synthgen.decode.loop.llama import GROUPS

Advance = Callable[[int], None]
Write = Callable[[Decoder, Latents, Settings, SeedTree, Advance], tuple[Candidate, ...]]

STEP_BYTES = 1 << 28  # what a step of the loop takes beside its cache, for 128 rows of 50,000 logits
_NAME = re.compile(r"shard-(\d+)-(\d+)\.parquet")


def write_whole(
    decoder: Decoder, latents: Latents, settings: Settings, seeds: SeedTree, advance: Advance
) -> tuple[Candidate, ...]:
    """Return the candidates of every latent, each text written at once; see `Decoder`."""
    return decoder.decode(latents, settings, seeds, advance)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTask:
    """What all shards of a stage have in common.

    Args:
        open_decoder: returns the decoder; called only where a shard is missing.
        settings: how texts are drawn.
        seeds: the stream; every record draws from a child of it.
        write: from a decoder, some latents, settings, seeds and `advance` to their candidates; the texts of a latent
            may depend on no other, and it runs in several threads at once.
    """

    open_decoder: Callable[[], Decoder]
    settings: Settings
    seeds: SeedTree
    write: Write = write_whole


def workers_for(n: int, settings: Settings, folder: Path, device: Placement) -> int:
    """Return how many threads shall write n latents: one for each core, as far as the memory goes; on a GPU one.

    Args:
        n: latents that are to be written.
        settings: how texts are drawn.
        folder: of the language model, of which all share one.
        device: where it is placed.

    Raises:
        ModelError: see `backend_of`.
    """
    backend = backend_of(device)
    if backend == "cuda":
        return 1
    wide = 2 if backend == SLOW else 1  # 16 bits are made 32 there
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors")) * wide
    room = (available_memory() - 2 * weights) // (STEP_BYTES + _cache_bytes(folder, settings, 2 * wide))
    return max(1, min(usable_cores(), n, room))


def _cache_bytes(folder: Path, settings: Settings, number: int) -> int:
    """Return the bytes of the loop's cache for a model of the Llama family, whose numbers have so many bytes."""
    said: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    heads = int(said.get("num_attention_heads", 0))
    size = said.get("head_dim") or int(said.get("hidden_size", 0)) // max(1, heads)
    columns = settings.context_tokens + 2 * settings.max_new_tokens  # a prompt is seldom longer than its text
    of_one = 2 * int(said.get("num_hidden_layers", 0)) * int(said.get("num_key_value_heads", heads)) * int(size)
    return of_one * settings.batch * columns * number


def drop_foreign_shards(folder: Path, latents: Latents, candidates: int) -> None:
    """Remove every shard that does not hold the texts of the rows it is named by, so that they are written again.

    A stop leaves none such; a copied, renamed or damaged file is one.
    """
    stop = 0
    for rows, path in list(_shards(folder)):
        if rows and rows.start >= stop and rows.stop <= len(latents) and _holds(path, rows, latents, candidates):
            stop = rows.stop
        else:
            path.unlink()


def _holds(path: Path, rows: range, latents: Latents, candidates: int) -> bool:
    try:
        found = [(c.latent_id, c.index, c.label) for c in read_candidates(path)]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return False
    return found == [(latents.ids[i], index, latents.labels[i]) for i in rows for index in range(candidates)]


def missing_rows(folder: Path, n: int) -> list[range]:
    """Return the rows of n that no shard of a folder holds, as ranges in order."""
    found, at = [], 0
    for rows, _ in [*_shards(folder), (range(n, n), None)]:
        if rows.start > at:
            found.append(range(at, rows.start))
        at = rows.stop
    return found


def cut(missing: list[range], settings: Settings, n_workers: int) -> list[range]:
    """Return the shards in which missing rows are written, in the order they are begun.

    A shard fills the batch twice. So that all workers end at about the same time the last ones get smaller, down to
    one group of prompts; where there are few rows, each worker gets an equal share.
    """
    largest, group = max(1, 2 * settings.batch // settings.candidates), max(1, settings.batch // GROUPS)
    left, shards = sum(map(len, missing)), []
    share = -(-left // n_workers) if left <= 2 * n_workers * group else 0
    for rows in missing:
        start = rows.start
        while start < rows.stop:
            size = min(largest, share or (largest if n_workers == 1 else max(group, left // (2 * n_workers))))
            shards.append(range(start, min(start + size, rows.stop)))
            start, left = shards[-1].stop, left - len(shards[-1])
    return shards


def write_shards(task: DecodeTask, latents: Latents, folder: Path, advance: Advance, *, n_workers: int) -> int:
    """Write the texts of all latents that no shard of a folder holds; return how many shards it has then.

    Each shard is there whole or not at all. Which latents share one changes no text, and neither do threads, so what
    was begun with another number of workers is gone on with.

    Args:
        task: how they are written.
        latents: all of the stage.
        folder: of the shards.
        advance: told of every text.
        n_workers: of `workers_for`; one computes as torch is set, several with one thread each.

    Raises:
        Exception: the first that `open_decoder` or `write` raises; the shards that are done stay.
    """
    for other in set(folder.glob("shard-*")) - {path for _, path in _shards(folder)}:
        other.unlink()  # half a shard, or one of an older version
    shards = cut(missing_rows(folder, len(latents)), task.settings, n_workers)
    if shards:
        decoder = task.open_decoder()

        def run(rows: range, tell: Advance) -> tuple[Candidate, ...]:
            return task.write(decoder, rows_of(latents, list(rows)), task.settings, task.seeds, tell)

        def finished(rows: range, candidates: tuple[Candidate, ...]) -> None:
            _save(folder, rows, candidates)

        if n_workers == 1:
            for rows in shards:
                finished(rows, run(rows, advance))
        else:
            in_threads(shards, run, finished, advance, n_workers=n_workers)
    return len(list(_shards(folder)))


def read_shards(folder: Path) -> tuple[Candidate, ...]:
    """Return the candidates of all shards of a folder, in the order of their latents."""
    return tuple(candidate for _, path in _shards(folder) for candidate in read_candidates(path))


def rows_of(latents: Latents, rows: list[int]) -> Latents:
    """Return some rows of latents, in the order given."""
    return replace(
        latents,
        vectors=latents.vectors[rows],
        ids=tuple(latents.ids[i] for i in rows),
        labels=tuple(latents.labels[i] for i in rows),
        parent_ids=tuple(latents.parent_ids[i] for i in rows),
        weights=tuple(latents.weights[i] for i in rows),
        prompt_words=tuple(latents.prompt_words[i] for i in rows) if latents.prompt_words else (),
    )


def _shards(folder: Path) -> Iterator[tuple[range, Path]]:
    """Yield the rows of each finished shard and its file, in order."""
    for path in sorted(folder.glob("shard-*")):
        if found := _NAME.fullmatch(path.name):
            yield range(int(found[1]), int(found[2])), path


def _save(folder: Path, rows: range, candidates: tuple[Candidate, ...]) -> None:
    path = folder / f"shard-{rows.start:07d}-{rows.stop:07d}.parquet"
    partial = path.with_suffix(".partial")
    write_candidates(partial, candidates)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
