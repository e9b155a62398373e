"""Measure whether the sections of a record describe one person and follow a usual order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, groupby

import numpy as np

from synthgen.attributes import extract
from synthgen.attributes.person import years_of
from synthgen.core.types import Segments
from synthgen.segment.split import Splitter


def contradicts(sections: Sequence[str]) -> bool | None:
    """Return whether two sections of a record state different ages or sexes.

    Ages are compared as ranges of years, so "63" and "in her sixties" agree. `synthgen.attributes.extract` reads each
    section separately. The result is None unless two sections state an age, or two sections state
    a sex.
    """
    claims: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for i, section in enumerate(sections):
        for finding in extract(section):
            if finding.attribute in {"age", "sex"}:
                claims[finding.attribute].append((i, finding.value))
    pairs = [(name, a, b) for name, found in claims.items() for (i, a), (j, b) in combinations(found, 2) if i != j]
    return any(_differ(name, a, b) for name, a, b in pairs) if pairs else None


def coherence(texts: Sequence[str], segments: Segments, splitter: Splitter) -> Mapping[str, float]:
    """Return coherence measures of n records; compare them with those of real records.

        words        = mean words of a record
        sections     = mean sections of a record
        one_person   = share of records without contradiction, among those that state an age or sex in two sections
        next_cosine  = mean cosine of a segment and the next segment of its record
        other_cosine = as next_cosine, but with the segments of other records that have the next segment's heading

    A measure without data is omitted. The owners of `segments` are in the order of the texts.

    Privacy: for real records, the values are aggregates of the training data.
    """
    sections = [_sections(splitter, text) for text in texts]
    verdicts = [contradicts(of_text) for of_text in sections]
    values: dict[str, Sequence[float]] = {
        "words": [len(text.split()) for text in texts],
        "sections": [len(of_text) for of_text in sections],
        "one_person": [not verdict for verdict in verdicts if verdict is not None],
        **_cosines(segments),
    }
    return {name: float(np.mean(found)) for name, found in values.items() if found}


def _sections(splitter: Splitter, text: str) -> list[str]:
    found = splitter.split(text)
    return [" ".join(part.text for part in group) for _, group in groupby(found, key=lambda part: part.section)]


def _cosines(segments: Segments) -> dict[str, list[float]]:
    wide = segments.vectors.astype(np.float64)
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, heading in enumerate(segments.headings):
        rows_of[heading].append(row)
    own, others = [], []
    for row in range(len(segments) - 1):
        if segments.owners[row] == segments.owners[row + 1]:
            own.append(float(unit[row] @ unit[row + 1]))
            apart = [r for r in rows_of[segments.headings[row + 1]] if segments.owners[r] != segments.owners[row]]
            others += (unit[apart] @ unit[row]).tolist()
    return {"next_cosine": own, "other_cosine": others}


def _differ(name: str, a: str, b: str) -> bool:
    if name == "sex":
        return a != b
    (low_a, high_a), (low_b, high_b) = years_of(a), years_of(b)
    return max(low_a, low_b) > min(high_a, high_b)
