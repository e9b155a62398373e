"""The decode stage: texts are written from latents, shard by shard."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthgen.core.stage import Stage, StageContext
from synthgen.decode.base import Decoder, Settings
from synthgen.decode.config import DecodeConfig
from synthgen.decode.prompts import label_prompt
from synthgen.decode.shards import (
    DecodeTask,
    drop_foreign_shards,
    missing_rows,
    workers_for,
    write_shards,
    write_whole,
)

LIBRARIES = ("python", "accelerate", "gguf", "numpy", "pyarrow", "safetensors", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderModel:
    """The language model with its bridge.

    Args:
        open: loads it, once; called only if a shard is missing.
        folder: of the language model.
        backend: what computes: see `backend_of`.
        digest: of language model, bridge and backend.
    """

    open: Callable[[], Decoder]
    folder: Path
    backend: str
    digest: str


def settings_of(config: DecodeConfig, labels: Sequence[str], candidates: int) -> Settings:
    """Return how texts of these labels are drawn.

    Args:
        config: of the run.
        labels: all labels, because the longest prompt decides the shape of a batch.
        candidates: texts of each latent.
    """
    return Settings(
        prompts={label: label_prompt(config.prompt, label) for label in labels},
        candidates=candidates,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        batch=config.batch,
        words=config.words,
    )


def _decode(context: StageContext) -> Mapping[str, object]:
    """Write the missing shards; a shard on disk is not written again."""
    config, model, sections = context.config("decode"), context.model("decoder"), context.input("sections")
    latents, candidates = context.input("latents"), context.input("candidates")
    settings = settings_of(config, context.input("labels"), candidates)
    task = DecodeTask(
        open_decoder=model.open,
        settings=settings,
        seeds=context.stream("decode"),
        write=write_whole if sections is None else sections.decode,
    )
    sizes = [1] * len(latents) if sections is None else sections.sizes(latents)
    drop_foreign_shards(context.folder, latents, candidates)
    missing = [i for rows in missing_rows(context.folder, len(latents)) for i in rows]
    n_workers = workers_for(len(missing), settings, model.folder, config.placement)
    total, left = candidates * sum(sizes), candidates * sum(sizes[i] for i in missing)
    unit = "texts" if sections is None else "segments"
    with context.progress.stage(context.name, total=total, unit=unit, done=total - left) as advance:
        n_shards = write_shards(task, latents, context.folder, advance, n_workers=n_workers)
    counts = {"in": len(latents), "out": candidates * len(latents), "shards": n_shards, "backend": model.backend}
    return counts if sections is None else {**counts, "segments": total}


DECODE = Stage(
    name="decode",
    version=1,
    run=_decode,
    config=("decode",),
    inputs=("latents", "labels", "candidates", "sections"),
    models=("decoder",),
    streams=("decode",),
    libraries=LIBRARIES,
    keep_partial=True,
)
