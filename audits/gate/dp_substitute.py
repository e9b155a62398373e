"""What stands in for the question of parents where no record has any: a privacy budget that was accounted for.

`parent_recovery` asks whether the records that a text was mixed from can be found again. A method that asks persons
under differential privacy mixes no records, so the question has no object; and what it would have shown, that
nobody's record shapes a text by much, follows from the budget instead, for every record and every attack. Without a
budget it does not follow: points of a model that every record shaped have no parents either, and promise nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from audits.core.strictmodel import Closed, Finite
from audits.gate.evidence import AuditName, Evidence
from audits.gate.outcome import RuleOutcome

METHOD = "method.private"  # 1 where the run's method is differentially private, as the engine knows it
LEDGER, PARENTS = "parent_recovery.lineage", "parent_recovery.records_with_parents"
ACCOUNTING = "accounting"


class DpSubstitute(Closed):
    """What is asked for instead of some audits where no record has parents; it never excuses an audit that failed.

    Args:
        instead_of: audits of the policy's `required` that then need not pass, but must have been measured.
        rules: comparisons of these audits' numbers that then gate nothing.
        required: audits that must pass then; `accounting` is one.
        max_epsilon: the most that this release, and all on the same persons together, may have spent.
        max_delta: likewise, of this release.
    """

    instead_of: Annotated[tuple[Literal["parent_recovery"], ...], Field(min_length=1)]
    rules: tuple[str, ...] = ()
    required: Annotated[tuple[AuditName, ...], Field(min_length=1)]
    max_epsilon: Annotated[Finite, Field(gt=0)]
    max_delta: Annotated[Finite, Field(gt=0, lt=1)]


def why_not(evidence: Evidence, given: DpSubstitute) -> tuple[str, ...]:
    """Return why the audits apply all the same; nothing where they do not.

    Method, parents and accounting must say the same, each by itself: a method that mixes records and states no
    parents has no accounting, and a log beside it does not make the method private. What is missing is a reason.
    """
    state, name = evidence.audits.get(ACCOUNTING), f"{ACCOUNTING}.epsilon"
    known = {
        "no differentially private method made the records": _is_exactly(evidence, METHOD, 1.0),
        "nobody says what each record was made from": _is_exactly(evidence, LEDGER, 1.0),
        "records have parents": _is_exactly(evidence, PARENTS, 0.0),
        "no accounting that passed stands behind them": state is not None
        and (state.status, state.verdict) == ("measured", "pass"),
        f"more than epsilon {given.max_epsilon:g} was spent": _is_at_most(evidence, name, given.max_epsilon)
        and (f"{name}_spent" not in evidence.metrics or _is_at_most(evidence, f"{name}_spent", given.max_epsilon)),
        f"delta is above {given.max_delta:g}": _is_at_most(evidence, f"{ACCOUNTING}.delta", given.max_delta),
    }
    return tuple(reason for reason, holds in known.items() if not holds)


def check_given(
    given: DpSubstitute, *, required: Sequence[str], measured: Sequence[str], metrics: Mapping[str, str]
) -> None:
    """Refuse what stands in for something that the policy does not ask for, or is asked for anyway.

    Args:
        given: of a policy.
        required: its audits that must pass.
        measured: its audits that must have been measured.
        metrics: what each of its rules compares, by the rule's id.

    Raises:
        ValueError: with the reason.
    """
    if not set(given.instead_of) <= set(required):
        raise ValueError("dp_substitute: instead_of names an audit that is not required")
    of_them = {name for name, of in metrics.items() if of.split(".", 1)[0] in given.instead_of and of != LEDGER}
    if not set(given.rules) <= of_them:
        raise ValueError("dp_substitute: rules names one that is not of an audit it stands in for")
    if ACCOUNTING not in given.required or {*given.required} & {*required, *measured}:
        raise ValueError("dp_substitute: required names accounting, and no audit that is asked for anyway")


def stood_in_for(outcome: RuleOutcome, name: str, evidence: Evidence, given: DpSubstitute | None) -> RuleOutcome:
    """Return how a required audit went; where something stands in for it, that it was measured and did not fail."""
    if given is None or name not in given.instead_of or outcome.verdict != "INSUFFICIENT":
        return outcome
    applies, state = why_not(evidence, given), evidence.audits.get(name)
    if applies:
        return replace(outcome, reason=f"{outcome.reason}; it applies, for {applies[0]}")
    if state is None or state.status != "measured" or state.verdict == "fail":
        return outcome
    return RuleOutcome(
        id=outcome.id,
        metric=f"{PARENTS}.value",
        op="<=",
        limit=0.0,
        value=0.0,
        verdict="PASS",
        reason="does not apply: no record has a parent, and the privacy budget stands in for it",
        why=outcome.why,
        estimate=evidence.metrics[PARENTS],
    )


def _is_exactly(evidence: Evidence, name: str, number: float) -> bool:
    metric = evidence.metrics.get(name)
    return metric is not None and metric.low == metric.value == metric.high == number


def _is_at_most(evidence: Evidence, name: str, limit: float) -> bool:
    metric = evidence.metrics.get(name)
    return metric is not None and metric.high <= limit
