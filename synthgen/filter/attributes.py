"""What the user asks of texts: an age, a sex, a condition, a word that must or must not be there."""

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
    """Keep a candidate that is as the rules of its label, and those of any label, ask; off by default.

    A rule with `prefer` rejects nothing. The score is the number of rules fulfilled, preferred ones among them; the
    chain keeps, of a latent's candidates that passed everything, one with the largest.

    Attributes are read by rules of ours (see `synthgen.attributes.extract`), so a text that says a thing in words we
    do not know counts as not saying it.

    Args:
        rules: of each label, or of "*" for all.

    Raises:
        ConfigError: from `fit`, if a label is not in train.

    Privacy: reads the candidate's text, the label and the configuration alone. A rule that few candidates meet leaves
        few latents over, so the release draws on fewer train persons; the audits see the result. The rules themselves
        are part of the configuration that goes into the bundle.
    """

    name: ClassVar[str] = NAME
    rules: Mapping[str, Sequence[AttributeRule]]

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it with the numbers of rules that reject and prefer, not of train records that meet them.

        The score is how many rules a text fulfils; the reason names the first attribute that is not as required.
        """
        check_labels(self.rules, set(context.labels.tolist()))
        every = [rule for rules in self.rules.values() for rule in rules]
        preferred = sum(rule.prefer for rule in every)
        bounds = {"required": float(len(every) - preferred), "preferred": float(preferred)}
        return FittedFilter(NAME, bounds, lambda candidates: [self._judge(c) for c in candidates])

    def _judge(self, candidate: Candidate) -> FilterOutcome:
        rules = (*self.rules.get(candidate.label, ()), *self.rules.get(ANY_LABEL, ()))
        findings = extract(candidate.text) if rules else ()
        broken = [rule for rule in rules if not is_fulfilled(rule, candidate.text, findings)]
        required = [rule for rule in broken if not rule.prefer]
        reason = f"{NAME}_{required[0].kind}" if required else ""
        return outcome(NAME, passed=not required, score=len(rules) - len(broken), reason=reason)


def n_fulfilled(candidate: Candidate) -> float:
    """Return how many attribute rules a judged candidate fulfils, 0 where there are none."""
    return sum(o.score for o in candidate.outcomes if o.name == NAME)


def check_labels(rules: Mapping[str, Sequence[AttributeRule]], labels: Collection[str]) -> None:
    """Refuse rules for labels that no train record has.

    Raises:
        ConfigError: naming each.
    """
    if unknown := sorted(set(rules) - {*labels, ANY_LABEL}):
        raise ConfigError(
            "attributes are asked of labels that are not there",
            problems=[f"filter.attributes.{label}: no train record has this label" for label in unknown],
            hint=f'Name a label of the source, or "{ANY_LABEL}" for all of them.',
        )
