"""Find the ends of sentences."""

import re

ABBREVIATIONS = r"Mr|Mrs|Ms|Dr|Prof|St|vs|approx|e\.g|i\.e|No"  # abbreviations whose full stop ends no sentence
# a full stop or another end mark, with closing quotes and brackets, before white space or the end of the text
SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s|$)")
# the number or mark of a list item without text, at the end of a text
EMPTY_ITEM = re.compile(r"(?:^|\n)[ \t]*(?:\d{1,2}[.)]|[-*•])$")
# an abbreviation or an empty list item at the end of a text; its full stop ends no sentence
NO_END = re.compile(rf"{EMPTY_ITEM.pattern}|\b(?:{ABBREVIATIONS})\.$")
