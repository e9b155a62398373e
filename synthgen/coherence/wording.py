"""Contradictions of form: a sentence or phrase that is repeated, and a text that ends inside a sentence."""

import re
from collections.abc import Iterator

from synthgen.coherence.contradiction import Contradiction, Span, sentences

MIN_SENTENCE = 5  # smallest number of words of a sentence whose repetition counts
MIN_RUN = 8  # smallest number of consecutive words (a run) whose repetition counts
MAX_END = 200  # number of characters that are read at the end of a text
MAX_GREETING = 3  # largest number of words of a last line that counts as a greeting, such as "Kind regards,"
# A repetition counts only within this number of words, because long notes restate the problem in a later section.
MAX_DISTANCE = 60
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# words after which a sentence continues; if a text ends with such a word, it was cut
_OPEN = frozenset(
    """
    a an the of and or but with without to for from into onto at by as than which whose because while if when his
    their its my our your every very including such per during between
    """.split()  # noqa: SIM905 - a list of quoted words would be harder to read
)
_TWICE = re.compile(
    r"(?<![\w-])(?P<said>[^\W\d_]{4,}(?: [^\W\d_]{2,}){0,3})(?:,| and|, and|;) (?P=said)(?= of\b|\s*[.,;]|\s*$)",
    re.IGNORECASE,
)
_EMPHASIS = frozenset(
    "many more very really much again over never long longer less years further round".split()  # noqa: SIM905 - see above
)


def repeated(text: str) -> Iterator[Contradiction]:
    """Yield at most one repeated sentence, run of words, or phrase that follows itself ("bone, bone").

    A sentence or run must be repeated within `MAX_DISTANCE` words and in the same paragraph.
    """
    for match in _TWICE.finditer(text):
        if match["said"].casefold() not in _EMPHASIS:
            yield Contradiction("repeated", match.span())
            return
    for start, end in _paragraphs(text):
        repetition = _repeated_sentence(text, start, end) or _repeated_run(text, start, end)
        if repetition is not None:
            yield repetition
            return


def _paragraphs(text: str) -> Iterator[Span]:
    start = 0
    for match in re.finditer(r"\n\s*\n", text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _repeated_sentence(text: str, start: int, end: int) -> Contradiction | None:
    seen: dict[tuple[str, ...], tuple[Span, int]] = {}
    position = 0
    for span in sentences(text[start:end]):
        at = start + span[0], start + span[1]
        words = tuple(match[0].casefold() for match in _WORD.finditer(text, *at))
        if len(words) >= MIN_SENTENCE and words in seen and position - seen[words][1] <= MAX_DISTANCE:
            return Contradiction("repeated", at, seen[words][0])
        seen[words] = at, position
        position += len(words)
    return None


def _repeated_run(text: str, start: int, end: int) -> Contradiction | None:
    places = list(_WORD.finditer(text, start, end))
    folded = [match[0].casefold() for match in places]
    last: dict[tuple[str, ...], int] = {}
    for i in range(len(folded) - MIN_RUN + 1):
        run = tuple(folded[i : i + MIN_RUN])
        if run in last and MIN_RUN <= i - last[run] <= MAX_DISTANCE:
            at, against = ((places[k].start(), places[k + MIN_RUN - 1].end()) for k in (i, last[run]))
            return Contradiction("repeated", at, against)
        if run not in last or i - last[run] > MAX_DISTANCE:
            last[run] = i
    return None


def cut(text: str) -> Iterator[Contradiction]:
    """Yield the last word of a text that stops inside a sentence.

    Such a text ends with a comma, a hyphen, an opening bracket, a slash, or a word of `_OPEN` such as "the". A short
    last line that ends with a comma does not count, because it is a greeting ("Kind regards,").
    """
    end = text.rstrip()
    words = list(_WORD.finditer(end, max(0, len(end) - MAX_END)))
    if not words:
        return
    last, last_line = words[-1], end.rpartition("\n")[2]
    is_greeting = end[-1] == "," and "\n" in end and len(last_line.split()) <= MAX_GREETING
    is_open = last.end() == len(end) and last[0].casefold() in _OPEN and not last[0].isupper()
    if is_open or (end[-1] in ",-(/" and not is_greeting):
        yield Contradiction("cut", last.span())
