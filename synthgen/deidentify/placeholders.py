"""What looks like an identifier in a text that nobody wrote, replaced by the name of its field."""

from synthgen.deidentify.dates import find_dates
from synthgen.deidentify.names import find_names
from synthgen.deidentify.patterns import find_patterns
from synthgen.deidentify.spans import Span, without_overlaps

# an age over ninety is one of few people only where the person is real, and without dates a note reads like none
_KEPT = {"age", "date"}


def with_placeholders(text: str) -> str:
    """Return a text with names, numbers, addresses and links replaced, as "Mr [NAME], MRN [RECORD NUMBER]".

    A language model invents these anew, and a reader cannot tell an invented one from a real one: a name that it
    makes up may well be the name of one patient.

    Privacy: whatever of a person's record a generated text would repeat of this kind is taken out as well.
    """
    names = [span for span in find_names(text, ()) if text[span.start - 1 : span.start] != "["]
    found = [*find_patterns(text), *(Span(*at, "date") for at in find_dates(text)), *names]
    for span in reversed(without_overlaps(found, len(text))):
        if span.kind in _KEPT:
            continue
        text = f"{text[: span.start]}[{span.kind.replace('_', ' ').upper()}]{text[span.end :]}"
    return text
