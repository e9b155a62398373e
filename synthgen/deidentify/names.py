"""Find person names: declared names, names of built-in lists, and capitalised words after titles and cues."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audits.text.name_lists import DEGREES, FIRST_NAMES, LAST_NAMES, PARTICLES, TITLES, WORD_FIRST, WORD_LAST, words
from synthgen.deidentify.patterns import MONTHS
from synthgen.deidentify.spans import Span

TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
MAX_NAME_TOKENS = 4
_CUES = frozenset(words("patient name pt re dear signed signature attending physician provider clinician by surgeon"))
# phrases before a name, with the number of capitalised words that must follow
_PHRASES = ((re.compile(r"\bname(?:'s| is| was) ", re.IGNORECASE), 1), (re.compile(r"\b(?:this is|I'm|I am|by) "), 2))
_ORDINARY_WORDS = WORD_FIRST | WORD_LAST
# capitalised words that end a name and do not belong to it
_STOP = {*map(str.capitalize, MONTHS), *DEGREES} | frozenset(
    words("""
I The A An He She It They We You His Her On In At Of And Or For With From To Visit Date Age Dob MRN DOB Phone Tel Ph
Exam Plan Clinic Hospital Department Center Centre Street Road Avenue Lane Drive Signed Next Return Review Seen Today
Patient Record Monday Tuesday Wednesday Thursday Friday Saturday Sunday Inc Ltd LLC Corp Company University Institute
Colleague Doctor Sir Madam Disease Syndrome
""")
)


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    word: str

    @property
    def is_capital(self) -> bool:
        return self.word[0].isupper()

    @property
    def is_initial(self) -> bool:
        return len(self.word) == 1 and self.word.isupper()

    @property
    def spelling(self) -> str:
        """The word as the name lists spell it; capitals of up to three letters may be an abbreviation and stay."""
        return self.word.title() if self.word.isupper() and len(self.word) > 3 else self.word


def find_names(text: str, declared_names: Sequence[str]) -> list[Span]:
    """Return the names of persons in a text; spans may overlap.

    Each part of a declared name is found if it is capitalised. In lower case it is found only if it has more than
    four letters and is not an ordinary word. Names that are ordinary words ("Rose", "Young") count only next to
    another name.
    """
    tokens = [_Token(*m.span(), m[0]) for m in TOKEN.finditer(text)]
    declared = name_parts(declared_names)
    found: list[Span] = []
    for i, token in enumerate(tokens):
        if _is_declared(token, declared):
            found.append(Span(token.start, token.end, "name"))
        first, last = _name_at(tokens, i, text)
        if first is not None:
            found.append(Span(tokens[first].start, tokens[last].end, "name"))
    return [*found, *_after_phrases(tokens, text)]


def _after_phrases(tokens: list[_Token], text: str) -> list[Span]:
    """Return the names after phrases such as "my name is"."""
    index = {token.start: i for i, token in enumerate(tokens)}
    found: list[Span] = []
    for phrase, n_words in _PHRASES:
        for match in phrase.finditer(text):
            first, last = _run(tokens, index.get(match.end(), len(tokens)), text)
            if first is not None and last - first + 1 >= n_words:
                found.append(Span(tokens[first].start, tokens[last].end, "name"))
    return found


def name_parts(names: Iterable[str]) -> frozenset[str]:
    """Return case-folded name parts of at least two letters; a hyphenated name gives itself and each of its parts."""
    tokens = [m[0].casefold() for name in names for m in TOKEN.finditer(name)]
    parts = frozenset(part for token in tokens for part in (token, *token.split("-")) if len(part) > 1)
    return parts - PARTICLES - TITLES


def _is_declared(token: _Token, declared: frozenset[str]) -> bool:
    word = token.word.casefold().removesuffix("'s").removesuffix("’s")
    if word not in declared and not declared.intersection(word.split("-")):
        return False
    return token.is_capital or (len(word) > 4 and word.title() not in _ORDINARY_WORDS)


def _name_at(tokens: list[_Token], i: int, text: str) -> tuple[int | None, int]:
    """Return the first and last token of the name that token i indicates, or None."""
    token, word = tokens[i], tokens[i].word.casefold()
    after = text[token.end : tokens[i + 1].start] if i + 1 < len(tokens) else ""
    is_title = word in TITLES and after in {" ", ". ", "."}
    is_cue = (word in _CUES and after in {": ", ":"}) or (word == "dear" and after == " ")
    if is_title or is_cue:
        return _run(tokens, i + 1, text)
    if token.word in DEGREES and i > 0 and text[tokens[i - 1].end : token.start] in {", ", " "}:
        return _run_back(tokens, i - 1, text, may_start_sentence=True), i - 1
    return _listed_name_at(tokens, i, text) if token.is_capital else (None, i)


def _listed_name_at(tokens: list[_Token], i: int, text: str) -> tuple[int | None, int]:
    """Return the first and last token of the name around token i if the name lists contain it, or None."""
    spelling = tokens[i].spelling
    is_first = spelling in FIRST_NAMES or (spelling in WORD_FIRST and _has_surname_after(tokens, i, text))
    if is_first or _has_middle_initial(tokens, i, text):
        return i, _run(tokens, i, text)[1]
    is_after_initial = i > 0 and tokens[i - 1].is_initial and _follows(tokens, i - 1, text)
    if spelling in LAST_NAMES or (spelling in WORD_LAST and is_after_initial):
        return _run_back(tokens, i, text, may_start_sentence=False), i
    is_before_first_name = (
        i + 1 < len(tokens)
        and text[tokens[i].end : tokens[i + 1].start] == ", "
        and tokens[i + 1].spelling in FIRST_NAMES
        and text[tokens[i + 1].end : tokens[i + 1].end + 1] in {".", ";", "(", "|", "\n"}
    )
    return (i, i) if is_before_first_name and tokens[i].word not in _STOP else (None, i)


def _has_middle_initial(tokens: list[_Token], i: int, text: str) -> bool:
    """Return whether "Xxx Y. Zzz" starts at token i."""
    if i + 2 >= len(tokens) or tokens[i].is_initial or tokens[i].word in _STOP or not tokens[i + 1].is_initial:
        return False
    surname = tokens[i + 2]
    is_one_name = _follows(tokens, i, text) and _follows(tokens, i + 1, text)
    return is_one_name and tokens[i + 1].word not in _STOP and surname.is_capital and not surname.word.isupper()


def _follows(tokens: list[_Token], i: int, text: str) -> bool:
    """Return whether the next token directly follows token i, as parts of one name do."""
    if i + 1 >= len(tokens):
        return False
    gap = text[tokens[i].end : tokens[i + 1].start]
    return gap in {" ", "\u00a0"} or (tokens[i].is_initial and gap in {". ", "."})


def _can_be_name(token: _Token, excluded: frozenset[str]) -> bool:
    return token.is_capital and token.word not in _STOP and token.word.casefold() not in excluded


def _run(tokens: list[_Token], i: int, text: str) -> tuple[int | None, int]:
    """Return the first and last token of the capitalised words that start at token i."""
    if i >= len(tokens) or not _can_be_name(tokens[i], TITLES):
        return None, i
    last = i
    for at in range(i, min(i + MAX_NAME_TOKENS - 1, len(tokens) - 1)):
        if not _follows(tokens, at, text):
            break
        following = tokens[at + 1]
        if following.is_capital and following.word not in _STOP:
            last = at + 1
        elif following.word not in PARTICLES:
            break
    return i, last


def _run_back(tokens: list[_Token], i: int, text: str, *, may_start_sentence: bool) -> int:
    """Return the first token of the name that ends at token i: given names and initials before a last name."""
    first = i
    while first > 0 and i - first < MAX_NAME_TOKENS - 1 and _follows(tokens, first - 1, text):
        before = tokens[first - 1]
        if not _can_be_name(before, TITLES | _CUES):
            break
        is_certain = may_start_sentence or before.is_initial or before.spelling in FIRST_NAMES
        if not is_certain and _starts_sentence(before, text):
            break
        first -= 1
    return first


def _starts_sentence(token: _Token, text: str) -> bool:
    before = text[max(0, token.start - 3) : token.start].rstrip(" ")
    return not before or before[-1] in ".!?:;\n-"


def _has_surname_after(tokens: list[_Token], i: int, text: str) -> bool:
    if not _follows(tokens, i, text):
        return False
    following = tokens[i + 1]
    if following.is_initial:
        return _follows(tokens, i + 1, text) and tokens[i + 2].is_capital
    return following.spelling in LAST_NAMES or following.spelling in WORD_LAST
