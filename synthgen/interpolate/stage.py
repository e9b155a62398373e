"""Define the stage `interpolate`, which makes the new vectors (latents) from which texts are decoded."""

from collections.abc import Mapping

from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import write_latents
from synthgen.interpolate.base import Sampler


def _interpolate(context: StageContext) -> Mapping[str, object]:
    view, counts, sections = context.input("training_view"), context.input("counts"), context.input("sections")
    sampler = view.draws(context.config("interpolate"))
    latents = sampler.sample(counts, context.stream("interpolate"))
    if sections is not None:  # records are divided into segments; see `with_target_vectors`
        latents = sections.with_target_vectors(latents)
    write_latents(context.folder, latents)
    summary = {"in": len(view.train), "out": len(latents), "method": latents.method, "requested": dict(counts)}
    searches = sampler.rows.searches(sampler.names) if isinstance(sampler, Sampler) else []
    return {**summary, "neighbours": searches} if searches else summary


INTERPOLATE = Stage(
    name="interpolate",
    version=2,
    run=_interpolate,
    config=("interpolate",),
    inputs=("training_view", "counts", "sections"),
    streams=("interpolate",),
    libraries=("python", "faiss-cpu", "numpy", "pyarrow", "safetensors", "scikit-learn", "scipy", "torch"),
)
