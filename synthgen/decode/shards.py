"""Decode many latents (vectors) into texts, and write the texts into files (shards).

An interrupted run continues where it stopped. If memory allows, each processor core runs one thread.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from audits.core.files import read_regular
from synthgen.core.files import write_by
from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.shards import rows_name
from synthgen.core.tables import read_candidates, write_candidates
from synthgen.core.types import Candidate, Latents
from synthgen.core.workers import available_memory, in_threads, usable_cores
from synthgen.decode.base import Decoder, Settings
from synthgen.decode.loading import SLOW, Placement, backend_of
from synthgen.decode.loop.llama import GROUPS

Write = Callable[[Decoder, Latents, Settings, SeedTree, Advance], tuple[Candidate, ...]]

# bytes that a thread needs in addition to its cache: about ten float32 arrays of 128 rows of 50,000 logits
STEP_BYTES = 1 << 28
LAST_SHARDS = 4  # a shard has 1 / LAST_SHARDS of the remaining latents, within the limits in `divide_rows`


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTask:
    """Everything that is needed to write a shard, except its latents."""

    open_decoder: Callable[[], Decoder]  # loads the decoder; called only if a shard is missing
    settings: Settings
    seeds: SeedTree
    write: Write = lambda decoder, *task: decoder.decode(*task)  # writes the texts of some latents


def workers_for(n: int, settings: Settings, folder: Path, device: Placement, *, is_local: bool = True) -> int:
    """Return the number of threads for n latents: one per core if memory allows; 1 for a GPU or a server."""
    backend = backend_of(device)
    if backend == "cuda" or not is_local:
        return 1
    factor = 2 if backend == SLOW else 1  # the backend `SLOW` converts 16-bit weights to 32 bits
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors")) * factor
    # all threads share one model; twice the size of the model is reserved
    n_fitting = (available_memory() - 2 * weights) // (STEP_BYTES + _cache_bytes(folder, settings, 2 * factor))
    return max(1, min(usable_cores(), n, n_fitting))


def _cache_bytes(folder: Path, settings: Settings, value_bytes: int) -> int:
    """Return the bytes of one thread's attention cache (keys and values), with `value_bytes` bytes per number."""
    config: dict[str, Any] = json.loads(read_regular(folder / "config.json"))
    heads = int(config.get("num_attention_heads", 0))
    size = config.get("head_dim") or int(config.get("hidden_size", 0)) // max(1, heads)
    # the prompt rarely has more than `max_new_tokens` tokens, and the new text never has more
    positions = settings.context_tokens + 2 * settings.max_new_tokens
    values = 2 * int(config.get("num_hidden_layers", 0)) * int(config.get("num_key_value_heads", heads)) * int(size)
    return values * settings.batch * positions * value_bytes


def divide_rows(n: int, settings: Settings) -> list[range]:
    """Divide n latents into shards of consecutive rows; the division depends only on n and the settings.

    The candidates of a full shard fill the batch twice. The last shards become smaller and smaller, so that all
    threads finish at about the same time. A few latents give about two shards.
    """
    largest = max(1, 2 * settings.batch // settings.candidates)
    group = max(1, settings.batch // GROUPS)  # number of prompts that are read together
    half = -(-n // 2) if n <= LAST_SHARDS * group else 0
    shards: list[range] = []
    start = 0
    while start < n:
        size = min(largest, half or max(group, (n - start) // LAST_SHARDS))
        shards.append(range(start, min(start + size, n)))
        start = shards[-1].stop
    return shards


def is_intact(path: Path, rows: range, latents: Latents, candidates: int) -> bool:
    """Return whether a file contains exactly `candidates` texts for each latent in `rows`."""
    try:
        stored = [(c.latent_id, c.index, c.label) for c in read_candidates(path)]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return False
    return stored == [(latents.ids[i], index, latents.labels[i]) for i in rows for index in range(candidates)]


def write_shards(
    task: DecodeTask, latents: Latents, shards: Sequence[range], folder: Path, advance: Advance, *, n_workers: int
) -> None:
    """Write the texts of some shards into a folder; a shard is written completely or not at all.

    Neither the division into shards nor `n_workers`, the number of threads, changes a text. A single thread uses all
    cores, and several threads use one core each.

    Raises:
        Exception: the first exception of `open_decoder` or `write`. Finished shards are kept.
    """
    if not shards:
        return
    decoder = task.open_decoder()

    def run(rows: range, advance: Advance) -> tuple[Candidate, ...]:
        return task.write(decoder, rows_of(latents, list(rows)), task.settings, task.seeds, advance)

    def save(rows: range, candidates: tuple[Candidate, ...]) -> None:
        write_by(folder / rows_name(rows, ".parquet"), lambda path: write_candidates(path, candidates))

    if n_workers == 1:
        for rows in shards:
            save(rows, run(rows, advance))
    else:
        in_threads(shards, run, save, advance, n_workers=n_workers)


def read_shards(folder: Path) -> tuple[Candidate, ...]:
    """Return the candidates of all shards of a folder, in the order of their latents."""
    return tuple(candidate for path in sorted(folder.glob("shard-*.parquet")) for candidate in read_candidates(path))


def rows_of(latents: Latents, rows: list[int]) -> Latents:
    """Return the latents with the row numbers `rows`, in this order."""
    names = ("ids", "labels", "parent_ids", "weights", *(("prompt_words",) if latents.prompt_words else ()))
    columns: dict[str, Any] = {name: tuple(getattr(latents, name)[i] for i in rows) for name in names}
    return replace(latents, vectors=latents.vectors[rows], **columns)
