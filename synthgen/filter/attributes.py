"""Filter generated texts (candidates) by the user's rules on attributes that a text states, such as sex and age."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from synthgen.attributes import ANY_LABEL, AttributeRule, extract, is_fulfilled
from synthgen.core.errors import ConfigError
from synthgen.core.types import Candidate, FilterOutcome
from synthgen.filter.base import FilterContext, FittedFilter, outcome

NAME = "attributes"


@dataclass(frozen=True, slots=True)
class Attributes:
    """Keep a candidate that fulfils the rules for its label and the rules for all labels ("*").

    The score is the number of fulfilled rules. A rule with `prefer` counts in the score, but rejects no candidate.
    `synthgen.attributes.extract` finds the attributes of a text.

    Privacy: reads only the labels of the train records. If few candidates fulfil a rule, the release is made from
        fewer train persons. The release bundle contains the rules.
    """

    name: ClassVar[str] = NAME
    rules: Mapping[str, Sequence[AttributeRule]]

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter; raise ConfigError if no train record has the label of a rule."""
        check_labels(self.rules, set(context.labels.tolist()))
        all_rules = [rule for rules in self.rules.values() for rule in rules]
        n_preferred = sum(rule.prefer for rule in all_rules)
        bounds = {"required": float(len(all_rules) - n_preferred), "preferred": float(n_preferred)}
        return FittedFilter(NAME, bounds, lambda candidates: [self._judge(c) for c in candidates])

    def _judge(self, candidate: Candidate) -> FilterOutcome:
        rules = (*self.rules.get(candidate.label, ()), *self.rules.get(ANY_LABEL, ()))
        findings = extract(candidate.text) if rules else ()
        broken = [rule for rule in rules if not is_fulfilled(rule, candidate.text, findings)]
        required = [rule for rule in broken if not rule.prefer]
        reason = f"{NAME}_{required[0].kind}" if required else ""
        return outcome(NAME, passed=not required, score=len(rules) - len(broken), reason=reason)


def n_fulfilled(candidate: Candidate) -> float:
    """Return the number of attribute rules that a judged candidate fulfils; 0 if there are no rules."""
    return sum(o.score for o in candidate.outcomes if o.name == NAME)


def check_labels(rules: Mapping[str, Sequence[AttributeRule]], labels: Collection[str]) -> None:
    """Raise ConfigError if a rule is for a label that no train record has; list all such labels."""
    if unknown := sorted(set(rules) - {*labels, ANY_LABEL}):
        raise ConfigError(
            "filter.attributes has rules for unknown labels",
            problems=[f"filter.attributes.{label}: no train record has this label" for label in unknown],
            hint=f'Use labels of the source, or "{ANY_LABEL}" for all labels.',
        )
