"""What somebody does for a living, by phrases around it."""

import re
from collections.abc import Iterator
from functools import cache

from synthgen.attributes.finding import AttributeFinding
from synthgen.attributes.occupations import OCCUPATIONS

_FREE = r"(?P<job>[a-z][a-z'’-]*(?: [a-z][a-z'’-]*){0,3}?)"
_ENDS = (
    r"(?=\s+(?:and|who|whose|in|at|for|with|on|but|from|when|where|since|by|to|of|until|he|she)\b|\s*[.,;:()\n]|$)"
)
_MODIFIER = r"(?:retired |former |full[- ]time |part[- ]time |self[- ]employed )*"
_SUBJECT = r"\b(?:he|she|patient|pt|who|i|they)(?: is| was|'s|’s|'m| am| are| works as| has been)"


@cache
def occupations() -> tuple[str, ...]:
    """Return the names of occupations, longest first."""
    names = " ".join(OCCUPATIONS.split()).split(";")
    return tuple(sorted((name.strip() for name in names), key=lambda name: (-len(name), name)))


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    listed = rf"(?P<job>(?:[a-z-]+ ){{0,2}}?(?:{'|'.join(occupations())}))\b"
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b(?:works?|worked|working|employed)(?: (?:part|full)[- ]time)? as an? {_MODIFIER}{_FREE}{_ENDS}",
            rf"\b(?:occupation|profession|job): ?(?:an? )?{_MODIFIER}{_FREE}{_ENDS}",
            rf"{_SUBJECT} (?:an? |currently an? ){_MODIFIER}{listed}",
            rf"\bretired {listed}",
            rf"(?:old|y/o|yo) {_MODIFIER}{listed}",
            rf"\b(?:soc|sh|social|social history)\s*: ?{_MODIFIER}{listed}(?=\s*[.,;])",
        )
    )


_STATUS = re.compile(r"\b(?P<job>retired|unemployed|on disability)\b", re.IGNORECASE)


def find_work(text: str) -> Iterator[AttributeFinding]:
    """Yield occupations, by the dictionary's name where its words end the phrase, else as written; and statuses."""
    read: list[tuple[int, int]] = []
    for pattern in _patterns():
        for match in pattern.finditer(text):
            start, end = match.span("job")
            if any(a < end and start < b for a, b in read):
                continue
            read.append((start, end))
            yield AttributeFinding(attribute="occupation", value=_normal(match["job"]), start=start, end=end)
    for match in _STATUS.finditer(text):
        yield AttributeFinding(
            attribute="occupation", value=match["job"].casefold(), start=match.start(), end=match.end()
        )


def _normal(job: str) -> str:
    """Return the dictionary's name of a job, or its words as written, in lower case."""
    plain = " ".join(job.casefold().split())
    return next((name for name in occupations() if plain == name or plain.endswith(f" {name}")), plain)
