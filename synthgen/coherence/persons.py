"""Find contradictions about the patient in a text: two sexes, anatomy of the opposite sex, or two ages."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from synthgen.attributes.extract import FAMILY, is_of_family
from synthgen.attributes.lexicon import Word, sentence_words
from synthgen.attributes.person import find_ages, years_of
from synthgen.coherence.contradiction import Contradiction, Span, row_of, sentences

_OLD = r"\b(?:old|y/o|yo|y\.o\.?|yrs?)[ ,-]{0,2}(?:(?!and\b|with\b|who\b)[\w'’-]{1,20}[ ,]{1,2}){0,2}?"
_AGE = r"(?<![\d.,])\b\d{1,3} ?(?:y/o|yo|y\.o\.?|yrs?) ?"
_SEX = r"\b(?:sex|gender): ?"
_START = r"(?:^|[.!?:;]\s{1,3}|\n[ \t]{0,8})"
# signs of the person's sex, from strong to weak: `_STATED`, `_TITLE`, `_NOUN`, `_PRONOUN`; `sex` explains them
_STATED = {
    "female": re.compile(rf"(?i){_OLD}(?:woman|female|lady|girl)\b|{_AGE}(?-i:F)\b|{_SEX}(?:f|female)\b"),
    "male": re.compile(rf"(?i){_OLD}(?:man|male|gentleman|boy)\b|{_AGE}(?-i:M)\b|{_SEX}(?:m|male)\b"),
}
# places at which a title belongs to the patient: the start of a sentence, or after a word such as "Dear" or "saw"
_LEAD_IN = rf"(?:{_START}|\b(?:[Dd]ear|saw|seeing|reviewed|reviewing|met|examined|assessed|treated)\s)"
_TITLE = {"female": re.compile(rf"{_LEAD_IN}(?:Mrs|Ms|Miss)\b\.?"), "male": re.compile(rf"{_LEAD_IN}Mr\b\.?")}
_NOUN = {
    "female": re.compile(rf"(?:\bthis|{_START}Th(?:is|e)) (?:[\w-]{{1,20}} ){{0,3}}?(?:woman|lady|girl)\b"),
    "male": re.compile(rf"(?:\bthis|{_START}Th(?:is|e)) (?:[\w-]{{1,20}} ){{0,3}}?(?:man|gentleman|boy)\b"),
}
_PRONOUN = {"female": re.compile(rf"{_START}[\"']?She\b"), "male": re.compile(rf"{_START}[\"']?He\b")}
# words for a person other than the patient, to whom the rest of the sentence or a later "he" or "she" may refer
OTHER = re.compile(
    rf"(?i)\b(?:{'|'.join(sorted(FAMILY))}|wife|husband|spouse|partner|girlfriend|boyfriend|fianc\w+|mum|child|children"
    r"|baby|infant|fetus|foetus|newborn|grand\w+|friend|neighbou?r|caregiver|carer|guardian|nurse|doctor|physician"
    r"|surgeon|therapist|assistant|practitioner|provider|resident|attending|consultant|coworker|colleague|boss"
    r"|roommate|teacher|coach|officer|driver|people|donor|twins?|Dr|Drs|Prof|MD|RN|PA|NP|family)\b"
)
_CHILD = re.compile(r"(?i)\b(?:boy|girl)\b")
# words of sentences in which a title such as "Mr" may belong to a clinician instead of the patient
_CLINICIAN = re.compile(
    r"(?i)\b(?:will|agree[sd]?|recommend\w*|advis\w+|suggest\w*|kindly|list|referr\w+|discuss\w*|operat\w+|perform\w*"
    r"|clinic of|care of|patient of)\b"
)
_POSSESSIVE = re.compile(r"(?i)\b(?:her|his|their|my|our|your|to an?)\s[\w -]{0,20}$")
_OTHER_ANATOMY = {  # for each sex of the patient, words for organs and conditions of the opposite sex
    "female": re.compile(
        r"(?i)\b(?:prostat(?:e|ic|itis|ectomy)|testic(?:le|les|ular)|testis|testes|scrot(?:um|al)|penis|penile"
        r"|erectile|vasectomy|circumcised|(?-i:PSA))\b"
    ),
    "male": re.compile(
        r"(?i)\b(?:uterus|uterine|ovar(?:y|ies|ian)|vagina|vaginal|vulva|vulvar|pregnan(?:t|cy)|menstrua(?:l|tion)"
        r"|menopaus(?:e|al)|postmenopausal|hysterectomy|gravida|para \d|pap smear|endometri\w+|menses|menarche"
        r"|cervical smear|miscarriage|breastfeeding)\b"
    ),
}
_EXCUSES = re.compile(  # in a sentence with such a word, anatomy of the opposite sex is no contradiction
    r"(?i)\b(?:no|not|denies|denied|without|negative|never|n/a|partner|wife|husband|spouse|mother|sister|daughter"
    r"|girlfriend|father|brother|son|donor|family|screening|if|normal|born|birth|delivery|delivered|maternal)\b"
)
_BESIDE_PERSON = re.compile(  # a noun for a person shortly after an age, as in "64-year-old man"
    r"[- ,]{0,2}(?:[\w'’-]{1,20}[ ,]{1,2}){0,3}?(?:woman|female|lady|girl|man|male|gentleman|boy|patient|[FM])\b"
)
OWNER_REACH = 20  # an age is not the patient's if a word such as "son" follows within this number of characters
MAX_AGE_GAP = 1  # largest allowed difference between two ages, in years, because a birthday may lie between them


class _Sentences:
    """The sentences of a text. The methods return whether a sign of the patient's sex or age must be ignored."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans = list(sentences(text))
        self.other_starts = [match.start() for match in OTHER.finditer(text)]
        self.child_starts = [match.start() for match in _CHILD.finditer(text)]

    def is_of_another(self, span: Span) -> bool:
        """Return whether the sentence of the span names another person before the end of the span."""
        return self._has_start(span, self.other_starts, n_earlier=0, end=span[1])

    def follows_another(self, span: Span) -> bool:
        """Return whether another person or a child is named earlier in this sentence or in the 3 sentences before."""
        return self._has_start(span, sorted(self.other_starts + self.child_starts), n_earlier=3, end=span[0])

    def _has_start(self, span: Span, starts: list[int], *, n_earlier: int, end: int) -> bool:
        """Return whether one of `starts` is before `end`, in the span's sentence or the `n_earlier` before it."""
        row = row_of(self.spans, span[1] - 1)
        start = self.spans[max(0, row - n_earlier)][0] if row is not None else span[0]
        return bisect_left(starts, start) < bisect_left(starts, end)

    def is_owned(self, span: Span) -> bool:
        """Return whether a possessive such as "her" shortly precedes the span, as in "her 4-year-old boy"."""
        return _POSSESSIVE.search(self.text, max(0, span[0] - 30), span[0]) is not None

    def is_of_clinician(self, span: Span) -> bool:
        """Return whether the sentence of the span may be about a clinician, as in "Mr Hall will operate"."""
        row = row_of(self.spans, span[1] - 1)
        return row is not None and _CLINICIAN.search(self.text, *self.spans[row]) is not None


def sex(text: str) -> Iterator[Contradiction]:
    """Yield at most one contradiction between signs of the person's sex.

    The kinds of signs, from strong to weak, are:

    1. a noun next to an age ("64-year-old man") or a stated sex ("Sex: M"), unless after a possessive ("her ...");
    2. a title ("Mrs"), unless its sentence may be about a clinician ("Mr Hall will operate");
    3. a noun such as "this man" or "the lady";
    4. "He" or "She" at the start of a sentence, unless another person or a child is named up to 3 sentences before.

    A sign is also ignored if its sentence names another person before the sign. The first sign of the strongest kind
    determines the sex of the person. A sign, organ or condition of the opposite sex is a contradiction. An organ or
    condition is ignored if its sentence has a word of `_EXCUSES`, such as "no" or "birth", or if a relative has it.
    """
    checks = _Sentences(text)
    signs = [
        *_signs(text, _STATED, lambda s: not checks.is_of_another(s) and not checks.is_owned(s)),
        *_signs(text, _TITLE, lambda s: not checks.is_of_another(s) and not checks.is_of_clinician(s)),
        *_signs(text, _NOUN, lambda s: not checks.is_of_another(s)),
        *_signs(text, _PRONOUN, lambda s: not checks.follows_another(s)),
    ]
    if not signs:
        return
    first, at = signs[0]
    for other, span in signs[1:]:
        if other != first:
            yield Contradiction("sex", span, at)
            return
    for words in sentence_words(text):
        match = _OTHER_ANATOMY[first].search(text, words[0].start, words[-1].end)
        if match is not None and not _is_excused(words, match.span(), text):
            yield Contradiction("sex", match.span(), at)
            return


def _signs(
    text: str, kinds: dict[str, re.Pattern[str]], is_of_person: Callable[[Span], bool]
) -> list[tuple[str, Span]]:
    """Return the signs of one kind that are about the person as (sex, span), in text order."""
    signs = [(s, m.span()) for s, pattern in kinds.items() for m in pattern.finditer(text) if is_of_person(m.span())]
    return sorted(signs, key=lambda sign: sign[1])


def _is_excused(words: Sequence[Word], span: Span, text: str) -> bool:
    inside = [i for i, word in enumerate(words) if word.start < span[1] and span[0] < word.end]
    is_family = bool(inside) and is_of_family(words, inside[0], inside[-1] + 1)
    return is_family or _EXCUSES.search(text, words[0].start, words[-1].end) is not None


def age(text: str) -> Iterator[Contradiction]:
    """Yield at most one contradiction between two ages of the person.

    An age counts only if a noun for a person follows ("64-year-old man"), so past ages ("at age 50") do not count. An
    age is ignored if it belongs to another person: its sentence names another person before it, a possessive precedes
    it ("her 4-year-old boy"), or a word such as "son" follows closely. Later ages are compared with the first.
    """
    checks = _Sentences(text)
    stated = [
        (f.value, (f.start, f.end))
        for f in sorted(find_ages(text), key=lambda f: f.start)
        if f.attribute == "age"
        and not checks.is_of_another((f.start, f.end))
        and not checks.is_owned((f.start, f.end))
        and _BESIDE_PERSON.match(text, f.end) is not None
        and OTHER.search(text, f.end, f.end + OWNER_REACH) is None
    ]
    for value, span in stated[1:]:
        (low, high), (low_first, high_first) = years_of(value), years_of(stated[0][0])
        if low > high_first + MAX_AGE_GAP or high < low_first - MAX_AGE_GAP:
            yield Contradiction("age", span, stated[0][1])
            return
