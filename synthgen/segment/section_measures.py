"""Measure the number of words and sections of records, and the similarity of consecutive segments.

A section is the part of a record below one heading, or before the first heading. A segment is a section, or a part of
a long section.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from synthgen.core.types import Float64, Int64, Segments
from synthgen.segment.split import Splitter


def section_measures(texts: Sequence[str], segments: Segments, splitter: Splitter) -> Mapping[str, float]:
    """Return measures of the sections of records, to compare synthetic with real records.

        words        = mean number of words of a record
        sections     = mean number of sections of a record
        next_cosine  = mean cosine similarity of a segment s and the next segment t of the same record
        other_cosine = mean cosine similarity of s and those segments of other records that have the heading of t

    A measure without data is omitted. The segments are in the order of `texts`. Time and memory grow linearly with
    the number of segments.

    Privacy: for real records, the values are aggregates of the training data.
    """
    words = [len(text.split()) for text in texts]
    sections = [splitter.split(text)[-1].section + 1 for text in texts]
    counts = {"words": float(np.mean(words)), "sections": float(np.mean(sections))} if texts else {}
    return {**counts, **_cosines(segments)}


def _cosines(segments: Segments) -> dict[str, float]:
    # The sum of the cosines of s and several segments is the product of s with the sum of their unit vectors.
    wide = segments.vectors.astype(np.float64)
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    record, heading = (np.unique(names, return_inverse=True)[1] for names in (segments.record_ids, segments.headings))
    # number of the pair of record and heading of each segment
    pair = np.unique(record * len(segments) + heading, return_inverse=True)[1]
    first = np.flatnonzero(record[:-1] == record[1:])
    following = np.einsum("ij,ij->i", unit[first], unit[first + 1])
    (of_heading, n_heading), (of_pair, n_pair) = (_sums(unit, group) for group in (heading, pair))
    others = of_heading[heading[first + 1]] - of_pair[pair[first + 1]]
    n_others = int((n_heading[heading[first + 1]] - n_pair[pair[first + 1]]).sum())
    cosines = {"next_cosine": float(following.mean())} if len(first) else {}
    return cosines | ({"other_cosine": float((others * unit[first]).sum() / n_others)} if n_others else {})


def _sums(vectors: Float64, group: Int64) -> tuple[Float64, Int64]:
    """Return the sum of the vectors of each group, and the number of vectors; groups are numbered from 0."""
    order = np.argsort(group, kind="stable")
    n = np.bincount(group)
    return np.add.reduceat(vectors[order], np.cumsum(n) - n, axis=0), n
