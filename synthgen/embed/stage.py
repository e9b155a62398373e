"""The three embed stages, which compute the vectors of the train, candidate (generated) and control texts."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from synthgen.core.shards import Division
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import read_corpus, write_segments
from synthgen.core.types import Corpus
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.embed.shards import stored_encoder, vector_shards
from synthgen.segment import record_vectors

LIBRARIES = ("python", "numpy", "pyarrow", "sentence-transformers", "tokenizers", "torch", "transformers")
TRAIN_VECTORS, CANDIDATE_VECTORS, CONTROL_VECTORS = "train.npy", "vectors.npy", "control.npy"


def _train(context: StageContext) -> Corpus:
    return read_corpus(context.input("deidentify").folder / "train.parquet", "train")


def _embed(context: StageContext) -> Mapping[str, object]:
    train, counts = _train(context), dict[str, object]()
    encoder = stored_encoder(context, context.model("embedder"), train.texts)
    if isinstance(encoder, SegmentedEncoder):
        parts = encoder.segments([r.id for r in train.records], train.texts)
        write_segments(context.folder, parts)
        vectors = record_vectors(parts)[1]
        counts = {"segments": len(parts), "headings": len(encoder.splitter.headings)}
    else:
        vectors = encoder.encode(train.texts)
    np.save(context.folder / TRAIN_VECTORS, vectors, allow_pickle=False)
    counts |= {"dim": encoder.dim, "max_tokens": encoder.max_tokens, "arithmetic": context.input("arithmetic")}
    return {"in": len(train), "out": len(train), **counts}


def _candidates(context: StageContext) -> list[str]:
    # encoders accept no empty text, so an empty candidate is encoded as "."; a filter later rejects empty candidates
    return [candidate.text or "." for candidate in context.input("candidates")]


def _control(context: StageContext) -> list[str]:
    texts: list[str] = context.input("control").texts
    return texts


def _save_vectors(context: StageContext, texts: Sequence[str], file: str) -> Mapping[str, object]:
    vectors = stored_encoder(context, context.model("embedder"), texts).encode(texts)
    np.save(context.folder / file, vectors, allow_pickle=False)
    return {"in": len(texts), "out": len(texts), "arithmetic": context.input("arithmetic")}


def _shards(context: StageContext, texts: Sequence[str], title: str) -> Division:
    return vector_shards(context, context.model("embedder"), texts, title)


_stage = partial(Stage, version=2, models=("embedder",), libraries=LIBRARIES)
EMBED = _stage(
    name="embed",
    divide=lambda context: _shards(context, _train(context).texts, "embed"),
    run=_embed,
    inputs=("deidentify", "arithmetic"),
)
EMBED_CANDIDATES = _stage(
    name="re-embed",
    divide=lambda context: _shards(context, _candidates(context), context.name),
    run=lambda context: _save_vectors(context, _candidates(context), CANDIDATE_VECTORS),
    inputs=("candidates", "arithmetic"),
)
EMBED_CONTROL = _stage(
    name="embed-control",
    divide=lambda context: _shards(context, _control(context), "embed control"),
    run=lambda context: _save_vectors(context, _control(context), CONTROL_VECTORS),
    inputs=("control", "arithmetic"),
)
