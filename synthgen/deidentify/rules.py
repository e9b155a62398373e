"""The built-in engine: patterns, dates and names, in time linear in the text."""

from collections.abc import Sequence

from synthgen.deidentify.dates import find_dates
from synthgen.deidentify.names import find_names
from synthgen.deidentify.patterns import find_patterns
from synthgen.deidentify.reading import read
from synthgen.deidentify.spans import Span, without_overlaps


class RuleEngine:
    """Finds identifiers by rules alone: no model, no network."""

    def find(self, text: str, declared_names: Sequence[str]) -> list[Span]:
        """Return the identifiers in the order of the text, none overlapping another."""
        reading = read(text)
        dates = [Span(start, end, "date") for start, end in find_dates(reading.text)]
        names = find_names(reading.text, [read(name).text for name in declared_names])
        found = [reading.written(span) for span in (*find_patterns(reading.text), *dates, *names)]
        return without_overlaps(found, len(text))
