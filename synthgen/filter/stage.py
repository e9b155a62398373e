"""The filter stage: judge all generated texts (candidates) of this round and of earlier rounds together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from threadpoolctl import threadpool_limits

from audits.text.layout import plain_layout
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import write_candidates
from synthgen.core.types import Candidate
from synthgen.filter.base import make_context
from synthgen.filter.chain import apply, build_filters

KEPT, JUDGED = "kept.parquet", "judged.parquet"


def with_plain_layout(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates with plain white space and without invisible characters, as the verifier requires."""
    return tuple(replace(c, text=plain_layout(c.text)) for c in candidates)


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
    with (
        context.progress.stage("filter", total=len(texts.candidates), unit="texts") as advance,
        threadpool_limits(limits=1),  # so that the results do not depend on the number of cores
    ):
        filtered = apply(with_plain_layout(texts.candidates), filter_context, build_filters(context.config("filter")))
        advance(len(texts.candidates))
    write_candidates(context.folder / KEPT, filtered.kept)
    write_candidates(context.folder / JUDGED, filtered.judged)
    return {
        "in": len(texts.candidates),
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
    version=5,
    run=_filter,
    config=("filter",),
    inputs=("candidates", "latents", "training_view", "reconstructions", "max_new_tokens", "sections", "wanted"),
    streams=("filter",),
    libraries=("python", "numpy", "pyarrow", "scikit-learn", "scipy"),
)
