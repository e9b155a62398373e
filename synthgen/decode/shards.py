"""Write the texts of many latents in shards (files), with one thread per core if memory allows.

An interrupted run continues with the shards that are missing.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
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

STEP_BYTES = 1 << 28  # memory that a thread needs in addition to its cache, for a step of 128 rows of 50,000 logits
LAST_SHARDS = 4  # a shard contains at most about a fourth of the remaining latents, see `divide_rows`


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTask:
    """What is needed to write any shard of a stage."""

    open_decoder: Callable[[], Decoder]  # called only if a shard is missing
    settings: Settings
    seeds: SeedTree
    write: Write = lambda decoder, *task: decoder.decode(*task)  # writes the texts of some latents in one thread


def workers_for(n: int, settings: Settings, folder: Path, device: Placement, *, is_local: bool = True) -> int:
    """Return the number of threads for n latents: one per core if memory allows; 1 for a GPU or a server."""
    backend = backend_of(device)
    if backend == "cuda" or not is_local:
        return 1
    factor = 2 if backend == SLOW else 1  # 16-bit weights are converted to 32 bits
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors")) * factor
    # all threads share one model, for which twice its size is reserved
    room = (available_memory() - 2 * weights) // (STEP_BYTES + _cache_bytes(folder, settings, 2 * factor))
    return max(1, min(usable_cores(), n, room))


def _cache_bytes(folder: Path, settings: Settings, value_bytes: int) -> int:
    """Return the size in bytes of a thread's cache of keys and values; one value takes `value_bytes`."""
    config: dict[str, Any] = json.loads(read_regular(folder / "config.json"))
    heads = int(config.get("num_attention_heads", 0))
    size = config.get("head_dim") or int(config.get("hidden_size", 0)) // max(1, heads)
    positions = settings.context_tokens + 2 * settings.max_new_tokens  # a prompt is rarely longer than its text
    values = 2 * int(config.get("num_hidden_layers", 0)) * int(config.get("num_key_value_heads", heads)) * int(size)
    return values * settings.batch * positions * value_bytes


def divide_rows(n: int, settings: Settings) -> list[range]:
    """Divide n latents into shards of consecutive rows; the division depends only on n and the settings.

    The candidates of a full shard fill the batch twice. The last shards become smaller and smaller, so that all
    threads finish at about the same time; a group is the number of prompts that are read together.
    """
    largest, group = max(1, 2 * settings.batch // settings.candidates), max(1, settings.batch // GROUPS)
    half = -(-n // 2) if n <= LAST_SHARDS * group else 0  # few latents are divided into two shards
    shards: list[range] = []
    start = 0
    while start < n:
        size = min(largest, half or max(group, (n - start) // LAST_SHARDS))
        shards.append(range(start, min(start + size, n)))
        start = shards[-1].stop
    return shards


def is_intact(path: Path, rows: range, latents: Latents, candidates: int) -> bool:
    """Return whether a file contains exactly `candidates` texts for each latent in these rows."""
    try:
        stored = [(c.latent_id, c.index, c.label) for c in read_candidates(path)]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return False
    return stored == [(latents.ids[i], index, latents.labels[i]) for i in rows for index in range(candidates)]


def write_shards(
    task: DecodeTask, latents: Latents, shards: Sequence[range], folder: Path, advance: Advance, *, n_workers: int
) -> None:
    """Write the texts of some shards of the latents into a folder; a shard is written completely or not at all.

    The division into shards and the number of workers (threads) do not change any text. A single worker runs torch on
    all cores; several workers use one core each.

    Raises:
        Exception: the first exception of `open_decoder` or `write`. Finished shards are kept.
    """
    if not shards:
        return
    decoder = task.open_decoder()

    def run(rows: range, advance: Advance) -> tuple[Candidate, ...]:
        return task.write(decoder, rows_of(latents, list(rows)), task.settings, task.seeds, advance)

    if n_workers == 1:
        for rows in shards:
            _save(folder, rows, run(rows, advance))
    else:
        in_threads(shards, run, partial(_save, folder), advance, n_workers=n_workers)


def read_shards(folder: Path) -> tuple[Candidate, ...]:
    """Return the candidates of all shards of a folder, in the order of their latents."""
    return tuple(candidate for path in sorted(folder.glob("shard-*.parquet")) for candidate in read_candidates(path))


def rows_of(latents: Latents, rows: list[int]) -> Latents:
    """Return the latents of some rows, in the order of `rows`."""
    names = ("ids", "labels", "parent_ids", "weights", *(("prompt_words",) if latents.prompt_words else ()))
    columns: dict[str, Any] = {name: tuple(getattr(latents, name)[i] for i in rows) for name in names}
    return replace(latents, vectors=latents.vectors[rows], **columns)


def _save(folder: Path, rows: range, candidates: tuple[Candidate, ...]) -> None:
    write_by(folder / rows_name(rows, ".parquet"), lambda partial: write_candidates(partial, candidates))
