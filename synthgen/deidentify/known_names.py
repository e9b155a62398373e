"""Find in each record the names that the source declares for any person, because a record can name other persons."""

from collections.abc import Iterable
from itertools import pairwise

from audits.text.clinical_terms import EPONYMS, is_in_term, is_ordinary
from audits.text.name_lists import WORD_FIRST, WORD_LAST
from synthgen.deidentify.names import TOKEN, fold, name_parts
from synthgen.deidentify.spans import Span

# names that are also ordinary words, such as "Mark", or parts of clinical terms, such as "Crohn"
_ORDINARY = frozenset(name.casefold() for name in WORD_FIRST | WORD_LAST) | EPONYMS
_MIN_LETTERS = 4  # a single name part with fewer letters does not count as a name


class KnownNames:
    """Names of persons, and a search for these names in texts.

    For source records, the class gets all names that the source declares. For generated texts, the class gets the
    names that were replaced in the source.

    Two adjacent words count as a name if both are parts of one declared name, in any order: "Lee, Ann" for "Ann Lee".
    A comma or an initial can be between them. Two ordinary words in lower case do not count. A single part counts if
    it is capitalised, has at least four letters, and is neither an ordinary nor a clinical word.

    Privacy: the spans found in the records of one person depend on the names of all persons. Therefore, DP runs do
        not search for these names.
    """

    def __init__(self, names: Iterable[str]) -> None:
        split = [sorted(name_parts([name])) for name in names]
        self.pairs = frozenset(frozenset({a, b}) for parts in split for a in parts for b in parts if a < b)
        single = {part for parts in split for part in parts if len(part) >= _MIN_LETTERS and part not in _ORDINARY}
        self._single = frozenset(part for part in single if not is_ordinary(part))
        self._parts = self._single | {part for pair in self.pairs for part in pair}

    def find(self, text: str) -> list[Span]:
        """Return the known names in a text; spans may overlap and are not sorted."""
        # (start, end, word, word in the form of `fold`) of each word
        tokens = [(*match.span(), match[0], fold(match[0])) for match in TOKEN.finditer(text)]
        found = [
            Span(start, end, "name")
            for start, end, word, part in tokens
            if word[0].isupper() and part in self._single and not is_in_term(text, start, end)
        ]
        # `kept` omits initials, so that two words with an initial between them are adjacent
        kept = [token for token in tokens if len(token[2]) > 1]
        for (start, gap_start, word, part), (gap_end, end, next_word, next_part) in pairwise(kept):
            gap = text[gap_start:gap_end]
            between = gap.replace(".", "").strip()
            can_join = between == "," or (len(between) < 2 and (not between or between.isupper()))
            is_capital = word[0].isupper() or next_word[0].isupper()
            is_name = is_capital or not (is_ordinary(word) and is_ordinary(next_word))
            if part in self._parts and can_join and is_name and "\n\n" not in gap:
                found += [Span(start, end, "name")] if frozenset({part, next_part}) in self.pairs else []
        return found
