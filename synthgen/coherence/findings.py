"""Find contradictory findings: one finding on two sides of the body, or one symptom that is asserted and denied."""

import re
from collections import defaultdict
from collections.abc import Iterator

from synthgen.coherence.contradiction import Contradiction, Span, findings_of, row_of, sentences
from synthgen.coherence.persons import OTHER

_SIDE = r"(?P<side>left|right)(?:-sided)?"
_PART = (
    r"(?P<part>knee|hip|shoulder|elbow|wrist|ankle|foot|hand|arm|leg|eye|ear|breast|lung|kidney|thumb|heel|thigh|calf"
    r"|testicle|ovary|flank|groin|forearm|upper lobe|lower lobe)"
)
_FINDING = (
    r"(?P<finding>pain|fracture|swelling|weakness|injury|numbness|mass|lump|replacement|arthroplasty|effusion"
    r"|dislocation|tear|sprain|hernia|cancer|infection|ulcer|abscess|osteoarthritis|arthritis)"
)
_ON_SIDE = (
    re.compile(rf"(?i)\b{_SIDE} {_PART} {_FINDING}\b"),
    re.compile(rf"(?i)\b{_FINDING} (?:of|in|to) (?:the |his |her )?{_SIDE} {_PART}\b"),
)
_UNCLEAR_SIDE = re.compile(
    r"(?i)\b(?:bilateral(?:ly)?|both|contralateral|opposite|other|either|no|not|without|denies|negative|previous(?:ly)?"
    r"|prior|former|history|resolved|compared|than|versus|vs|then|now|also|later|subsequent(?:ly)?|ago|healed"
    r"|initially|since|years?|status post|s/p|was|were|fixed)\b|^\s*\d+[.)]"
)


def laterality(text: str) -> Iterator[Contradiction]:
    """Yield at most one finding that the text states both on the left side and on the right side of the body.

    A sentence is ignored if it compares sides, denies the finding, is about the past or a change, or is an item of a
    numbered list. A finding that one sentence states on both sides is no contradiction. A text that contains the word
    "bilateral" is not tested.
    """
    # first passage about a finding; outer key: body part and finding, inner key: "left" or "right"
    spans: dict[tuple[str, str], dict[str, Span]] = defaultdict(dict)
    two_sided: set[tuple[str, str]] = set()  # findings that one sentence states on both sides
    if "bilateral" in text.casefold():
        return
    for start, end in sentences(text):
        if _UNCLEAR_SIDE.search(text, start, end):
            continue
        stated: dict[tuple[str, str], set[str]] = defaultdict(set)
        for match in (match for pattern in _ON_SIDE for match in pattern.finditer(text, start, end)):
            key, side = (match["part"].casefold(), match["finding"].casefold()), match["side"].casefold()
            spans[key].setdefault(side, match.span())
            stated[key].add(side)
        two_sided |= {key for key, sides in stated.items() if len(sides) == 2}
    for key, sides in spans.items():
        if len(sides) == 2 and key not in two_sided:
            first, second = sorted(sides.values())
            yield Contradiction("laterality", second, first)
            return


_TIME_OR_DEGREE = re.compile(
    r"(?i)\b(?:previous(?:ly)?|prior|former(?:ly)?|initial(?:ly)?|resolved|resolving|improved|gone|subsided|better|ago"
    r"|history(?! is of)|hx|before|after|today|now|currently|since|last|then|until|used to|at (?:this|that) time"
    r"|further|other|new|recent|more|any|significant|severe|intermittent(?:ly)?|occasional(?:ly)?|sometimes|episodes?|if"
    r"|when|except|besides|had|was|were|yesterday|issues|problems|developed|started|complained|risk|return|worsening|acute"
    r"|active|associated|often|at night|with exertion|at rest|radiating|admission|presented|day|days|weeks?|months?"
    r"|years?)\b"
)
_ASSERTS = re.compile(
    r"(?i)\b(?:reports?|has|have|having|complains? of|presents? with|presenting with|endorses?|admits? to"
    r"|suffers? from|experienc(?:es|ing)|troubled (?:with|by)|bothered by|history is of|problems? (?:is|are)"
    r"|positive for|(?:chief )?complaints?(?: is| of|:))\b"
)
_PLACE = re.compile(
    r"(?i)\b(?:left|right|upper|lower|bilateral\w*|anterior|posterior|lateral|medial|calf|ankle|pedal|joint|neck|wrist"
    r"|hand|lip|facial|morning|night|exam\w*|palpation|auscultation)\b"
)
_NARROWER = re.compile(r"\s+(?:on|in|of|from|with|at|when|while|during|after|noted|seen|elsewhere)\b")


def denied(text: str) -> Iterator[Contradiction]:
    """Yield at most one symptom that one passage asserts ("reports", "has") and another passage denies.

    A sentence is ignored if it names a person other than the patient, has a word of time, degree, place or change
    ("previously", "severe", "left"), or narrows the symptom ("pain when walking"). Both passages can then be true.
    """
    clear = [s for s in sentences(text) if not any(p.search(text, *s) for p in (_TIME_OR_DEGREE, _PLACE, OTHER))]
    # first passage about a symptom; outer key: the symptom, inner key: whether the passage denies the symptom
    statements: dict[str, dict[bool, Span]] = defaultdict(dict)
    for finding in findings_of(text):
        row = row_of(clear, finding.start)
        if finding.attribute != "symptom" or row is None or _NARROWER.match(text, finding.end):
            continue
        if finding.negated or _ASSERTS.search(text, clear[row][0], finding.start):
            statements[finding.value].setdefault(finding.negated, (finding.start, finding.end))
    for of_symptom in statements.values():
        if len(of_symptom) == 2:
            first, second = sorted(of_symptom.values())
            yield Contradiction("denied", second, first)
            return
