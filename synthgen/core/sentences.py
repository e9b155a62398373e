"""Where a sentence ends, for whatever cuts a text between sentences."""

import re

# a mark with the quotes and brackets that close behind it, before white space or the text's end
SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s|$)")
