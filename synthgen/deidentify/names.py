"""Find names of persons in clinical notes.

A name is found if the source declares it (for example in a column of `source.names`), if a built-in name list
contains it, or by its context, such as the title "Dr" or the cue "Patient:".
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from audits.text.clinical_terms import EPONYMS, NOTE_WORDS, is_eponym, is_in_term, is_never_person, is_ordinary
from audits.text.name_lists import (
    DEGREES,
    FIRST_NAMES,
    LAST_NAMES,
    PARTICLES,
    TITLES,
    WORD_FIRST,
    WORD_LAST,
    split_list,
)
from synthgen.deidentify import name_context as context
from synthgen.deidentify.spans import Span

TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")  # a word; it can contain apostrophes and hyphens
MAX_NAME_TOKENS = 4  # largest number of words in one name
SUFFIXES = frozenset(split_list("jr sr ii iii iv esq"))  # words after a name, as in "Lee Jr"
_LINE_START = re.compile(r"(?:^|[\n.;|]) ?[\"'*-]? ?$")  # text before the first word of a line or sentence
# text allowed between two parts of one name; quotes enclose a nickname
_JOINTS = frozenset({" ", "\u00a0", ' "', '" ', " “", "” ", " '", "' "})
_ORDINARY_WORDS = WORD_FIRST | WORD_LAST  # names that are also ordinary words, such as "Mark"
_BEFORE_SURNAME = WORD_FIRST | (PARTICLES - {"la", "al", "el", "di", "du"})  # words that can precede a surname
# capitalised words that are not part of a name
_STOP = frozenset(DEGREES) | frozenset(
    split_list("""
I The A An He She It They We You His Her On In At Of And Or For With From To Visit Date Age Dob MRN DOB Phone Tel Ph
Inc Ltd LLC Corp Company Street Road Avenue Lane Drive Madam Sir Doctor Colleague Center Centre Department Hospital
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
        # the word as the name lists spell it; up to three capitals are unchanged, as they may be an abbreviation
        word = self.word.title() if self.word.isupper() and len(self.word) > 3 else self.word
        return re.sub(r"['’]s$", "", word.replace("’", "'"))

    @property
    def is_listed(self) -> bool:
        return self.spelling in FIRST_NAMES or self.spelling in LAST_NAMES

    @property
    def can_be_name(self) -> bool:
        if not self.is_capital or self.word in _STOP or self.word.casefold() in TITLES or is_never_person(self.word):
            return False
        is_short = self.word.isupper() and 1 < len(self.word) < 4
        return self.is_listed or (not is_short and not is_ordinary(re.sub(r"['’]s$", "", self.word)))

    @property
    def can_follow_title(self) -> bool:
        is_word = is_ordinary(self.word) and self.word.title() not in _ORDINARY_WORDS
        return self.is_capital and not is_word and not is_never_person(self.word) and self.word not in _STOP


def find_names(text: str, declared_names: Sequence[str]) -> list[Span]:
    """Return the names of persons in a text; spans may overlap.

    Each part of a declared name is found; accents, letter case and the form of the apostrophe are ignored. But a
    lower-case part that is an ordinary word or has fewer than three letters is found only next to another part.

    Other names are guessed from name lists and context. Parts of clinical terms are not guessed. Ordinary words are
    guessed only if the context shows that they are a name. Each capitalised repetition of a word of a guessed name
    is found too, except for ordinary words, parts of clinical terms, and words of fewer than four letters.
    """
    tokens = [_Token(*m.span(), m[0]) for m in TOKEN.finditer(text)]
    guessed = [span for span in _guessed(tokens, text) if not is_in_term(text, *span)]
    return [
        *_declared(tokens, text, declared_names),
        *(Span(*span, "name") for span in guessed),
        *(Span(*match.span("value" if "value" in match.re.groupindex else 0), "name") for match in _shaped(text)),
        *_repeated(tokens, text, guessed),
    ]


def _shaped(text: str) -> Iterator[re.Match[str]]:
    for match in (m for shape in context.SHAPES for m in shape.finditer(text)):
        parts = [word for word in TOKEN.findall(match[0]) if word.casefold() not in PARTICLES]
        # a match is no name if all its words of two or more letters are ordinary, as in "e. coli"; initials alone,
        # as in "J.T.", can be a name
        long = [part for part in parts if len(part) > 1]
        is_term = any(is_eponym(part) for part in parts) or is_in_term(text, *match.span())
        if not is_term and not (long and all(map(is_ordinary, long))):
            yield match


def _guessed(tokens: list[_Token], text: str) -> Iterator[tuple[int, int]]:  # (start, end) of names
    for i in range(len(tokens)):
        first, last = _name_at(tokens, i, text)
        if first is not None:
            yield _extended(tokens, first, last, text)
    yield from _after_phrases(tokens, text)


def _extended(tokens: list[_Token], first: int, last: int, text: str) -> tuple[int, int]:
    # returns (start, end) of the name that has the tokens `first` to `last` and the initials after `last`, as in
    # "LEE, ANN M"
    while last + 1 < len(tokens) and tokens[last + 1].is_initial:
        start, end = tokens[last + 1].start, tokens[last + 1].end
        if text[tokens[last].end : start] != " " or re.match(" [a-z]", text[end : end + 2]):
            break
        last += 1
    return tokens[first].start, tokens[last].end


def _repeated(tokens: list[_Token], text: str, guessed: Iterable[tuple[int, int]]) -> Iterator[Span]:
    # yields each capitalised word that is also a word of a guessed name
    parts = {m[0] for start, end in guessed for m in TOKEN.finditer(text[start:end])}
    findable = {fold(p) for p in parts if len(p) > 3 and not is_ordinary(p) and not is_eponym(p)} - PARTICLES
    for token in tokens:
        if token.is_capital and fold(token.word) in findable and not is_in_term(text, token.start, token.end):
            yield Span(token.start, token.end, "name")


def _after_phrases(tokens: list[_Token], text: str) -> Iterator[tuple[int, int]]:  # (start, end) of names
    index = {token.start: i for i, token in enumerate(tokens)}
    for phrase, n_words in context.PHRASES:
        for match in phrase.finditer(text):
            i = index.get(match.end(), len(tokens))
            first, last = _name_from(tokens, i, text)
            if first is None and i < len(tokens) and re.fullmatch("[A-Z]{2}", tokens[i].word):
                i += 1  # the two capitals are initials; the name starts after them
                first, last = _name_from(tokens, i, text)
            is_word_name = i < len(tokens) and tokens[i].word in _ORDINARY_WORDS - {"May"}
            if first is None and n_words == 1 and is_word_name:
                first = i
            is_code = first is not None and first == last and tokens[i].word.isupper() and len(tokens[i].word) < 4
            if first is not None and last - first + 1 >= n_words and not (is_code and not tokens[i].is_listed):
                yield _extended(tokens, first, last, text)
    cues = ((match[0], index[match.end()]) for match in context.LOWER_CUE.finditer(text) if match.end() in index)
    for cue, i in cues:
        is_two = _follows(tokens, i, text) and all(_is_lower_name(t.word, has_title=True) for t in tokens[i : i + 2])
        # after "pt", "patient" or "prof", a single word counts only if a name list contains it or a verb follows
        if _is_lower_name(tokens[i].word, has_title=cue[0] not in "pP"):
            yield tokens[i].start, tokens[i + is_two].end
        elif _is_lower_name(tokens[i].word, has_title=True) and context.VERB_AFTER.match(text, tokens[i].end):
            yield tokens[i].start, tokens[i].end
        elif is_two:
            yield tokens[i].start, tokens[i + 1].end


def _is_lower_name(word: str, *, has_title: bool) -> bool:
    is_listed = word.title() in FIRST_NAMES or word.title() in LAST_NAMES
    has_ordinary_ending = word.endswith(("ing", "ed", "tion", "ly", "ness", "able", "ous", "meds", "ic", "al"))
    return is_listed or (has_title and len(word) > 3 and not is_ordinary(word) and not has_ordinary_ending)


def fold(word: str) -> str:
    """Return a word in lower case without accents and possessive ending: `"Müller’s"` -> `"muller"`."""
    plain = unicodedata.normalize("NFKD", word.replace("’", "'").casefold())
    if plain.isascii():
        return plain.removesuffix("'s")
    return "".join(c for c in plain if not unicodedata.category(c).startswith("M")).removesuffix("'s")


def name_parts(names: Iterable[str]) -> frozenset[str]:
    """Return the parts of names in the form of `fold`: `"Dr Ann Smith-Lee"` -> `ann`, `smith-lee`, `smith` and `lee`.

    Particles, titles, suffixes and single letters are left out.
    """
    tokens = [fold(m[0]) for name in names for m in TOKEN.finditer(name)]
    parts = frozenset(part for token in tokens for part in (token, *token.split("-")) if len(part) > 1)
    return parts - PARTICLES - TITLES - SUFFIXES


def _declared(tokens: list[_Token], text: str, names: Sequence[str]) -> Iterator[Span]:
    parts = name_parts(names)
    for i, token in enumerate(tokens):
        word = fold(token.word)
        if word not in parts and not parts.intersection(word.split("-")):
            continue
        beside = any(
            0 <= at < len(tokens) and fold(tokens[at].word) in parts - {word} and _follows(tokens, min(i, at), text)
            for at in (i - 1, i + 1)
        )
        is_word = is_ordinary(token.word) or token.word.title() in _ORDINARY_WORDS
        if token.is_capital or not token.word.isascii() or beside or not (is_word or len(word) < 3):
            first = i - 1 if i and tokens[i - 1].is_initial and _follows(tokens, i - 1, text) else i
            yield Span(tokens[first].start, token.end, "name")
    for name in names:  # names in scripts that have no spaces between words
        if re.fullmatch(r"[\u3040-\u9fff\uac00-\ud7af]{2,6}", name):
            yield from (Span(*m.span(), "name") for m in re.finditer(re.escape(name), text))


def _name_at(tokens: list[_Token], i: int, text: str) -> tuple[int | None, int]:
    # Returns the token indices (first, last) of a name. If token i is a title or cue such as "Dr", the name follows
    # token i; otherwise, the name contains token i. If there is no such name, first is None.
    token, word = tokens[i], tokens[i].word.casefold()
    after = text[token.end : tokens[i + 1].start] if i + 1 < len(tokens) else ""
    is_title = word in TITLES - {"nurse", "sister"} and token.word != "doctor"
    if is_title and after in {" ", ". ", ".", "\n", ".\n"}:
        return _name_from(tokens, i + 1, text, has_title=True)
    if (word in context.CUES and after in {": ", ":", ":\n"}) or (word == "dear" and after == " "):
        first, last = _name_from(tokens, i + 1, text)
        is_reversed = first is not None and text[tokens[last].end : tokens[last].end + 2] == ", "
        has_next = last + 1 < len(tokens) and tokens[last + 1].can_be_name
        if is_reversed and has_next and word in {"name", "patient", "pt", "re"}:
            last += 1
        return first, last
    can_end_name = token.is_capital and (token.can_be_name or token.word in _ORDINARY_WORDS)
    if can_end_name and context.ROLE_AFTER.match(text, token.end):
        return _start_of_name(tokens, i, text), i
    if token.can_be_name and context.DEGREE_AFTER.match(text, token.end):
        first = _start_of_name(tokens, i, text)
        if first < i or token.is_listed:
            return first, i
    if token.is_initial and re.match(r"\.,? (?:M\.?D|D\.?O|R\.?N)\b", text[token.end : token.end + 7]) and i > 0:
        return _start_of_name(tokens, i - 1, text), i
    return _listed_name_at(tokens, i, text) if token.is_capital else (None, i)


def _listed_name_at(tokens: list[_Token], i: int, text: str) -> tuple[int | None, int]:
    # like `_name_at`, but recognises names by name lists and shape, not by titles and cues
    token, spelling = tokens[i], tokens[i].spelling
    starts_line = token.start == 0 or text[token.start - 1] == "\n"
    is_word = token.word in _STOP or token.word.casefold() in NOTE_WORDS | TITLES
    can_have_age = starts_line and token.word.istitle() and not is_word and (len(token.word) == 2 or token.is_listed)
    has_age = can_have_age and context.AGE_AFTER.match(text, token.end) is not None
    if has_age or (token.word in WORD_FIRST and context.PERSON_VERB_AFTER.match(text, token.end)):
        return i, i
    if (reversed_to := _reversed_name(tokens, i, text)) is not None:
        return i, reversed_to
    is_term_word = is_eponym(spelling)
    is_first = spelling in FIRST_NAMES or (spelling in WORD_FIRST and _has_surname_after(tokens, i, text))
    if is_first or _has_middle_initial(tokens, i, text):
        first, last = _name_from(tokens, i, text)
        if first is not None and (last > first or not is_term_word):
            return first, last
    if _starts_with_initial(tokens, i, text) or _is_pair_in_context(tokens, i, text):
        return i, i + 1
    is_after_initial = i > 0 and tokens[i - 1].is_initial and _follows(tokens, i - 1, text)
    if (spelling in LAST_NAMES and not is_term_word) or (spelling in WORD_LAST | LAST_NAMES and is_after_initial):
        return _start_of_name(tokens, i, text), i
    return None, i


def _starts_with_initial(tokens: list[_Token], i: int, text: str) -> bool:
    # whether a name such as "A. Okonkwo" starts at token i; in "Hepatitis A. She", the letter ends a sentence
    token = tokens[i]
    if not token.is_initial or i + 1 >= len(tokens) or text[token.end : tokens[i + 1].start] != ". ":
        return False
    following = tokens[i + 1]
    is_after_word = i > 0 and text[tokens[i - 1].end : token.start] == " "
    ends_sentence = is_after_word and not _LINE_START.search(text[max(0, token.start - 3) : token.start])
    return following.can_be_name and not following.word.isupper() and (following.is_listed or not ends_sentence)


def _is_pair_in_context(tokens: list[_Token], i: int, text: str) -> bool:
    # whether tokens i and i + 1 are a name: a number precedes them, the second ends in 's, or a verb follows
    if i + 1 >= len(tokens) or not _follows(tokens, i, text):
        return False
    one, two = tokens[i], tokens[i + 1]
    if not (one.can_be_name and two.can_be_name) or one.is_initial or two.is_initial or one.word.isupper():
        return False
    is_numbered = re.search(r"\d{3,} $", text[max(0, one.start - 5) : one.start]) is not None
    return is_numbered or two.word.endswith(("'s", "’s")) or context.VERB_AFTER.match(text, two.end) is not None


def _reversed_name(tokens: list[_Token], i: int, text: str) -> int | None:
    # returns the index of the last token of a name such as "HALVORSEN, INGRID M." that starts at token i, else None
    if i + 1 >= len(tokens) or text[tokens[i].end : tokens[i + 1].start] != ", ":
        return None
    one, two = tokens[i], tokens[i + 1]
    if one.is_initial or not one.can_be_name or not (two.can_be_name or two.is_initial):
        return None
    before = text[max(0, one.start - 12) : one.start]
    starts_line = _LINE_START.search(before) is not None or context.REVERSED_BEFORE.search(before) is not None
    after = text[two.end : two.end + 3]
    is_ended = re.match(r"$|[.;(|\n-]| [-(|]| [A-Z]\b", after)
    both_capital = one.word.isupper() and two.word.isupper() and len(one.word) > 2 and starts_line
    has_no_word = not is_ordinary(one.word) and not is_ordinary(two.word)
    is_capital_surname = one.word.isupper() and len(one.word) > 3 and starts_line and has_no_word
    is_initialled = two.is_initial and after.startswith(".") and (starts_line or one.is_listed)
    if not (both_capital or is_capital_surname or is_initialled or (two.spelling in FIRST_NAMES and is_ended)):
        return None
    has_initial = i + 2 < len(tokens) and tokens[i + 2].is_initial and _follows(tokens, i + 1, text)
    return i + 2 if has_initial else i + 1


def _has_middle_initial(tokens: list[_Token], i: int, text: str) -> bool:
    # whether a name of the form "Xxx Y. Zzz" starts at token i
    if i + 2 >= len(tokens) or tokens[i].is_initial or not tokens[i].can_be_name or not tokens[i + 1].is_initial:
        return False
    surname = tokens[i + 2]
    is_one_name = _follows(tokens, i, text) and _follows(tokens, i + 1, text)
    is_term_word = tokens[i].word.casefold() in EPONYMS | {"factor", "hepatitis", "vitamin"}
    return is_one_name and not is_term_word and surname.can_be_name and not surname.word.isupper()


def _follows(tokens: list[_Token], i: int, text: str) -> bool:
    # whether the text between token i and the next token allows both to be parts of one name
    if i + 1 >= len(tokens):
        return False
    gap = text[tokens[i].end : tokens[i + 1].start]
    can_have_stop = tokens[i].is_initial or tokens[i].word in {"St", "Ste"}
    return gap in _JOINTS or (can_have_stop and gap in {". ", "."})


def _name_from(tokens: list[_Token], i: int, text: str, *, has_title: bool = False) -> tuple[int | None, int]:
    # returns (first, last): token indices of the name that starts at token i; first is None if no name starts there
    first = i
    while i < len(tokens) and tokens[i].word.casefold() in PARTICLES and i - first < 3 and _follows(tokens, i, text):
        i += 1
    is_word_name = i < len(tokens) and tokens[i].word in WORD_FIRST and _has_surname_after(tokens, i, text)
    if i >= len(tokens):
        return None, i
    is_initial = tokens[i].is_initial and text[tokens[i].end : tokens[i].end + 1] == "."
    follows_title = has_title and (tokens[i].can_follow_title or is_initial)
    if not (is_word_name or tokens[i].can_be_name or follows_title):
        return None, i
    if tokens[i].is_initial and not (_follows(tokens, i, text) and tokens[i + 1].is_capital):
        return None, i
    last = i
    for at in range(i, min(first + MAX_NAME_TOKENS - 1, len(tokens) - 1)):
        if not _follows(tokens, at, text):
            break
        following = tokens[at + 1]
        is_word_name = following.word in _ORDINARY_WORDS or (has_title and following.can_follow_title)
        is_inner = following.is_initial and at + 2 < len(tokens) and _follows(tokens, at + 1, text)
        if following.can_be_name or is_word_name or is_inner or following.word.casefold() in SUFFIXES:
            last = at + 1
        elif following.word not in PARTICLES:
            break
    return first, last


def _start_of_name(tokens: list[_Token], i: int, text: str) -> int:
    # index of the first token of the name that ends at token i
    first = i
    while first > 0 and i - first < MAX_NAME_TOKENS - 1 and _follows(tokens, first - 1, text):
        before = tokens[first - 1]
        if not (before.can_be_name or before.word in _BEFORE_SURNAME):
            break
        first -= 1
    while first < i and tokens[first].word in PARTICLES:
        first += 1
    return first


def _has_surname_after(tokens: list[_Token], i: int, text: str) -> bool:
    if not _follows(tokens, i, text):
        return False
    following = tokens[i + 1]
    if following.is_initial:
        return _follows(tokens, i + 1, text) and tokens[i + 2].is_capital
    return following.can_be_name or following.spelling in WORD_LAST
