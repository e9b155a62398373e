"""Measure how many texts contradict themselves."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthgen.coherence import dates, findings, persons, treatment, values, wording
from synthgen.coherence.contradiction import Contradiction

Rule = Callable[[str], Iterator[Contradiction]]
RULES: Mapping[str, Rule] = {
    "sex": persons.sex,
    "age": persons.age,
    "laterality": findings.laterality,
    "denied": findings.denied,
    "treatment": treatment.treatment,
    "implausible": values.implausible,
    "dates": dates.out_of_order,
    "repeated": wording.repeated,
    "cut": wording.cut,
}


def contradictions(text: str) -> tuple[Contradiction, ...]:
    """Return the contradictions of a text, in the order of `RULES`.

    The rules read English clinical text. In other texts they find repetitions and cut ends, and little else. They
    prefer missing a contradiction to reporting a wrong one.
    """
    return tuple(found for rule in RULES.values() for found in rule(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coherence:
    """How many of n texts contradict themselves."""

    n: int
    any: int  # number of texts with at least one contradiction
    by_rule: Mapping[str, int]  # number of texts with a contradiction of the rule, for each rule


def coherence(texts: Sequence[str]) -> Coherence:
    """Return how many texts contradict themselves, in all and by rule.

    Raises:
        ValueError: there are no texts.

    Privacy: for real records, the counts are aggregates of private data.
    """
    if not texts:
        raise ValueError("coherence needs at least one text")
    found = [{contradiction.rule for contradiction in contradictions(text)} for text in texts]
    counts = Counter(rule for rules in found for rule in rules)
    return Coherence(n=len(texts), any=sum(map(bool, found)), by_rule={rule: counts[rule] for rule in RULES})
