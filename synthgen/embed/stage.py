"""The embed stages: vectors of train, of the candidates, and (after the records are written) of control."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import read_corpus, write_segments
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.segment import record_vectors

LIBRARIES = ("python", "numpy", "pyarrow", "sentence-transformers", "tokenizers", "torch", "transformers")
TRAIN_VECTORS, CANDIDATE_VECTORS, CONTROL_VECTORS = "train.npy", "vectors.npy", "control.npy"


def _embed(context: StageContext) -> Mapping[str, object]:
    """Write the vectors of train; if records are segmented, also write the segments with their vectors."""
    train = read_corpus(context.input("deidentify").folder / "train.parquet", "train")
    encoder, counts = context.model("embedder"), dict[str, object]()
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
    """Write the vectors of the candidates' texts. An empty text gets the vector of "."; a filter rejects it later."""
    texts = [candidate.text or "." for candidate in context.input("candidates")]
    return _save_vectors(context, context.name, texts, CANDIDATE_VECTORS)


def _embed_control(context: StageContext) -> Mapping[str, object]:
    """Write the vectors of control.

    Privacy: no stage between `deidentify` and this stage receives text of control. Exception: in a run with a privacy
        budget, the input checks access this text earlier; see `pipeline.judge.embed_control`.
    """
    return _save_vectors(context, "embed control", context.input("control").texts, CONTROL_VECTORS)


def _save_vectors(context: StageContext, title: str, texts: Sequence[str], file: str) -> Mapping[str, object]:
    with context.progress.stage(title, total=len(set(texts)), unit="texts") as advance:
        vectors = context.model("embedder").encode(texts, advance)
    np.save(context.folder / file, vectors, allow_pickle=False)
    return {"in": len(texts), "out": len(texts)}


_stage = partial(Stage, version=1, models=("embedder",), libraries=LIBRARIES)
EMBED = _stage(name="embed", run=_embed, inputs=("deidentify",))
EMBED_CANDIDATES = _stage(name="re-embed", run=_embed_candidates, inputs=("candidates",))
EMBED_CONTROL = _stage(name="embed-control", run=_embed_control, inputs=("control",))
