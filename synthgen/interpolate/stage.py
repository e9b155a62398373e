"""The interpolate stage: make the new vectors of this round and of all earlier rounds."""

from collections.abc import Mapping

from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import write_latents


def _interpolate(context: StageContext) -> Mapping[str, object]:
    """Write the latents.

    If more latents are requested than in an earlier round, the earlier latents come first; see `Draws.sample`.
    """
    view, counts, sections = context.input("training_view"), context.input("counts"), context.input("sections")
    latents = view.draws(context.config("interpolate")).sample(counts, context.stream("interpolate"))
    if sections is not None:
        latents = sections.with_target_vectors(latents)
    write_latents(context.folder, latents)
    return {"in": len(view.train), "out": len(latents), "method": latents.method, "requested": dict(counts)}


INTERPOLATE = Stage(
    name="interpolate",
    version=1,
    run=_interpolate,
    config=("interpolate",),
    inputs=("training_view", "counts", "sections"),
    streams=("interpolate",),
    libraries=("python", "numpy", "pyarrow", "safetensors", "scikit-learn", "scipy", "torch"),
)
