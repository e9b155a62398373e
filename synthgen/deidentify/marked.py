"""Read texts with marked identifiers, to measure how many of the identifiers a de-identification engine finds."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audits.core.files import MAX_TABLE_BYTES, read_regular
from synthgen.core.errors import UsageError

_MARK = re.compile(r"\{([A-Z]+):([^{}]*)\}")  # {CATEGORY:identifier}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A text and the positions of the identifiers in the text."""

    text: str
    spans: tuple[tuple[int, int, str], ...]  # (start, end, category) of each identifier; the end is exclusive
    person: str
    names: tuple[str, ...] = ()  # declared names of the person

    def __repr__(self) -> str:
        return f"Marked({len(self.text)} characters, {len(self.spans)} identifiers)"


def read_marks(marked: str, person: str, names: tuple[str, ...] = ()) -> Marked:
    """Return the text without marks, and the span of each identifier: "Mr {NAME:Lee}" -> "Mr Lee", (3, 6, "NAME").

    A category consists of the letters A to Z. Anything else in braces stays in the text.
    """
    parts, spans, done, length = [], [], 0, 0
    for match in _MARK.finditer(marked):
        before = marked[done : match.start()]
        start = length + len(before)
        parts += [before, match[2]]
        length = start + len(match[2])
        spans.append((start, length, match[1]))
        done = match.end()
    return Marked(text="".join([*parts, marked[done:]]), spans=tuple(spans), person=person, names=names)


def read_marked_file(path: Path) -> Iterator[Marked]:
    """Yield the texts of a file; the suffix of the file name determines the format.

    - `.jsonl`: each line is an object with `text`, `spans` (objects with `start`, `end`, `label`), and optionally
      `person` and `names`.
    - any other suffix: each line is `person|text` or only the text, with marks as in `read_marks`. A line that starts
      with # is a comment.

    Each line without a person belongs to a separate person.

    Raises:
        UsageError: the file cannot be read, is not UTF-8 text, or has invalid JSONL lines (the error lists them).
    """
    try:
        content = read_regular(path, MAX_TABLE_BYTES).decode("utf-8")
        # not `splitlines`, which also splits at U+2028 and similar characters that a JSON string may contain
        lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text", hint="Convert the file to UTF-8.") from error
    if path.suffix == ".jsonl":
        yield from _json_lines(path, lines)
        return
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            person, bar, text = line.partition("|")
            yield read_marks(text if bar else line, person if bar else str(number))


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[Marked]:
    found, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            spans = tuple((int(s["start"]), int(s["end"]), str(s["label"])) for s in row["spans"])
            is_valid = all(0 <= start < end <= len(row["text"]) for start, end, _ in spans)
            names, person = tuple(map(str, row.get("names", ()))), str(row.get("person", number))
            found.append(Marked(text=str(row["text"]), spans=spans, person=person, names=names))
        except (ValueError, TypeError, KeyError, OverflowError):
            is_valid = False
        if not is_valid:
            needed = "`text` and `spans`, and each span needs `label`, `start` and `end` inside the text"
            problems.append(f"line {number}: must be a JSON object with {needed}")
    if problems:
        raise UsageError(f"{path}: contains lines that are not marked texts", problems=problems)
    yield from found
