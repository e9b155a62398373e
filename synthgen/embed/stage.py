"""The embed stages: vectors of train, of the candidates, and of control after the records are written."""

from collections.abc import Mapping

import numpy as np

from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import read_corpus, write_segments
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.segment import record_vectors

LIBRARIES = ("python", "numpy", "pyarrow", "sentence-transformers", "tokenizers", "torch", "transformers")
TRAIN_VECTORS, CANDIDATE_VECTORS, CONTROL_VECTORS = "train.npy", "vectors.npy", "control.npy"


def _embed(context: StageContext) -> Mapping[str, object]:
    """Write the vectors of train, and of its segments if records are cut."""
    train, encoder = (
        read_corpus(context.input("deidentify").folder / "train.parquet", "train"),
        context.model("embedder"),
    )
    counts: dict[str, object] = {}
    with context.progress.stage("embed", total=len(set(train.texts)), unit="texts") as advance:
        if isinstance(encoder, SegmentedEncoder):
            parts = encoder.segments([r.id for r in train.records], train.texts, advance)
            write_segments(context.folder, parts)
            vectors = record_vectors(parts)[1]
            counts = {"segments": len(parts), "headings": len(encoder.splitter.headings)}
        else:
            vectors = encoder.encode(train.texts, advance)
    np.save(context.folder / TRAIN_VECTORS, vectors, allow_pickle=False)
    return {"in": len(train), "out": len(train), "dim": encoder.dim, "max_tokens": encoder.max_tokens, **counts}


def _embed_candidates(context: StageContext) -> Mapping[str, object]:
    """Write the vectors of the candidates' texts; an empty text, rejected later, gets that of a full stop."""
    texts = [candidate.text or "." for candidate in context.input("candidates")]
    with context.progress.stage(context.name, total=len(set(texts)), unit="texts") as advance:
        vectors = context.model("embedder").encode(texts, advance)
    np.save(context.folder / CANDIDATE_VECTORS, vectors, allow_pickle=False)
    return {"in": len(texts), "out": len(texts)}


def _embed_control(context: StageContext) -> Mapping[str, object]:
    """Write the vectors of control.

    Privacy: this is the first access to the text of control after deidentify. No earlier stage gets anything of it.
    """
    texts = context.input("control").texts
    with context.progress.stage("embed control", total=len(set(texts)), unit="texts") as advance:
        vectors = context.model("embedder").encode(texts, advance)
    np.save(context.folder / CONTROL_VECTORS, vectors, allow_pickle=False)
    return {"in": len(texts), "out": len(texts)}


EMBED = Stage(name="embed", version=1, run=_embed, inputs=("deidentify",), models=("embedder",), libraries=LIBRARIES)
EMBED_CANDIDATES = Stage(
    name="re-embed",
    version=1,
    run=_embed_candidates,
    inputs=("candidates",),
    models=("embedder",),
    libraries=LIBRARIES,
)
EMBED_CONTROL = Stage(
    name="embed-control",
    version=1,
    run=_embed_control,
    inputs=("control",),
    models=("embedder",),
    libraries=LIBRARIES,
)
