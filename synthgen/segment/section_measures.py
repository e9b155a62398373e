"""Measure the number of words and sections of records, and the similarity of consecutive segments.

A section is the part of a record below one heading, or before the first heading. A segment is a section, or a part of
a long section.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from synthgen.core.types import Segments
from synthgen.segment.split import Splitter


def section_measures(texts: Sequence[str], segments: Segments, splitter: Splitter) -> Mapping[str, float]:
    """Return measures of the sections of records, to compare synthetic with real records.

        words        = mean number of words of a record
        sections     = mean number of sections of a record
        next_cosine  = mean cosine similarity of a segment s and the next segment t of the same record
        other_cosine = mean cosine similarity of s and those segments of other records that have the heading of t

    A measure without data is omitted. The segments are in the order of `texts`.

    Privacy: for real records, the values are aggregates of the training data.
    """
    values: dict[str, Sequence[float]] = {
        "words": [len(text.split()) for text in texts],
        "sections": [splitter.split(text)[-1].section + 1 for text in texts],
        **_cosines(segments),
    }
    return {name: float(np.mean(numbers)) for name, numbers in values.items() if numbers}


def _cosines(segments: Segments) -> dict[str, list[float]]:
    wide = segments.vectors.astype(np.float64)
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, heading in enumerate(segments.headings):
        rows_of[heading].append(row)
    following, others = [], []
    for row in range(len(segments) - 1):
        if segments.record_ids[row] == segments.record_ids[row + 1]:
            following.append(float(unit[row] @ unit[row + 1]))
            ids = segments.record_ids
            other = [r for r in rows_of[segments.headings[row + 1]] if ids[r] != ids[row]]
            others += (unit[other] @ unit[row]).tolist()
    return {"next_cosine": following, "other_cosine": others}
