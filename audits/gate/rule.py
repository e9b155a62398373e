"""One comparison of a policy, and how it went on evidence: the pessimistic end of the interval is what counts."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from audits.core.strictmodel import Closed, Finite
from audits.gate.evidence import Evidence, Metric, MetricName
from audits.gate.outcome import Outcome, RuleOutcome

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=600)]


class Rule(Closed):
    """One comparison.

    Args:
        id: short name of the gate, unique in its policy.
        metric: the number, as `membership.auc`.
        bound: which end is compared: `high` with <=, `low` with >=; `value` only for exact numbers, such as counts,
            whose interval has no width.
        op: what must hold between the bound and the limit.
        limit: the threshold.
        min_n: the number of independent units below which the number decides nothing.
        why: one sentence for the reader of the report.
    """

    id: Name
    metric: MetricName
    bound: Literal["low", "high", "value"]
    op: Literal["<=", ">="]
    limit: Finite
    min_n: Annotated[int, Field(ge=1)] | None = None
    why: Sentence

    @model_validator(mode="after")
    def _pessimistic(self) -> Self:
        if (self.op, self.bound) in {("<=", "low"), (">=", "high")}:
            raise ValueError(f"{self.op} must look at the pessimistic end, not at {self.bound}")
        return self


ATTEMPTS, SECRET = "attempts.number", "secret.private"
# what holds for every policy for outside, whoever wrote it
OUTSIDE = (
    Rule(
        id="secret-private",
        metric=SECRET,
        bound="value",
        op=">=",
        limit=1,
        why="Where the random streams are not secret, whoever guesses the seed knows who was in train.",
    ),
    Rule(
        id="attempts-counted",
        metric=ATTEMPTS,
        bound="value",
        op=">=",
        limit=1,
        why="Nobody knows how often these control persons were asked until the answer was yes.",
    ),
)
_ROUNDING = 1e-12  # of a confidence, which goes through 1 - alpha


def compared(evidence: Evidence, rule: Rule, confidence: float) -> RuleOutcome:
    """Return how a comparison went; what is missing, not a number or rests on too little decides nothing.

    Args:
        evidence: the numbers.
        rule: what must hold.
        confidence: how sure an interval must be.
    """
    metric = evidence.metrics.get(rule.metric)
    value = None if metric is None else float(getattr(metric, rule.bound))
    lack = _lack(evidence, rule, metric, confidence)
    verdict: Outcome = "INSUFFICIENT"
    reason = "not measured" if lack is None else lack
    if lack is None and value is not None:
        holds = value <= rule.limit if rule.op == "<=" else value >= rule.limit
        verdict = "PASS" if holds else "FAIL"
        reason = f"{value:.6g} {rule.op} {rule.limit:g} {'holds' if holds else 'does not hold'}"
    return RuleOutcome(
        id=rule.id,
        metric=f"{rule.metric}.{rule.bound}",
        op=rule.op,
        limit=rule.limit,
        value=value,
        verdict=verdict,
        reason=reason,
        why=rule.why,
        estimate=metric,
    )


def _lack(evidence: Evidence, rule: Rule, metric: Metric | None, confidence: float) -> str | None:
    """Return why a number decides nothing, or None if it may decide."""
    state = evidence.audits.get(rule.metric.split(".", 1)[0])
    if state is not None and state.status != "measured":
        return f"its audit was not measured: {state.status}"
    if metric is None:
        return "the number is missing"
    if rule.metric.startswith("selftest.") and "selftest" not in evidence.digests:
        return "the evidence does not say which self-test it is of"
    return _weakness(rule, metric, confidence)


def _weakness(rule: Rule, metric: Metric, confidence: float) -> str | None:
    """Return why a number that is there decides nothing, or None if it may decide."""
    if not all(math.isfinite(end) for end in (metric.value, metric.low, metric.high)):
        return "not a number"
    if rule.min_n is not None and metric.n < rule.min_n:
        return f"rests on {metric.n} units, at least {rule.min_n} are needed"
    if rule.bound == "value":
        return None if metric.low == metric.high else "has an interval, so its value alone decides nothing"
    return unsure_of("its interval", metric.confidence, confidence)


def unsure_of(what: str, confidence: float | None, sure: float) -> str | None:
    """Return why something is not sure enough, or None if it is."""
    if confidence is None:
        return f"nobody knows the confidence of {what}"
    if confidence < sure - _ROUNDING:
        return f"{what} has confidence {confidence:.6g}, at least {sure:.6g} is needed at this attempt"
    return None
