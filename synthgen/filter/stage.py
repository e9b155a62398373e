"""The filter stage: judge all generated texts (candidates) that the run has decoded so far.

A run decodes texts in rounds until enough texts are accepted, and each round repeats this stage for the texts of all
rounds. Counting contradictions takes the most time per text, so the texts are divided into shards, and several
processes can count in different shards. One process then applies the filters.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from threadpoolctl import threadpool_limits

from audits.text.layout import plain_layout
from synthgen.core.errors import InternalError
from synthgen.core.files import read_json, write_json
from synthgen.core.shards import Division, rows_name
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import write_candidates
from synthgen.core.types import Candidate
from synthgen.filter.base import make_context
from synthgen.filter.chain import apply, build_filters
from synthgen.filter.coherent import count_contradictions

KEPT, JUDGED = "kept.parquet", "judged.parquet"
SHARD_TEXTS = 2048  # number of texts of a shard; the last shard can have fewer


def with_plain_layout(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates with plain white space and without invisible characters, as the verifier requires."""
    return tuple(replace(c, text=plain_layout(c.text)) for c in candidates)


def _shards(n: int) -> dict[str, range]:
    """Return file name -> rows (positions of texts) for the shards of n texts."""
    shards = (range(start, min(start + SHARD_TEXTS, n)) for start in range(0, n, SHARD_TEXTS))
    return {rows_name(rows, ".json"): rows for rows in shards}


def _divide(context: StageContext) -> Division:
    candidates = context.input("candidates").candidates
    shards = {} if context.config("filter").coherent is None else _shards(len(candidates))

    def write(names: Sequence[str]) -> None:
        done = sum(len(rows) for name, rows in shards.items() if (context.shards / name).exists())
        total = done + sum(len(shards[name]) for name in names)
        with context.progress.stage("contradictions", total=total, unit="texts", done=done) as advance:
            for name in names:
                texts = [plain_layout(candidates[i].text) for i in shards[name]]
                write_json(context.shards / name, list(map(count_contradictions, texts)))
                advance(len(texts))

    def is_intact(name: str) -> bool:
        try:
            counts = read_json(context.shards / name)
        except (OSError, ValueError):
            return False
        is_list = isinstance(counts, tuple) and all(type(n) is int for n in counts)
        return is_list and len(counts) == len(shards[name])

    return Division(folder=context.shards, names=tuple(shards), write=write, is_intact=is_intact)


def _counted(context: StageContext, n: int) -> list[int]:
    """Return the number of contradictions of each of the n candidates, from the shards."""
    counts = [count for name in _shards(n) for count in read_json(context.shards / name)]
    if len(counts) != n:
        raise InternalError(f"the shards count contradictions in {len(counts)} texts, but there are {n} candidates")
    return counts


def _filter(context: StageContext) -> Mapping[str, object]:
    texts, latents, view = context.input("candidates"), context.input("latents"), context.input("training_view")
    sections, wanted = context.input("sections"), context.input("wanted")
    # the decoder writes at most `max_new_tokens` tokens for each segment of a record
    usual_segments = 1 if sections is None else sections.usual_size(latents)
    filter_context = make_context(
        latents,
        texts.vectors,
        train=view.embedded,
        corpus=view.train,
        reconstructions=context.input("reconstructions"),
        max_new_tokens=context.input("max_new_tokens") * usual_segments,
        seeds=context.stream("filter"),
    )
    config, candidates = context.config("filter"), with_plain_layout(texts.candidates)
    counted = None if config.coherent is None else _counted(context, len(candidates))
    with (
        context.progress.stage(context.name, total=len(candidates), unit="texts") as advance,
        threadpool_limits(limits=1),  # so that the results do not depend on the number of cores
    ):
        filtered = apply(candidates, filter_context, build_filters(config, counted))
        advance(len(candidates))
    write_candidates(context.folder / KEPT, filtered.kept)
    write_candidates(context.folder / JUDGED, filtered.judged)
    return {
        "in": len(candidates),
        "out": len(filtered.kept),
        "wanted": dict(wanted),
        "kept": dict(Counter(c.label for c in filtered.kept)),
        "rejected": dict(filtered.rejected),
        "failed": dict(filtered.failed),
        "spare": filtered.spare,
        "latents_lost": dict(filtered.latents_lost),
        "bounds": {name: dict(b) for name, b in filtered.bounds.items()},
    }


FILTER = Stage(
    name="filter",
    version=7,
    divide=_divide,
    run=_filter,
    config=("filter",),
    inputs=("candidates", "latents", "training_view", "reconstructions", "max_new_tokens", "sections", "wanted"),
    streams=("filter",),
    libraries=("python", "numpy", "pyarrow", "scikit-learn", "scipy"),
)
