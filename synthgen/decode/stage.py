"""The decode stage: write texts from latents, shard by shard."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthgen.core.stage import Stage, StageContext
from synthgen.core.types import Latents
from synthgen.decode.base import Decoder, Settings
from synthgen.decode.config import VLLM, DecodeConfig
from synthgen.decode.prompts import label_prompt
from synthgen.decode.shards import (
    DecodeTask,
    drop_foreign_shards,
    missing_rows,
    read_shards,
    rows_of,
    workers_for,
    write_shards,
)

REWRITTEN = 4  # number of latents whose texts vLLM writes a second time, to test whether they are the same
_SAMPLING = ("temperature", "top_p", "top_k", "batch", "words")
LIBRARIES = ("python", "accelerate", "gguf", "numpy", "pyarrow", "safetensors", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderModel:
    """The language model with its bridge, or with its prompts."""

    open: Callable[[], Decoder]  # called once, and only if a shard is missing
    folder: Path  # folder of the language model; with a server, of the local model that measures the fluency
    backend: str  # see `backend_of`; "endpoint" for a server, "vllm" for vLLM
    digest: str  # digest of the language model, the bridge or prompts, and the backend


def settings_of(
    config: DecodeConfig, labels: Sequence[str], candidates: int, avoided: tuple[str, ...], max_new_tokens: int
) -> Settings:
    """Return the sampling parameters of a run.

    `labels` are all labels of the run, because the longest prompt determines the shape of a batch.
    """
    return Settings(
        prompts={label: label_prompt(config.prompt, label) for label in labels},
        candidates=candidates,
        avoided=avoided,
        max_new_tokens=max_new_tokens,
        **{name: getattr(config, name) for name in _SAMPLING},
    )


def _decode(context: StageContext) -> Mapping[str, object]:
    config, model, sections = context.config("decode.written"), context.model("decoder"), context.input("sections")
    latents, candidates = context.input("latents"), context.input("candidates")
    avoided, max_new_tokens = context.input("avoided"), context.input("max_new_tokens")
    settings = settings_of(config, context.input("labels"), candidates, avoided, max_new_tokens)
    task = DecodeTask(open_decoder=model.open, settings=settings, seeds=context.stream("decode"))
    if sections is not None:
        task = replace(task, write=sections.decode)
    sizes = [1] * len(latents) if sections is None else sections.sizes(latents)
    drop_foreign_shards(context.folder, latents, candidates)
    missing = [i for rows in missing_rows(context.folder, len(latents)) for i in rows]
    n_workers = workers_for(len(missing), settings, model.folder, config.placement, is_local=config.runs_here)
    total, left = candidates * sum(sizes), candidates * sum(sizes[i] for i in missing)
    unit = "texts" if sections is None else "segments"
    with context.progress.stage(context.name, total=total, unit=unit, done=total - left) as advance:
        n_shards = write_shards(task, latents, context.folder, advance, n_workers=n_workers)
    counts: dict[str, object] = {
        "in": len(latents),
        "out": candidates * len(latents),
        "shards": n_shards,
        "backend": model.backend,
    }
    if missing and config.engine == VLLM:
        counts["equal_again"] = writes_equal_texts(task, latents, missing, context.folder)
    return counts if sections is None else {**counts, "segments": total}


def writes_equal_texts(task: DecodeTask, latents: Latents, missing: Sequence[int], folder: Path) -> bool:
    """Write the texts of at most `REWRITTEN` latents again; return whether they equal the texts in the shards.

    `missing` are the rows that this call of the stage has just written.

    Randomness: the latents are drawn from the stream seeds/again.
    """
    order = task.seeds.child("again").generator().permutation(len(missing))[:REWRITTEN]
    drawn = rows_of(latents, [missing[i] for i in sorted(order)])
    written = {(c.latent_id, c.index): c.text for c in read_shards(folder)}
    again = task.write(task.open_decoder(), drawn, task.settings, task.seeds, lambda _: None)
    return all(written[c.latent_id, c.index] == c.text for c in again)


DECODE = Stage(
    name="decode",
    version=3,
    run=_decode,
    config=("decode.written",),
    inputs=("latents", "labels", "candidates", "max_new_tokens", "avoided", "sections"),
    models=("decoder",),
    streams=("decode",),
    libraries=LIBRARIES,
    keep_partial=True,
)
