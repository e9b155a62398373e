"""Compute the vector of a record from the record's segment vectors, and the segment vectors of new records.

The segment vectors of a new record are weighted means of the segment vectors of its parents, which are train records.
"""

from collections.abc import Mapping, Sequence
from math import floor

import numpy as np

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Float64, Latents, Segments


def record_vectors(segments: Segments) -> tuple[tuple[str, ...], Float32]:
    """Return (ids, vectors) of the n records; the vectors are float32 (n, d).

    The vector of a record with the segment vectors s_1, s_2, … is Σ_j s_j / ‖s_j‖, scaled to unit length. Raise
    ModelError if a segment vector, or the sum over the segments of a record, has length zero.
    """
    wide = segments.vectors.astype(np.float64)
    unit = wide / _length(wide, "the vector of a segment")
    starts = segments.starts()
    sums = np.add.reduceat(unit, starts, axis=0) if len(starts) else unit
    record_ids = tuple(segments.record_ids[start] for start in starts.tolist())
    return record_ids, (sums / _length(sums, "the sum of the segment vectors of a record")).astype(np.float32)


def _length(x: Float64, what: str) -> Float64:
    length: Float64 = np.linalg.norm(x, axis=1, keepdims=True)
    if not bool((length > 0).all()):
        hint = "Use another encoder (embed.model), or remove the section `segments`."
        raise ModelError(f"{what} has length zero", hint=hint)
    return length


Section = tuple[str, int]  # (heading, number of earlier sections of the record with the same heading)
# A new record gets a section only if at least MIN_PARENTS of its parents (or its only parent) have the section, and
# if these parents are at least MIN_EFFECTIVE effective parents (or at least as many as all its parents are); see
# `_effective`.
MIN_PARENTS, MIN_EFFECTIVE = 2, 1.5


def align(latents: Latents, parents: Segments, seeds: SeedTree) -> Segments:
    """Return the segments of new records, in the order of the latents; the vectors are not normalized.

    Each latent (an interpolated vector, with its parents and weights) becomes one new record; `parents` has the
    segments of the train records. For each new record, one of its parents is drawn at random. The record gets the
    sections that the drawn parent shares with another parent, in the order of the drawn parent. A shared section is
    dropped if it has fewer effective parents (see `_effective`) than MIN_EFFECTIVE and fewer than the whole record,
    because the new text would paraphrase one parent. A record with a single parent gets all sections of that parent.
    Parents of weight 0 are ignored.

    The segments of a section are called windows. In a section, parent p with the weight w_p has n_p windows with the
    vectors s_p,0 to s_p,n_p−1. The new section has m windows, and the vector of window j is s_j:

        m = ⌊Σ_p w_p n_p / Σ_p w_p + ½⌋,   s_j = Σ_p w_p s_p,⌊j n_p / m⌋ / Σ_p w_p

    The sums are over the parents that have the section.

    If no section remains, the new record has one section without a heading. The formula then combines all windows of
    each parent.

    Privacy: reads training vectors and shared headings. If a parent has a weight near 1, the new vectors are close
        to the vectors of this parent.
    Randomness: one number from `seeds.child(latent id)` draws the parent.
    Reference: SMOTE (Chawla et al., JAIR 16 (2002), section 4.2), applied to segments.
    """
    sections = _sections(parents)
    segments: list[tuple[str, str, int, Float32]] = []
    for name, ids, weights in zip(latents.ids, latents.parent_ids, latents.weights, strict=True):
        weighted_parents = [(sections[id_], w) for id_, w in zip(ids, weights, strict=True) if w > 0]
        for number, (heading, windows) in enumerate(_record(weighted_parents, parents.vectors, seeds.child(name))):
            segments += [(name, heading, number, window) for window in windows]
    record_ids, headings, numbers, vectors = zip(*segments, strict=True) if segments else ((), (), (), ())
    stacked = np.array(vectors, dtype=np.float32).reshape(len(segments), parents.vectors.shape[1])
    return Segments(vectors=stacked, record_ids=record_ids, headings=headings, sections=numbers)


def _record(
    weighted_parents: Sequence[tuple[Mapping[Section, list[int]], float]], vectors: Float32, seeds: SeedTree
) -> list[tuple[str, list[Float32]]]:
    # Returns (heading, vectors of the windows) for each section of one new record. Each weighted parent is
    # (section -> row numbers of the section's windows in `vectors`, weight of the parent).
    drawn = weighted_parents[int(seeds.generator().integers(len(weighted_parents)))][0]
    n_required = min(MIN_PARENTS, len(weighted_parents))
    least = min(MIN_EFFECTIVE, _effective([w for _, w in weighted_parents]))
    shared = []
    for key in drawn:
        weights = [w for parent, w in weighted_parents if key in parent]
        if len(weights) >= n_required and _effective(weights) >= least:
            shared.append(key)
    if not shared:
        all_rows = [([row for rows in parent.values() for row in rows], w) for parent, w in weighted_parents]
        return [("", _windows(all_rows, vectors))]
    rows = {key: [(parent[key], w) for parent, w in weighted_parents if key in parent] for key in shared}
    return [(heading, _windows(found, vectors)) for (heading, _), found in rows.items()]


def _effective(weights: Sequence[float]) -> float:
    """Return the number of effective parents with these weights: (sum of w)² / (sum of w²)."""
    return sum(weights) ** 2 / sum(w**2 for w in weights)


def _windows(weighted_rows: Sequence[tuple[list[int], float]], vectors: Float32) -> list[Float32]:
    # Returns the vectors of the windows of one section by the formula in `align`. Each item of `weighted_rows` is
    # (row numbers of the section's windows of a parent, weight of the parent).
    total = sum(w for _, w in weighted_rows)
    m = floor(sum(w * len(rows) for rows, w in weighted_rows) / total + 0.5)
    windows = []
    for j in range(m):
        points = [w / total * vectors[rows[j * len(rows) // m]].astype(np.float64) for rows, w in weighted_rows]
        windows.append(np.sum(points, axis=0).astype(np.float32))
    return windows


def _sections(segments: Segments) -> dict[str, dict[Section, list[int]]]:
    # returns record id -> section -> row numbers of the section's windows in `segments`
    by_record: dict[str, dict[Section, list[int]]] = {}
    last: tuple[str, int] | None = None
    keys = zip(segments.record_ids, segments.headings, segments.sections, strict=True)
    for row, (record_id, heading, number) in enumerate(keys):
        sections = by_record.setdefault(record_id, {})
        if (record_id, number) != last:
            key = (heading, sum(other == heading for other, _ in sections))
            sections[key] = []
            last = (record_id, number)
        sections[key].append(row)
    return by_record
