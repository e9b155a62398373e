"""Extract the attributes of a person, such as conditions and habits, from a text about this person.

Regular expressions find the age, sex and occupation, and amounts of tobacco and alcohol. All other attributes are
terms of the dictionaries, such as "chest pain". Terms about relatives are skipped. A trigger is a phrase that changes
the meaning of terms after it: "denies" negates them, and "risk of" makes them possibilities. A trigger applies to
terms within `REACH_WORDS` words, but not across a semicolon, a bracket or a reset word such as "but".

Reference: Chapman et al., "A Simple Algorithm for Identifying Negated Findings and Diseases in Discharge Summaries",
Journal of Biomedical Informatics, 2001. The word lists were written for this project.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from synthgen.attributes.dictionaries import HABITS
from synthgen.attributes.lexicon import OTHER, AttributeFinding, Word, find_terms, sentence_words
from synthgen.attributes.person import find_ages, find_sex, find_work

Assertion = Literal["affirmed", "negated", "unrelated"]
REACH_WORDS = 6  # largest number of words between a trigger and a term (see `_first_trigger_end`)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for phrase in text.split(";"))


# triggers that negate the terms after the trigger
_DENIALS = _phrases(
    "no longer;no;not;non;denies;denied;denying;deny;without;never;neither;nor;absent;lacks;negative for;neg for;"
    "free of;absence of;isn't;doesn't;didn't;hasn't;don't;wasn't;haven't;w o;ruled out;nil"
)
# words that cancel a trigger "no" or "not" directly before them, as in "no change"
_CANCELLERS = _set(
    "change changes improvement increase increased relief doubt difficulty response only sure certain well fully"
    " completely optimally adequately just always necessarily better worse worsening matter"
)
# triggers that negate the medications after the trigger
_STOPS = _phrases(
    "stop;stopped;stopping;discontinue;discontinued;discontinuing;hold;held;off;intolerant of;intolerant to;"
    "intolerance to;allergic to;allergy to;avoid;avoids;avoiding;refused;declined"
)
_ALLERGIES = _set("allergies allergy allergic all")  # words before an allergy; "all" means "allergies"
# reset words: words of `_DENIALS` and `_ALLERGIES` before a reset word do not apply to terms after the reset word
_RESETS = _set(
    "but however although though yet except apart aside besides reports reported reporting endorses endorsed admits"
    " admitted other complains complained has have had having takes taking took describes described presents"
    " presented states mentions notes noted positive developed experiences experienced feels felt"
)
# additional reset words for medications, also for triggers of `_STOPS`
_STARTS = _set(
    "start started starting begin began begun continue continues continued continuing add added adding switched on"
    " prescribed prescribe prescribing commence commenced resume resumed now instead"
)
# triggers after which terms are only possibilities, as in "risk of stroke"; no reset word ends their reach
_HYPOTHETICALS = _phrases(
    "if;r o;rule out;risk of;risk for;risk factors;screen for;screening for;screened for;monitor for;watch for;"
    "return for;call for;to prevent;prevention of;prophylaxis;exclude;concern for;warned about;signs of"
)
_MAX_TRIGGER_WORDS = max(map(len, (*_DENIALS, *_STOPS, *_HYPOTHETICALS)))
FAMILY = _set(
    "mother father mom dad brother brothers sister sisters son sons daughter daughters aunt uncle grandmother"
    " grandfather grandparent grandparents sibling siblings parent parents cousin cousins maternal paternal fh fhx"
    " famhx grandson granddaughter niece nephew"
)
# words after which a term is about the person in spite of an earlier relative: "mother died, he has gout"
_PATIENT = _set("he she patient pt i you they")
# phrases that negate the term before them, as in "fever was denied"
_DENIALS_AFTER = _phrases(
    "denied;absent;negative;none;resolved;ruled out;not present;was denied;were denied;is denied;are denied"
)
# phrases that negate the medication before them, as in "aspirin was stopped"
_STOPS_AFTER = _phrases(
    "was stopped;were stopped;be stopped;was discontinued;is discontinued;be discontinued;was held;has been stopped;"
    "discontinued;stopped"
)
_NO_AFTER_COLON = _set("no none denies denied negative nil never absent")  # denials after a colon: "cough: none"


def assertion(words: Sequence[Word], i: int, j: int, *, is_medication: bool) -> Assertion:
    """Return whether a sentence affirms or negates, for the person, the term at words i to j − 1 of the sentence.

    The result is the first value that applies:

    - "unrelated": the term is about a relative, is only a possibility, or is an allergy to anything but a medication;
    - "negated": the term is an allergy to a medication, or the sentence negates the term;
    - "affirmed": all other cases.
    """
    if is_of_family(words, i, j) or _reaches(words, i, _HYPOTHETICALS, frozenset()):
        return "unrelated"
    if _is_allergy(words, i):
        return "negated" if is_medication else "unrelated"
    denied = _reaches(words, i, _DENIALS, _RESETS | (_STARTS if is_medication else frozenset()))
    stopped = is_medication and _reaches(words, i, _STOPS, _STARTS | _set("but with takes taking"))
    return "negated" if denied or stopped or _is_denied_after(words, j, is_medication=is_medication) else "affirmed"


def is_of_family(words: Sequence[Word], i: int, j: int) -> bool:
    """Return whether the term at words i to j − 1 is about a relative.

    - If a relative or "family history" precedes the term, the result is true unless a word of `_PATIENT` stands
      between. A relative after "with" is ignored ("lives with his mother").
    - Otherwise, the result is true if one of the next four words is a relative that follows "in" ("in her father") or
      a bracket directly after the term ("(father)").
    """
    for k in range(i):
        is_history = words[k].folded == "family" and k + 1 < i and words[k + 1].folded in {"history", "hx", "hist"}
        if not (words[k].folded in FAMILY or is_history):
            continue
        if not any(word.folded == "with" for word in words[max(0, k - 2) : k]):
            return not any(word.folded in _PATIENT for word in words[k + 1 : i])
    near = words[j : j + 4]
    return any(
        word.folded in FAMILY and ("(" in words[j - 1].after or any(w.folded == "in" for w in near[:n]))
        for n, word in enumerate(near)
    )


def _is_allergy(words: Sequence[Word], i: int) -> bool:
    """Return whether "allergies:" or "allergic to" precedes the term at word i, with no reset word between them."""
    return any(
        words[k].folded in _ALLERGIES
        and (":" in words[k].after or (k + 1 < i and words[k + 1].folded == "to"))
        and not any(word.folded in _RESETS | _STARTS for word in words[k + 1 : i])
        for k in range(i)
    )


def _reaches(words: Sequence[Word], i: int, triggers: Sequence[tuple[str, ...]], resets: frozenset[str]) -> bool:
    """Return whether one of the triggers before the term at word i applies to the term; `resets` are reset words."""
    folded = [word.folded for word in words]
    start = next((k + 1 for k in range(i - 1, -1, -1) if any(mark in words[k].after for mark in ";()")), 0)
    first_end = _first_trigger_end(words, i, resets)
    for k in range(max(start, first_end - _MAX_TRIGGER_WORDS), i):
        for trigger in triggers:
            end = k + len(trigger)
            is_cancelled = trigger in {("no",), ("not",)} and folded[min(end, i)] in _CANCELLERS
            if first_end <= end <= i and tuple(folded[k:end]) == trigger and not is_cancelled:
                return True
    return False


def _first_trigger_end(words: Sequence[Word], i: int, resets: frozenset[str]) -> int:
    """Return the smallest index at which a trigger may end (exclusive) to apply to the term at word i.

    At most `REACH_WORDS` words may stand between trigger and term; a comma, "and" or "or" restarts the count. A reset
    word between them is allowed only directly after the trigger ("never had", "does not take").
    """
    n_words = 0
    for k in range(i - 1, -1, -1):
        n_words = 0 if "," in words[k].after or words[k].folded in {"and", "or"} else n_words + 1
        if n_words > REACH_WORDS or words[k].folded in resets:
            return next((before + 1 for before in range(k, -1, -1) if words[before].folded not in resets), 0)
    return 0


def _is_denied_after(words: Sequence[Word], j: int, *, is_medication: bool) -> bool:
    """Return whether the words from j on negate the preceding term, as in "cough: none" or "fever was denied"."""
    if j == len(words):
        return False
    if ":" in words[j - 1].after:
        return words[j].folded in _NO_AFTER_COLON
    # the phrase begins at one of the next three words, or five for a medication: "aspirin 81 mg was stopped"
    for k in range(j, min(j + (5 if is_medication else 3), len(words))):
        if any(mark in words[k - 1].after for mark in ",;("):
            return False
        for phrase in _DENIALS_AFTER + (_STOPS_AFTER if is_medication else ()):
            end = k + len(phrase)
            is_phrase = tuple(word.folded for word in words[k:end]) == phrase
            # a phrase of one word must end the clause, because "cough and denied fever" denies only the fever
            if is_phrase and (len(phrase) > 1 or end == len(words) or words[end - 1].after.strip()):
                return True
    return False


# negated status of a habit -> reported status: "denies smoking" negates "current" and gives "none"; other negated
# statuses are skipped
_DENIED_HABIT = {"current": "none", "regular": "little"}
_PACK_YEARS = re.compile(r"(?i)\b(\d{1,3})[- ](?:py|pack[- ]?years?)\b")
_DRINKS = re.compile(
    r"(?i)\b(?:drinks (?:about |up to |around )?(?P<a>\d{1,3})\b"
    r"|(?:etoh|alcohol)(?: use)?:? (?P<b>\d{1,3})\b"
    r"|(?P<c>\d{1,3}) (?:drinks|units|glasses|beers)(?: of [a-z]+)? ?(?:a|per|/|each|every) ?(?:day|week|wk|month))"
)


def extract(text: str) -> tuple[AttributeFinding, ...]:
    """Return the attributes of the person in a short text or clinical note, in text order, with at most one sex.

    The dictionaries contain about 1,330 English names for 519 conditions, symptoms and medications, and for habits. A
    stated age also gives an age band; a stated decade, such as "in her sixties", only if it is within one band.
    Statements about relatives and possibilities ("return if", "risk of") are skipped. An allergy to a medication is
    reported as a negated medication; all other allergies are skipped.

    The function is not a clinical system, and it was not evaluated on annotated notes. An earlier version, whose
    dictionaries had about twenty fewer terms, was tested on phrases of the fictional clinic (`examples/clinic`). It
    found 70 of 109 conditions, 113 of 141 medications and 62 of 164 symptoms. Known limitations:

    - Terms outside the dictionaries are missed, such as descriptions ("needs a rail on the stairs"), misspellings,
      languages other than English, and ambiguous abbreviations ("PE", "RA", "MI").
    - Doses, times, severity and laboratory values are ignored. Past and doubtful conditions count as present.
    - Distant negation, negation across sentences and double negation are missed.
    - Below the heading "FAMILY HISTORY", a line that names no relative counts as a statement about the person.
    - All attributes are assigned to one person, even if a text describes several.
    - A date of birth or "at age 50" gives no age, and a first name gives no sex.
    - Advice ("no alcohol") and words with a different meaning ("a confused market") count as facts about the person.

    Privacy: the findings are as private as the text.
    """
    sentences = sentence_words(text)

    def is_of_person(start: int, end: int) -> bool:
        for words in sentences:
            overlapping = [i for i, word in enumerate(words) if word.start < end and start < word.end]
            if overlapping:
                return not is_of_family(words, overlapping[0], overlapping[-1] + 1)
        return True

    amounts = [f for f in _amounts(text) if is_of_person(f.start, f.end)]
    findings = [f for words in sentences for f in _terms(words) if not any(_overlap(f, amount) for amount in amounts)]
    findings += [f for f in (*find_ages(text), *find_work(text)) if is_of_person(f.start, f.end)]
    sex = find_sex(text, is_of_person)
    findings += [] if sex is None else [sex]
    # "20 pack-years" gives the status "ever", because the person may have stopped; an explicit status replaces "ever"
    explicit = {f.attribute for f in findings}
    findings += [f for f in amounts if f.value != "ever" or f.attribute not in explicit]
    return tuple(sorted(findings, key=lambda f: (f.start, f.end, f.attribute, f.value)))


def _terms(words: Sequence[Word]) -> Iterator[AttributeFinding]:
    """Yield the attributes that one sentence affirms or negates by terms of the dictionaries."""
    for i, j, term in find_terms(words):
        asserted = assertion(words, i, j, is_medication=term.attribute == "medication")
        if asserted == "unrelated" or term.attribute == OTHER:
            continue
        span, is_negated = (words[i].start, words[j - 1].end), asserted == "negated"
        if term.attribute not in HABITS:
            yield AttributeFinding(term.attribute, term.value, *span, negated=is_negated)
        elif not is_negated or term.value in _DENIED_HABIT:
            yield AttributeFinding(term.attribute, _DENIED_HABIT[term.value] if is_negated else term.value, *span)


def _amounts(text: str) -> Iterator[AttributeFinding]:
    """Yield the smoking and alcohol statuses that follow from amounts, such as "20 pack-years"."""
    for match in _PACK_YEARS.finditer(text):
        yield AttributeFinding("smoking", "none" if int(match[1]) == 0 else "ever", *match.span())
    for match in _DRINKS.finditer(text):
        n_drinks = int(match["a"] or match["b"] or match["c"])
        yield AttributeFinding("alcohol", "none" if n_drinks == 0 else "current", *match.span())


def _overlap(a: AttributeFinding, b: AttributeFinding) -> bool:
    return a.attribute == b.attribute and a.start < b.end and b.start < a.end
