"""Where an identifier stands, what every engine does, and which of two overlapping finds counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

# where two finds overlap, the kind named first here wins; of one kind, the longer
KINDS = (
    "email",
    "url",
    "iban",
    "card",
    "ssn",
    "nhs_number",
    "ip",
    "date",
    "record_number",
    "phone",
    "street",
    "place",
    "postal_code",
    "age",
    "name",
    "other",
)


@dataclass(frozen=True, slots=True)
class Span:
    """One identifier: characters start to end (exclusive) of a text, and its kind, one of `KINDS`."""

    start: int
    end: int
    kind: str


class Engine(Protocol):
    """Finds the identifiers of a text."""

    def find(self, text: str, declared_names: Sequence[str]) -> list[Span]:
        """Return the identifiers in the order of the text, none overlapping another.

        Args:
            text: the text of a record.
            declared_names: names that columns of the source say belong to this record's person.
        """
        ...


def without_overlaps(spans: Iterable[Span], length: int) -> list[Span]:
    """Return the spans that count, in the order of the text; `length` is that of the text."""
    taken = bytearray(length)
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (KINDS.index(s.kind), s.start - s.end, s.start)):
        if span.start < span.end and not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)
