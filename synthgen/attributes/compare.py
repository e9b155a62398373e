"""Compare the attributes of a person (age, symptoms, ...) in a synthetic text with the attributes in two records.

The vector of the synthetic text was interpolated between the vectors of the two records (the parents), as in the
published method SMOTExT.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from synthgen.attributes.lexicon import AttributeFinding
from synthgen.attributes.person import years_of

Findings = Sequence[AttributeFinding]
Origin = Literal["A", "B", "both", "between", "new"]
ROWS = {  # for each row of the comparison, the attributes of `AttributeFinding` that the row contains
    "age": ("age", "age_band"),
    "sex": ("sex",),
    "chronic conditions": ("condition",),
    "symptoms": ("symptom",),
    "medications": ("medication",),
    "lifestyle": ("smoking", "alcohol", "drugs", "exercise", "living", "occupation"),
}


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One row of the comparison. Values are in the order in which they occur in their text."""

    attribute: str  # a key of `ROWS`
    a: tuple[str, ...]  # the values in the text of the first parent (A)
    b: tuple[str, ...]  # the values in the text of the second parent (B)
    blend: tuple[tuple[str, Origin], ...]  # the values in the synthetic text, each with its origin


def compare(a: Findings, b: Findings, blend: Findings) -> tuple[ComparisonRow, ...]:
    """Return one row for each key of `ROWS`, with the origin of each value in the synthetic text.

    `a` and `b` are the findings in the texts of the parents A and B; `blend` are the findings in the synthetic text.

    A value that both parents state has the origin "both". A value that only one parent states has the origin "A" or
    "B", which does not prove that the value came from this parent. An age strictly between the first ages of A and B
    has the origin "between". All other values are "new". A negated value ("no cough") differs from the value itself.
    """
    rows, between = [], _ages_between(a, b)
    for name in ROWS:
        of_a, of_b, of_blend = (_values(findings, name) for findings in (a, b, blend))
        origins = tuple((value, _origin(value, of_a, of_b, between if name == "age" else ())) for value in of_blend)
        rows.append(ComparisonRow(name, of_a, of_b, origins))
    return tuple(rows)


def _values(findings: Findings, name: str) -> tuple[str, ...]:
    shown = (
        ("no " if f.negated else "") + (f"{f.attribute}: {f.value}" if name == "lifestyle" else f.value)
        for f in findings
        if f.attribute in ROWS[name]
    )
    return tuple(dict.fromkeys(shown))


def _origin(value: str, a: Sequence[str], b: Sequence[str], between: Sequence[str]) -> Origin:
    if value in a:
        return "both" if value in b else "A"
    if value in b:
        return "B"
    return "between" if value in between else "new"


def _ages_between(a: Findings, b: Findings) -> tuple[str, ...]:
    """Return the years strictly between the first ages in two texts, as strings; none if a text states no age."""
    first = [[years_of(f.value)[0] for f in findings if f.attribute == "age"][:1] for findings in (a, b)]
    ages = sorted(first[0] + first[1])
    return tuple(map(str, range(ages[0] + 1, ages[1]))) if len(ages) == 2 else ()
