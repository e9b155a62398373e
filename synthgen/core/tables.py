"""The stages' values as parquet files of the workspace, and back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.core.types import Candidate, Corpus, FilterOutcome, Latents, Record, Role, Segments


def write_corpus(path: Path, corpus: Corpus) -> None:
    """Write a corpus as id, text, label, group."""
    columns = {name: [getattr(r, name) for r in corpus.records] for name in ("id", "text", "label", "group")}
    schema = pa.schema(
        [(name, pa.string()) for name in columns], metadata={"has_groups": str(int(corpus.has_groups))}
    )
    pq.write_table(pa.table(columns, schema=schema), path)


def read_corpus(path: Path, role: Role) -> Corpus:
    """Return the corpus of a file under the given role."""
    table = pq.read_table(path)
    rows = zip(*(table[name].to_pylist() for name in ("id", "text", "label", "group")), strict=True)
    records = tuple(Record(id=i, text=t, label=label, group=g) for i, t, label, g in rows)
    return Corpus(role=role, records=records, has_groups=table.schema.metadata[b"has_groups"] == b"1")


def write_latents(folder: Path, latents: Latents) -> None:
    """Write latents: vectors.npy, and parents.parquet with ids, labels, parents and weights."""
    np.save(folder / "vectors.npy", latents.vectors, allow_pickle=False)
    table = pa.table(
        {
            "id": pa.array(latents.ids, pa.string()),
            "label": pa.array(latents.labels, pa.string()),
            "parents": pa.array(latents.parent_ids, pa.list_(pa.string())),
            "weights": pa.array(latents.weights, pa.list_(pa.float64())),
            **({"told": pa.array(latents.told, pa.list_(pa.string()))} if latents.told else {}),
        }
    )
    meta = {"method": latents.method, "seed_path": latents.seed_path}
    pq.write_table(table.replace_schema_metadata(meta), folder / "parents.parquet")


def read_latents(folder: Path) -> Latents:
    """Return the latents of a folder."""
    table = pq.read_table(folder / "parents.parquet")
    meta = table.schema.metadata
    return Latents(
        vectors=np.load(folder / "vectors.npy", allow_pickle=False),
        ids=tuple(table["id"].to_pylist()),
        labels=tuple(table["label"].to_pylist()),
        parent_ids=tuple(map(tuple, table["parents"].to_pylist())),
        weights=tuple(map(tuple, table["weights"].to_pylist())),
        method=meta[b"method"].decode(),
        seed_path=meta[b"seed_path"].decode(),
        told=tuple(map(tuple, table["told"].to_pylist())) if "told" in table.column_names else (),
    )


def write_segments(folder: Path, segments: Segments) -> None:
    """Write segments: segments.npy, and segments.parquet with the record, heading and section of each."""
    np.save(folder / "segments.npy", segments.vectors, allow_pickle=False)
    table = pa.table(
        {
            "record": pa.array(segments.owners, pa.string()),
            "heading": pa.array(segments.headings, pa.string()),
            "section": pa.array(segments.sections, pa.int32()),
        }
    )
    pq.write_table(table, folder / "segments.parquet")


def read_segments(folder: Path) -> Segments:
    """Return the segments of a folder."""
    table = pq.read_table(folder / "segments.parquet")
    return Segments(
        vectors=np.load(folder / "segments.npy", allow_pickle=False),
        owners=tuple(table["record"].to_pylist()),
        headings=tuple(table["heading"].to_pylist()),
        sections=tuple(table["section"].to_pylist()),
    )


def write_candidates(path: Path, candidates: tuple[Candidate, ...]) -> None:
    """Write candidates, with what each filter said of them as JSON."""
    columns: dict[str, Any] = {
        "latent_id": pa.array([c.latent_id for c in candidates], pa.string()),
        "index": pa.array([c.index for c in candidates], pa.int32()),
        "text": pa.array([c.text for c in candidates], pa.string()),
        "label": pa.array([c.label for c in candidates], pa.string()),
        "finish": pa.array([c.finish for c in candidates], pa.string()),
        "outcomes": pa.array(
            [json.dumps([[o.name, o.passed, o.score, o.reason] for o in c.outcomes]) for c in candidates], pa.string()
        ),
    }
    pq.write_table(pa.table(columns), path)


def read_candidates(path: Path) -> tuple[Candidate, ...]:
    """Return the candidates of a file."""
    return tuple(
        Candidate(
            latent_id=row["latent_id"],
            index=row["index"],
            text=row["text"],
            label=row["label"],
            finish=row["finish"],
            outcomes=tuple(
                FilterOutcome(name=n, passed=p, score=s, reason=r) for n, p, s, r in json.loads(row["outcomes"])
            ),
        )
        for row in pq.read_table(path).to_pylist()
    )
