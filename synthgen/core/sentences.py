"""Find the ends of sentences."""

import re

ABBREVIATIONS = r"Mr|Mrs|Ms|Dr|Prof|St|vs|approx|e\.g|i\.e|No"  # abbreviations whose full stop ends no sentence
# a full stop or another end mark, with closing quotes and brackets, before white space or the end of the text
SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s|$)")
