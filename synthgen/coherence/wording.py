"""Find repeated sentences and phrases, and texts that end inside a sentence; both are reported as contradictions."""

import re
from collections.abc import Iterator

from synthgen.coherence.contradiction import Contradiction, Span, parts, sentences
from synthgen.core.sentences import EMPTY_ITEM

MIN_SENTENCE = 5  # smallest number of words of a sentence whose repetition is reported
MIN_RUN = 8  # number of consecutive words (a run) whose repetition is reported
MAX_END = 200  # number of characters at the end of a text that `cut` reads
MAX_GREETING = 3  # largest number of words of a last line that counts as a greeting, such as "Kind regards,"
MAX_DISTANCE = 60  # largest number of words from a passage to its repetition; longer distances are usual in notes
_PARAGRAPH = re.compile(r"\n\s*\n")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# words after which a sentence continues, so a text that ends with such a word was cut
_UNFINISHED = re.compile(
    r"(?i)a|an|the|of|and|or|but|with|without|to|for|from|into|onto|at|by|as|than|which|whose|because|while|if|when|his"
    r"|their|its|my|our|your|every|very|including|such|per|during|between"
)
_REPEATED_PHRASE = re.compile(
    r"(?i)(?<![\w-])(?P<said>[^\W\d_]{4,}(?: [^\W\d_]{2,}){0,3})(?:,| and|, and|;) (?P=said)(?= of\b|\s*[.,;]|\s*$)"
)
# words that directly follow themselves, as in "history of history of"
_STUTTER = re.compile(r"(?i)(?<![\w-])(?P<said>[^\W\d_]{2,}(?: [^\W\d_]{2,}){0,2}) (?P=said)(?![\w-])")
_CAN_STUTTER = re.compile(r"(?i)had|that|her|no|so")  # words that can follow themselves without an error
# words that are repeated for emphasis, as in "many, many"
_EMPHASIS = re.compile(r"(?i)many|more|very|really|much|again|over|never|long(?:er)?|less|years|further|round")


def repeated(text: str) -> Iterator[Contradiction]:
    """Yield at most one repeated phrase ("bone, bone", "history of history of"), sentence, or run of words.

    A sentence or run counts only if it is repeated in the same paragraph and within `MAX_DISTANCE` words.
    """
    for match in (*_REPEATED_PHRASE.finditer(text), *_STUTTER.finditer(text)):
        if not (_EMPHASIS.fullmatch(match["said"]) or _CAN_STUTTER.fullmatch(match["said"])):
            yield Contradiction("repeated", match.span())
            return
    for paragraph in parts(text, _PARAGRAPH):
        if found := _repeated_sentence(text, *paragraph) or _repeated_run(text, *paragraph):
            yield found
            return


def _repeated_sentence(text: str, start: int, end: int) -> Contradiction | None:
    # words of a sentence -> span of its last occurrence, and number of words of the paragraph before that occurrence
    seen: dict[tuple[str, ...], tuple[Span, int]] = {}
    position = 0  # number of words before the current sentence
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
    # run -> index of its first word; replaced if the run occurs again more than `MAX_DISTANCE` words later
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
    """Yield the last word of a text that stops inside a sentence or list.

    Such a text ends with a mark such as a comma, hyphen or opening bracket, with an empty list item, or with a word
    such as "the". A short last line with a comma at its end is a greeting ("Kind regards,"), so the text is complete.
    """
    stripped = text.rstrip()
    words = list(_WORD.finditer(stripped, max(0, len(stripped) - MAX_END)))
    if not words:
        return
    last, last_line = words[-1], stripped.rpartition("\n")[2]
    is_greeting = stripped[-1] == "," and "\n" in stripped and len(last_line.split()) <= MAX_GREETING
    is_open = last.end() == len(stripped) and _UNFINISHED.fullmatch(last[0]) and not last[0].isupper()
    if is_open or EMPTY_ITEM.search(stripped) or (stripped[-1] in ",:-(/" and not is_greeting):
        yield Contradiction("cut", last.span())
