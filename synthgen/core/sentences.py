"""Find the ends of sentences, and lines without content at the end of a text."""

import re

ABBREVIATIONS = r"Mr|Mrs|Ms|Dr|Prof|St|vs|approx|e\.g|i\.e|No"  # abbreviations whose full stop ends no sentence
# a full stop or another end mark, with closing quotes and brackets, before white space or the end of the text
SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s|$)")
# the number or mark of a list item without text, at the end of a text
EMPTY_ITEM = re.compile(r"(?:^|\n)[ \t]*(?:\d{1,2}[.)]|[-*•])$")
# a line without content: empty, a heading such as "PLAN:", or the number or mark of a list item
_NO_CONTENT = re.compile(r"\s*(?:.{0,60}:|\d{1,2}[.)]|[-*•])?\s*")
# an abbreviation or an empty list item at the end of a text; its full stop ends no sentence
NO_END = re.compile(rf"{EMPTY_ITEM.pattern}|\b(?:{ABBREVIATIONS})\.$")


def without_open_end(text: str) -> str:
    """Return a text without lines at its end that have no content, such as a heading; at least one line remains."""
    lines = text.split("\n")
    while len(lines) > 1 and _NO_CONTENT.fullmatch(lines[-1]):
        lines.pop()
    return "\n".join(lines)
