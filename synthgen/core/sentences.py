"""Find the ends of sentences."""

import re

# a full stop or another end mark, with closing quotes and brackets, before white space or the end of the text
SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s|$)")
