"""Count the texts that contradict themselves."""

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
MAX_READ = 6_000  # largest number of characters read per text; some rules take time quadratic in this number


def contradictions(text: str) -> tuple[Contradiction, ...]:
    """Return the contradictions of a text, in the order of `RULES`.

    The rules are written for English clinical text. In other texts, they find little except repetitions and
    incomplete last sentences. They miss some contradictions, and report some correct passages. Only the first
    `MAX_READ` characters are read; in a longer text, the rule `cut` (for an incomplete last sentence) is omitted.
    """
    read = text[:MAX_READ]
    rules = RULES if len(text) == len(read) else {name: rule for name, rule in RULES.items() if name != "cut"}
    return tuple(found for rule in rules.values() for found in rule(read))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coherence:
    """Counts of texts that contradict themselves."""

    n: int  # number of texts
    n_contradictory: int  # number of texts with at least one contradiction
    by_rule: Mapping[str, int]  # for each rule, number of texts in which the rule finds a contradiction


def coherence(texts: Sequence[str]) -> Coherence:
    """Return the number of texts that contradict themselves, in total and for each rule.

    Raise ValueError if there are no texts.

    Privacy: for real records, the counts are aggregates of private data.
    """
    if not texts:
        raise ValueError("coherence needs at least one text")
    rules_of_texts = [{contradiction.rule for contradiction in contradictions(text)} for text in texts]
    counts = Counter(rule for rules in rules_of_texts for rule in rules)
    return Coherence(
        n=len(texts), n_contradictory=sum(map(bool, rules_of_texts)), by_rule={rule: counts[rule] for rule in RULES}
    )
