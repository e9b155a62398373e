"""What looks like an identifier in a text that nobody wrote, replaced by the name of its field."""

from synthgen.stages.deidentify.dates import find_dates
from synthgen.stages.deidentify.patterns import find_patterns
from synthgen.stages.deidentify.spans import Span, without_overlaps

# an age over ninety is one of few people only where the person is real, and without dates a note reads like none
_KEPT = {"age", "date"}


def with_placeholders(text: str) -> str:
    """Return a text with numbers, addresses and links that identify somebody replaced, as "MRN [RECORD NUMBER]".

    A language model invents these anew, and a reader cannot tell an invented number from a real one. Names stay: of
    them a release has surrogates.

    Privacy: whatever of a person's record a generated text would repeat of this kind is taken out as well.
    """
    found = [*find_patterns(text), *(Span(*at, "date") for at in find_dates(text))]
    for span in reversed(without_overlaps(found, len(text))):
        if span.kind in _KEPT:
            continue
        text = f"{text[: span.start]}[{span.kind.replace('_', ' ').upper()}]{text[span.end :]}"
    return text
