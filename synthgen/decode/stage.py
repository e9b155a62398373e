"""The decode stage, which writes candidate texts for latents (vectors); several processes can share the work."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthgen.core.files import read_json, write_json
from synthgen.core.shards import Division, rows_name
from synthgen.core.stage import Stage, StageContext
from synthgen.core.types import Latents
from synthgen.decode.base import Decoder, Settings
from synthgen.decode.class_words import TokenBiases
from synthgen.decode.config import VLLM, DecodeConfig
from synthgen.decode.prompts import label_prompt
from synthgen.decode.shards import DecodeTask, divide_rows, is_intact, read_shards, rows_of, workers_for, write_shards

REWRITTEN = 4  # number of latents whose texts vLLM writes twice, to test whether both times give the same texts
EQUAL_AGAIN = "equal-again-"  # prefix of the names of files with a result of this test (see `REWRITTEN`)
_SAMPLING = ("temperature", "top_p", "top_k", "batch", "words")  # fields that `Settings` copies from `DecodeConfig`
LIBRARIES = ("python", "accelerate", "gguf", "numpy", "pyarrow", "safetensors", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderModel:
    """What the stage needs to know about the decoder before the decoder is loaded."""

    open: Callable[[], Decoder]  # loads the decoder; called only if a shard is missing
    folder: Path  # folder of the language model or, with a server, of the local model that measures the fluency
    # for example "cuda", "cpu in bfloat16", "vllm" or "endpoint" (a server); backends round differently, so one seed
    # gives different texts with different backends
    backend: str
    digest: str  # digest of the language model, the bridge or prompts, and the backend


def settings_of(
    config: DecodeConfig,
    labels: Sequence[str],
    candidates: int,
    avoided: tuple[str, ...],
    max_new_tokens: int,
    token_biases: TokenBiases | None,
) -> Settings:
    """Return the parameters with which texts are written.

    `labels` must contain all labels of a run, because prompts are padded to the length of the longest prompt, and the
    padding affects the texts by rounding.
    """
    return Settings(
        prompts={label: label_prompt(config.prompt, label) for label in labels},
        candidates=candidates,
        avoided=avoided,
        max_new_tokens=max_new_tokens,
        token_biases=token_biases,
        **{name: getattr(config, name) for name in _SAMPLING},
    )


def _settings(context: StageContext) -> Settings:
    inputs = map(context.input, ("labels", "candidates", "avoided", "max_new_tokens", "token_biases"))
    return settings_of(context.config("decode.written"), *inputs)


def _rows(context: StageContext) -> dict[str, range]:
    divided = divide_rows(len(context.input("latents")), _settings(context))
    return {rows_name(rows, ".parquet"): rows for rows in divided}


def _divide(context: StageContext) -> Division:
    latents, candidates, rows = context.input("latents"), context.input("candidates"), _rows(context)
    return Division(
        folder=context.shards,
        names=tuple(rows),
        write=lambda names: _write(context, [rows[name] for name in names]),
        is_intact=lambda name: is_intact(context.shards / name, rows[name], latents, candidates),
    )


def _write(context: StageContext, shards: Sequence[range]) -> None:
    # the input `sections` writes records segment by segment; it is None if records are not divided into segments
    config, model, sections = context.config("decode.written"), context.model("decoder"), context.input("sections")
    latents, settings = context.input("latents"), _settings(context)
    task = DecodeTask(open_decoder=model.open, settings=settings, seeds=context.stream("decode"))
    sized = settings
    if sections is not None:
        task, sized = replace(task, write=sections.decode), replace(settings, context_tokens=sections.context_tokens)
    # for each latent, the number of texts that form one candidate: one, or one for each segment
    sizes = [1] * len(latents) if sections is None else sections.sizes(latents)
    new = [i for rows in shards for i in rows]
    old = [i for name, rows in _rows(context).items() if (context.shards / name).exists() for i in rows]
    n_workers = workers_for(len(new), sized, model.folder, config.placement, is_local=config.runs_here)
    to_write, written = (settings.candidates * sum(sizes[i] for i in rows) for rows in (new, old))
    unit = "texts" if sections is None else "segments"
    with context.progress.stage(context.name, total=to_write + written, unit=unit, done=written) as advance:
        write_shards(task, latents, shards, context.shards, advance, n_workers=n_workers)
    if config.engine == VLLM:
        is_equal = rewrite_and_compare(task, latents, new, context.shards)
        write_json(context.shards / f"{EQUAL_AGAIN}{new[0]:08d}.json", {"equal": is_equal})


def _decode(context: StageContext) -> Mapping[str, object]:
    """Copy the finished shards into the result of the stage, and return the counts to report."""
    latents, candidates, sections = context.input("latents"), context.input("candidates"), context.input("sections")
    for name in (names := tuple(_rows(context))):
        shutil.copyfile(context.shards / name, context.folder / name)
    counts: dict[str, object] = {"in": len(latents), "out": candidates * len(latents), "shards": len(names)}
    counts["backend"] = context.model("decoder").backend
    if tests := [read_json(path)["equal"] for path in context.shards.glob(f"{EQUAL_AGAIN}*.json")]:
        counts["equal_again"] = all(tests)
    return counts if sections is None else {**counts, "segments": candidates * sum(sections.sizes(latents))}


def rewrite_and_compare(task: DecodeTask, latents: Latents, new: Sequence[int], folder: Path) -> bool:
    """Write the texts of at most `REWRITTEN` latents again; return whether they equal the texts stored in `folder`.

    Randomness: these latents are drawn from the row numbers `new` with the stream seeds/again.
    """
    order = task.seeds.child("again").generator().permutation(len(new))[:REWRITTEN]
    drawn = rows_of(latents, [new[i] for i in sorted(order)])
    written = {(c.latent_id, c.index): c.text for c in read_shards(folder)}
    again = task.write(task.open_decoder(), drawn, task.settings, task.seeds, lambda _: None)
    return all(written[c.latent_id, c.index] == c.text for c in again)


DECODE = Stage(
    name="decode",
    version=7,
    divide=_divide,
    run=_decode,
    config=("decode.written",),
    inputs=("latents", "labels", "candidates", "max_new_tokens", "avoided", "token_biases", "sections"),
    models=("decoder",),
    streams=("decode",),
    libraries=LIBRARIES,
)
