"""Contradictions about the person: two sexes, anatomy of the other sex, and two ages."""

import re
from collections.abc import Callable, Iterator, Sequence

from synthgen.attributes.extract import is_of_family
from synthgen.attributes.lexicon import Word, sentence_words
from synthgen.attributes.person import find_ages, years_of
from synthgen.coherence.contradiction import Contradiction, Span, sentences

_OLD = r"(?:old|y/o|yo|y\.o\.?|yrs?)[ ,-]{0,2}(?:(?!and\b|with\b|who\b)[\w'’-]+[ ,]+){0,2}?"
_AGE = r"\b\d{1,3} ?(?:y/o|yo|y\.o\.?|yrs?)? ?"
_STATED = {
    "female": re.compile(rf"{_OLD}(?:woman|female|lady|girl)\b|{_AGE}F\b|\b(?:[Ss]ex|[Gg]ender): ?(?:F|[Ff]emale)\b"),
    "male": re.compile(rf"{_OLD}(?:man|male|gentleman|boy)\b|{_AGE}M\b|\b(?:[Ss]ex|[Gg]ender): ?(?:M|[Mm]ale)\b"),
}
# a title names the patient at the start of a sentence, or after a word such as "saw"
_CALLED = (
    r"(?:^|[.!?:;]\s+|\n\s*|\b(?:[Dd]ear|saw|see|seeing|seen|reviewed|reviewing|met|meet|examined|assessed|treated|"
    r"[Rr]egarding|[Rr]e|with|for|of|is|was)\s+)"
)
_NOT_PATIENT = r"(?<!patient of )(?<!care of )(?<!clinic of )(?<!referral of )"
_TITLE = {
    "female": re.compile(rf"{_CALLED}{_NOT_PATIENT}(?:Mrs|Ms|Miss)\b\.?"),
    "male": re.compile(rf"{_CALLED}{_NOT_PATIENT}Mr\b\.?"),
}
_SUBJECT = {
    "female": re.compile(r"(?:^|[.!?;]\s+|\n\s*)[\"']?She\b"),
    "male": re.compile(r"(?:^|[.!?;]\s+|\n\s*)[\"']?He\b"),
}
_NOUN = {
    "female": re.compile(r"\b(?:[Tt]his|[Tt]he) (?:[\w-]+ ){0,3}?(?:woman|lady|girl)\b"),
    "male": re.compile(r"\b(?:[Tt]his|[Tt]he) (?:[\w-]+ ){0,3}?(?:man|gentleman|boy)\b"),
}
# another person after whom "he" or "she" need not be the patient
_OTHER = re.compile(
    r"\b(?:wife|husband|spouse|partner|girlfriend|boyfriend|fianc\w+|mother|father|mom|mum|dad|parents?|sons?"
    r"|daughters?|sister|brother|siblings?|child|children|baby|infant|fetus|foetus|aunt|uncle|grand\w+|niece|nephew"
    r"|cousin|friend|neighbou?r|caregiver|carer|guardian|nurse|doctor|physician|surgeon|therapist|assistant"
    r"|practitioner|provider|resident|attending|consultant|coworker|colleague|boss|roommate|teacher|coach|officer"
    r"|driver|people|donor|twins?|Dr|Drs|Prof|MD|RN|PA|NP|maternal|paternal|family)\b",
    re.IGNORECASE,
)
_ANATOMY = {
    "male": re.compile(
        r"\b(?:prostat(?:e|ic|itis|ectomy)|testic(?:le|les|ular)|testis|testes|scrot(?:um|al)|penis|penile"
        r"|erectile|vasectomy|circumcised|PSA)\b",
        re.IGNORECASE,
    ),
    "female": re.compile(
        r"\b(?:uterus|uterine|ovar(?:y|ies|ian)|vagina|vaginal|vulva|vulvar|pregnan(?:t|cy)|menstrua(?:l|tion)"
        r"|menopaus(?:e|al)|postmenopausal|hysterectomy|gravida|para \d|pap smear|endometri\w+|menses"
        r"|menarche|cervical smear|miscarriage|breastfeeding)\b",
        re.IGNORECASE,
    ),
}
_OPPOSITE = {"female": "male", "male": "female"}
NEXT = 20  # characters after an age in which a word such as "son" says whose age it is
LEAST_APART = 1  # years; ages are rounded, and a birthday may lie between two statements


def sex(text: str) -> Iterator[Contradiction]:
    """Yield at most one contradiction between signs of the person's sex.

    The signs, from strong to weak: a noun beside an age or a stated sex; a title; "this man", "the lady"; "He" or
    "She" at the start of a sentence. A title or pronoun does not count if another person is named in the sentence or
    the two before. The strongest kind of sign decides; every sign of the other sex contradicts it. Organs and
    conditions of the other sex count unless the sentence negates them or is about a relative.
    """
    places = list(sentences(text))
    signs = [
        *_signs(text, _STATED, lambda span: not _is_of_another(text, places, span, before=0)),
        *_signs(text, _TITLE, lambda span: not _is_of_another(text, places, span, before=0)),
        *_signs(text, _NOUN, lambda span: not _is_of_another(text, places, span, before=0)),
        *_signs(text, _SUBJECT, lambda span: not _is_of_another(text, places, span, before=3)),
    ]
    if not signs:
        return
    first, at = signs[0]
    for other, span in signs[1:]:
        if other != first:
            yield Contradiction("sex", span, at)
            return
    for words in sentence_words(text):
        match = _ANATOMY[_OPPOSITE[first]].search(text, words[0].start, words[-1].end)
        if match is not None and not _is_excused(words, match.span(), text):
            yield Contradiction("sex", match.span(), at)
            return


def _signs(
    text: str, kinds: dict[str, re.Pattern[str]], is_of_person: Callable[[Span], bool]
) -> list[tuple[str, Span]]:
    found = [(s, m.span()) for s, pattern in kinds.items() for m in pattern.finditer(text) if is_of_person(m.span())]
    return sorted(found, key=lambda sign: sign[1])


def _is_of_another(text: str, places: Sequence[Span], span: Span, *, before: int) -> bool:
    """Return whether another person is named in the sentence up to the span, or in one of the sentences before it."""
    row = next((i for i, (start, end) in enumerate(places) if span[1] - 1 < end), len(places) - 1)
    start = places[max(0, row - before)][0]
    return _OTHER.search(text, start, max(span[0], start)) is not None


_EXCUSES = re.compile(
    r"\b(?:no|not|denies|denied|without|negative|never|n/a|partner|wife|husband|spouse|mother|sister|daughter"
    r"|girlfriend|father|brother|son|donor|family|screening|if|normal|born|birth|delivery|delivered|maternal|weeks?)\b",
    re.IGNORECASE,
)


def _is_excused(words: Sequence[Word], span: Span, text: str) -> bool:
    inside = [i for i, word in enumerate(words) if word.start < span[1] and span[0] < word.end]
    is_family = bool(inside) and is_of_family(words, inside[0], inside[-1] + 1)
    return is_family or _EXCUSES.search(text, words[0].start, words[-1].end) is not None


def age(text: str) -> Iterator[Contradiction]:
    """Yield at most one contradiction between two ages of the person.

    The first age is compared with every later one that stands beside a noun for a person. Past ages ("at age 50") and
    ages in a sentence that names another person do not count.
    """
    places = list(sentences(text))
    stated = [
        (f.value, (f.start, f.end))
        for f in sorted(find_ages(text), key=lambda f: f.start)
        if f.attribute == "age"
        and not _is_of_another(text, places, (f.start, f.end), before=0)
        and _BESIDE_PERSON.match(text, f.end) is not None
        and _OTHER.search(text, f.end, f.end + NEXT) is None
    ]
    for value, span in stated[1:]:
        (low, high), (low_first, high_first) = years_of(value), years_of(stated[0][0])
        if low > high_first + LEAST_APART or high < low_first - LEAST_APART:
            yield Contradiction("age", span, stated[0][1])
            return


_BESIDE_PERSON = re.compile(
    r"[- ,]{0,2}(?:[\w'’-]+[ ,]+){0,3}?(?:woman|female|lady|girl|man|male|gentleman|boy|patient|[FM])\b"
)
