"""The rules of a policy, and the function that tests one rule on the results of the audits."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from audits.core.strictmodel import Closed, Finite
from audits.gate.evidence import Evidence, Metric, MetricName
from audits.gate.outcome import Outcome, RuleOutcome

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=600)]


class Rule(Closed):
    """A condition on a metric: one end of its interval, or its exact value, is compared with a limit."""

    id: Name  # id of the rule, unique in its policy
    metric: MetricName  # for example `membership.auc`
    bound: Literal["low", "high", "value"]  # `high` with <=, `low` with >=; `value` for exact numbers such as counts
    op: Literal["<=", ">="]
    limit: Finite
    min_n: Annotated[int, Field(ge=1)] | None = None  # smallest n of the metric with which the rule can pass or fail
    why: Sentence  # purpose of the rule, for the reader of the report

    @model_validator(mode="after")
    def _pessimistic(self) -> Self:
        if (self.op, self.bound) in {("<=", "low"), (">=", "high")}:
            worse = "high" if self.op == "<=" else "low"
            problem = f"`op: {self.op}` with `bound: {self.bound}` compares the better end of the interval"
            raise ValueError(f"{problem}; use `bound: {worse}`, or `bound: value` for an exact number")
        if self.metric.endswith(".hard_hits") and self.bound != "value":
            raise ValueError("a rule on hard_hits, which is a count, needs `bound: value`")
        return self


ATTEMPTS, SECRET, QUARANTINED = "attempts.number", "secret.private", "input_checks.quarantined_rows"
_GUESSABLE = "If the random streams are not secret, anyone who guesses the seed knows who was in train."
_COUNTED = "The audits of these control persons must be counted; otherwise they could be repeated until they pass."
_REMOVED = "The verdicts apply to the table without the quarantined rows, so these rows must be removed first."
# rules of every policy for use outside the institution; independent policies (`audits.gate.independent`) have only
# the first, because the number of attempts is not an independent metric
EXTERNAL_RULES = (
    Rule(id="secret-private", metric=SECRET, bound="value", op=">=", limit=1, why=_GUESSABLE),
    Rule(id="attempts-counted", metric=ATTEMPTS, bound="value", op=">=", limit=1, why=_COUNTED),
)
NO_QUARANTINED_ROW = Rule(id="no-quarantined-row", metric=QUARANTINED, bound="value", op="<=", limit=0, why=_REMOVED)
# metrics that state facts and measure nothing; the lineage lists the parents of each synthetic record, which are the
# train records from which it was made
STATED = {"parent_recovery.lineage", "parent_recovery.records_with_parents"}
_FIRST = 4 / 5  # share of alpha that the first attempt gets, see `confidence_of`
_LATER = 1 / 5  # alpha of each further attempt, divided by the alpha of the attempt before it
_ROUNDING = 1e-12  # tolerance for the rounding error of a confidence, which is computed as 1 - alpha


def confidence_of(number: float, confidence: float) -> float:
    """Return the one-sided confidence that every interval needs in audit `number` of the same control persons.

    Control persons are persons whose records the generator never saw, and each audit of them is an attempt, counted
    from 1. Over any number of attempts, a leaking table passes a rule by chance with probability at most
    alpha = 1 - `confidence`. Attempt j gets a part of alpha:

        alpha_j = alpha · 4/5 · (1/5)^(j - 1),   where the sum of alpha_j over all j is alpha

    With alpha = 0.05 and a power of 80 %, attempt 1 needs ((z_0.96 + z_0.8) / (z_0.95 + z_0.8))^2 = 1.09 times as
    many persons as a single audit at alpha (z_p is the normal quantile at p). The factors 4/5 and 1/5 are our choice.

    Reference: alpha spending, Foster and Stine, J. R. Statist. Soc. B 2008.
    """
    share: float = _LATER ** (number - 1)
    return 1 - (1 - confidence) * _FIRST * share


def compare(evidence: Evidence, rule: Rule, confidence: float) -> RuleOutcome:
    """Return the outcome of a rule on evidence whose intervals must have at least the given confidence.

    The outcome is INSUFFICIENT in each of these cases:

    - The metric is missing or not finite, its n is below `min_n`, or it is from a self-test without a digest.
    - The status of the metric's audit is not `measured`.
    - The rule compares an end of the interval, but the confidence of the interval is unknown or too low.
    - The rule compares an exact value, but the metric has an interval.
    - The rule compares an exact value, but the audit neither passed nor failed (except metrics in `STATED`).
    """
    metric = evidence.metrics.get(rule.metric)
    value = math.nan if metric is None else float(getattr(metric, rule.bound))
    verdict: Outcome = "INSUFFICIENT"
    reason = _problem(evidence, rule, metric, confidence)
    if reason is None:
        holds = value <= rule.limit if rule.op == "<=" else value >= rule.limit
        verdict = "PASS" if holds else "FAIL"
        reason = f"{value:.6g} {rule.op} {rule.limit:g} {'holds' if holds else 'does not hold'}"
    return RuleOutcome(
        id=rule.id,
        metric=f"{rule.metric}.{rule.bound}",
        op=rule.op,
        limit=rule.limit,
        value=None if metric is None else value,
        verdict=verdict,
        reason=reason,
        why=rule.why,
        estimate=metric,
    )


def _problem(  # noqa: PLR0911 - one return per reason
    evidence: Evidence, rule: Rule, metric: Metric | None, confidence: float
) -> str | None:
    audit = rule.metric.split(".", 1)[0]
    state = evidence.audits.get(audit)
    if state is not None and state.status != "measured":
        return f"the audit {audit} gave no usable result (status {state.status})"
    if metric is None:
        return f"the evidence has no number for {rule.metric}"
    if rule.metric.startswith("selftest.") and "selftest" not in evidence.digests:
        return "the evidence has no digest of the self-test"
    if not all(math.isfinite(end) for end in (metric.value, metric.low, metric.high)):
        return "the number or an end of its interval is not finite"
    if rule.min_n is not None and metric.n < rule.min_n:
        return f"based on {metric.n} persons or records; at least {rule.min_n} are needed"
    if rule.bound == "value" and metric.low != metric.high:
        return "the number has an interval, but the rule compares exact values only"
    if rule.bound == "value":
        lacks_verdict = state is not None and state.verdict not in {"pass", "fail"} and rule.metric not in STATED
        return "its audit reached no verdict, so the policy cannot use this number" if lacks_verdict else None
    return confidence_gap("its interval", metric.confidence, confidence)


def confidence_gap(what: str, confidence: float | None, needed: float) -> str | None:
    """Return a sentence about `what` if its confidence is unknown or below `needed`, and None otherwise."""
    if confidence is None:
        return f"the confidence of {what} is not known"
    if confidence < needed - _ROUNDING:
        return f"{what} has confidence {confidence:.6g}; at least {needed:.6g} is needed at this attempt"
    return None
