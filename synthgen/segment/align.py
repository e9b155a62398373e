"""Compute record vectors from segments, and interpolate the segments of new records."""

from collections.abc import Mapping, Sequence
from math import floor

import numpy as np

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Float64, Latents, Segments


def record_vectors(segments: Segments) -> tuple[tuple[str, ...], Float32]:
    """Return the record ids in order and their vectors, float32 (n, d).

        v = Σ_j s_j / ‖s_j‖,   scaled to unit length, over the record's segments s_j, which have equal weights

    Raises:
        ModelError: if a segment's vector, or the sum, has length zero.
    """
    wide = segments.vectors.astype(np.float64)
    unit = wide / _length(wide)
    starts = segments.starts()
    sums = np.add.reduceat(unit, starts, axis=0) if len(starts) else unit
    owners = tuple(segments.owners[start] for start in starts.tolist())
    return owners, (sums / _length(sums)).astype(np.float32)


def _length(x: Float64) -> Float64:
    length: Float64 = np.linalg.norm(x, axis=1, keepdims=True)
    if not bool((length > 0).all()):
        raise ModelError("the vector of a segment, or the sum over a record, has length zero")
    return length


Section = tuple[str, int]  # heading, and the number of earlier sections with that heading in the record
MIN_PARENTS = 2  # number of parents that must have a section for a new record to have it


def align(latents: Latents, parents: Segments, seeds: SeedTree) -> Segments:
    """Return the segments of new records in the order of the latents; each vector is a weighted mean, not normalized.

    One parent is drawn at random. The new record has the sections of this parent that at least one other parent also
    has, in this parent's order. A section of only one parent is dropped, because it would paraphrase that person. A
    record with a single parent has that parent's sections. The segments of one section (its windows) are aligned in
    order. With n_p windows of parent p, the new section has m = ⌊Σ_p w_p n_p / Σ_p w_p + ½⌋ windows. Window j is

        s_j = Σ_p w_p s_p,⌊j n_p / m⌋ / Σ_p w_p,   over the parents that have the section

    Parents of weight 0 are ignored. If the drawn parent shares no section with another, the whole records of all
    parents are aligned window by window, without headings.

    Privacy: reads training vectors and shared headings. With a weight near 1, a section is close to one person's.
    Randomness: one number from `seeds.child(latent id)`, the parent whose section order is used.
    Reference: SMOTE (Chawla et al., JAIR 16 (2002), section 4.2), applied to each segment.
    """
    sections = _sections(parents)
    made: list[tuple[str, str, int, Float32]] = []
    for name, ids, weights in zip(latents.ids, latents.parent_ids, latents.weights, strict=True):
        having = [(sections[id_], w) for id_, w in zip(ids, weights, strict=True) if w > 0]
        for number, (heading, windows) in enumerate(_record(having, parents.vectors, seeds.child(name))):
            made += [(name, heading, number, window) for window in windows]
    owners, headings, numbers, vectors = zip(*made, strict=True) if made else ((), (), (), ())
    stacked = np.array(vectors, dtype=np.float32).reshape(len(made), parents.vectors.shape[1])
    return Segments(vectors=stacked, owners=owners, headings=headings, sections=numbers)


def _record(
    having: Sequence[tuple[Mapping[Section, list[int]], float]], vectors: Float32, seeds: SeedTree
) -> list[tuple[str, list[Float32]]]:
    drawn = having[int(seeds.generator().integers(len(having)))][0]
    least = min(MIN_PARENTS, len(having))
    shared = [key for key in drawn if sum(key in own for own, _ in having) >= least]
    if not shared:
        all_rows = [([row for rows in own.values() for row in rows], w) for own, w in having]
        return [("", _windows(all_rows, vectors))]
    return [(key[0], _windows([(own[key], w) for own, w in having if key in own], vectors)) for key in shared]


def _windows(having: Sequence[tuple[list[int], float]], vectors: Float32) -> list[Float32]:
    total = sum(w for _, w in having)
    m = floor(sum(w * len(rows) for rows, w in having) / total + 0.5)
    made = []
    for j in range(m):
        points = [w / total * vectors[rows[j * len(rows) // m]].astype(np.float64) for rows, w in having]
        made.append(np.sum(points, axis=0).astype(np.float32))
    return made


def _sections(segments: Segments) -> dict[str, dict[Section, list[int]]]:
    """Return the rows of each section of each record, in order."""
    found: dict[str, dict[Section, list[int]]] = {}
    last: tuple[str, int] | None = None
    for row, (owner, heading, number) in enumerate(
        zip(segments.owners, segments.headings, segments.sections, strict=True)
    ):
        own = found.setdefault(owner, {})
        if (owner, number) != last:
            key = (heading, sum(other == heading for other, _ in own))
            own[key] = []
            last = (owner, number)
        own[key].append(row)
    return found
