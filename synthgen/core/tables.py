"""Write and read the files through which the stages of a run exchange values."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.core.types import Candidate, Corpus, FilterOutcome, Latents, Record, Role, Segments

_COLUMNS = ("id", "text", "label", "group")  # columns of the file of a corpus
_STRINGS = pa.list_(pa.string())


def write_corpus(path: Path, corpus: Corpus) -> None:
    """Write a corpus with the columns id, text, label and group."""
    columns = {name: [getattr(r, name) for r in corpus.records] for name in _COLUMNS}
    metadata = {"has_groups": str(int(corpus.has_groups))}
    pq.write_table(pa.table(columns, schema=pa.schema([(name, pa.string()) for name in _COLUMNS], metadata)), path)


def read_corpus(path: Path, role: Role) -> Corpus:
    """Return the corpus in a file; the corpus gets the given role."""
    table = pq.read_table(path)
    records = tuple(Record(**row) for row in table.select(_COLUMNS).to_pylist())
    return Corpus(role=role, records=records, has_groups=table.schema.metadata[b"has_groups"] == b"1")


def write_latents(folder: Path, latents: Latents) -> None:
    """Write latents (new vectors to be decoded) into a folder.

    The file vectors.npy has the vectors. The file parents.parquet has the other fields; its column `told` has the
    prompt words.
    """
    np.save(folder / "vectors.npy", latents.vectors, allow_pickle=False)
    columns = {
        "id": pa.array(latents.ids, pa.string()),
        "label": pa.array(latents.labels, pa.string()),
        "parents": pa.array(latents.parent_ids, _STRINGS),
        "weights": pa.array(latents.weights, pa.list_(pa.float64())),
    }
    if latents.prompt_words:
        columns["told"] = pa.array(latents.prompt_words, _STRINGS)
    meta = {"method": latents.method, "seed_path": latents.seed_path}
    pq.write_table(pa.table(columns, metadata=meta), folder / "parents.parquet")


def read_latents(folder: Path) -> Latents:
    """Return the latents that `write_latents` wrote into a folder."""
    table = pq.read_table(folder / "parents.parquet")
    meta, columns = table.schema.metadata, table.to_pydict()
    return Latents(
        vectors=np.load(folder / "vectors.npy", allow_pickle=False),
        ids=tuple(columns["id"]),
        labels=tuple(columns["label"]),
        parent_ids=tuple(map(tuple, columns["parents"])),
        weights=tuple(map(tuple, columns["weights"])),
        method=meta[b"method"].decode(),
        seed_path=meta[b"seed_path"].decode(),
        prompt_words=tuple(map(tuple, columns.get("told", ()))),
    )


def write_segments(folder: Path, segments: Segments) -> None:
    """Write segments.npy, and segments.parquet with the record, heading and section of each segment."""
    np.save(folder / "segments.npy", segments.vectors, allow_pickle=False)
    columns = {
        "record": pa.array(segments.record_ids, pa.string()),
        "heading": pa.array(segments.headings, pa.string()),
        "section": pa.array(segments.sections, pa.int32()),
    }
    pq.write_table(pa.table(columns), folder / "segments.parquet")


def read_segments(folder: Path) -> Segments:
    """Return the segments that `write_segments` wrote into a folder."""
    columns = pq.read_table(folder / "segments.parquet").to_pydict()
    return Segments(
        vectors=np.load(folder / "segments.npy", allow_pickle=False),
        record_ids=tuple(columns["record"]),
        headings=tuple(columns["heading"]),
        sections=tuple(columns["section"]),
    )


def write_candidates(path: Path, candidates: tuple[Candidate, ...]) -> None:
    """Write candidates (decoded texts); the outcomes of the filters are stored as JSON in the column `outcomes`."""
    kinds = {"latent_id": pa.string(), "index": pa.int32(), "text": pa.string(), "label": pa.string()}
    kinds |= {"finish": pa.string(), "surprisal": pa.float64()}
    columns = {name: pa.array([getattr(c, name) for c in candidates], kind) for name, kind in kinds.items()}
    outcomes = [json.dumps([(o.name, o.passed, o.score, o.reason) for o in c.outcomes]) for c in candidates]
    pq.write_table(pa.table({**columns, "outcomes": pa.array(outcomes, pa.string())}), path)


def read_candidates(path: Path) -> tuple[Candidate, ...]:
    """Return the candidates that `write_candidates` wrote into a file."""
    rows = pq.read_table(path).to_pylist()
    parsed = [json.loads(row.pop("outcomes")) for row in rows]
    outcomes = [tuple(FilterOutcome(name=n, passed=p, score=s, reason=r) for n, p, s, r in found) for found in parsed]
    return tuple(Candidate(**row, outcomes=of) for row, of in zip(rows, outcomes, strict=True))
