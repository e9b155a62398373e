"""Which attribute of a blend came from which of its two parents: the table of the SMOTExT paper's clinical case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from synthgen.attributes.lexicon import AttributeFinding
from synthgen.attributes.person import years_of

Origin = Literal["A", "B", "both", "between", "new"]
ROWS = {
    "age": ("age", "age_band"),
    "sex": ("sex",),
    "chronic conditions": ("condition",),
    "symptoms": ("symptom",),
    "medications": ("medication",),
    "lifestyle": ("smoking", "alcohol", "drugs", "exercise", "living", "occupation"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One line of the table.

    Args:
        attribute: its name, a key of `ROWS`.
        a: what the first parent says, in its order.
        b: what the second says.
        blend: what the blend says, and where it is from.
    """

    attribute: str
    a: tuple[str, ...]
    b: tuple[str, ...]
    blend: tuple[tuple[str, Origin], ...]


def compare(
    a: Sequence[AttributeFinding], b: Sequence[AttributeFinding], blend: Sequence[AttributeFinding]
) -> tuple[ComparisonRow, ...]:
    """Return the table: for each attribute the values of both parents, and those of the blend with their origin.

    A value of the blend is of "A" or "B" if that parent states the same, of "both" if both do, else "new"; an age
    that neither states is "between" where it lies strictly between the first ages the two state. A denied value is
    another value than the same one affirmed. The same words in parent and blend are no proof of descent: what
    is common needs no parent.
    """
    rows = []
    for name in ROWS:
        of_a, of_b, of_blend = (_values(findings, name) for findings in (a, b, blend))
        between = _between(a, b)
        origins = tuple((value, _origin(value, of_a, of_b, between if name == "age" else ())) for value in of_blend)
        rows.append(ComparisonRow(attribute=name, a=of_a, b=of_b, blend=origins))
    return tuple(rows)


def _values(findings: Sequence[AttributeFinding], name: str) -> tuple[str, ...]:
    """Return the different values as the table shows them, in the order of the text."""
    shown = {
        ("no " if f.negated else "") + (f"{f.attribute}: {f.value}" if name == "lifestyle" else f.value): None
        for f in findings
        if f.attribute in ROWS[name]
    }
    return tuple(shown)


def _origin(value: str, a: Sequence[str], b: Sequence[str], between: Sequence[str]) -> Origin:
    if value in a:
        return "both" if value in b else "A"
    if value in b:
        return "B"
    return "between" if value in between else "new"


def _between(a: Sequence[AttributeFinding], b: Sequence[AttributeFinding]) -> tuple[str, ...]:
    """Return the whole years strictly between the first ages of two texts."""
    first = [next((years_of(f.value)[0] for f in side if f.attribute == "age"), None) for side in (a, b)]
    if first[0] is None or first[1] is None:
        return ()
    return tuple(str(years) for years in range(min(first[0], first[1]) + 1, max(first[0], first[1])))
