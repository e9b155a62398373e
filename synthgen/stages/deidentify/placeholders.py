"""What looks like an identifier in a text that nobody wrote, replaced by the name of its field."""

from synthgen.stages.deidentify.patterns import find_patterns
from synthgen.stages.deidentify.spans import without_overlaps

# a language model invents these anew, and a reader cannot tell an invented number from a real one; an age over
# ninety is one of few people only where the person is real
_KEPT = {"age"}


def with_placeholders(text: str) -> str:
    """Return a text with numbers, addresses and links that identify somebody replaced, as "MRN [RECORD NUMBER]".

    Names and dates stay: of names a release has surrogates, and a text without either reads like no note.

    Privacy: whatever of a person's record a generated text would repeat of this kind is taken out as well.
    """
    found = [span for span in find_patterns(text) if span.kind not in _KEPT]
    for span in reversed(without_overlaps(found, len(text))):
        text = f"{text[: span.start]}[{span.kind.replace('_', ' ').upper()}]{text[span.end :]}"
    return text
