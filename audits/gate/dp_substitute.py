"""Let a differential-privacy (DP) budget replace the audit `parent_recovery` if no synthetic record has parents.

The parents of a synthetic record are the real records from which it was interpolated. `parent_recovery` tests whether
an attacker can find them. A DP method does not interpolate, so its records have no parents, and the privacy budget
limits the influence of each real record instead. Without a budget, missing parents prove nothing: records that are
drawn without noise from a model of all real records have no parents either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from audits.core.strictmodel import Closed, Finite
from audits.gate.evidence import AuditName, Evidence
from audits.gate.outcome import RuleOutcome

METHOD = "method.private"  # metric: 1 if the run used a differentially private method of SynthGen, else 0
# metrics: 1 if `parent_recovery` was given the lineage (the list of parents), else 0; number of records with parents
LINEAGE, PARENTS = "parent_recovery.lineage", "parent_recovery.records_with_parents"
ACCOUNTING = "accounting"


class DpSubstitute(Closed):
    """Requirements that can replace required audits if no synthetic record has parents.

    If the requirements are met, the substitute applies: the audits in `instead_of` need not pass.
    """

    # required audits that need not pass if the substitute applies; they must have been measured and must not fail
    instead_of: Annotated[tuple[Literal["parent_recovery"], ...], Field(min_length=1)]
    rules: tuple[str, ...] = ()  # ids of rules on these audits that have no effect if the substitute applies
    required: Annotated[tuple[AuditName, ...], Field(min_length=1)]  # audits that must pass if the substitute applies
    max_epsilon: Annotated[Finite, Field(gt=0)]  # largest epsilon of this release, and of all runs together
    max_delta: Annotated[Finite, Field(gt=0, lt=1)]  # largest delta of this release


def reasons_against(evidence: Evidence, given: DpSubstitute) -> tuple[str, ...]:
    """Return the reasons why the substitute does not apply; empty if it applies.

    A missing number is a reason too, except `accounting.epsilon_spent` (the joint epsilon of all runs in the ledger).
    """
    state, name = evidence.audits.get(ACCOUNTING), f"{ACCOUNTING}.epsilon"
    conditions = {
        "no differentially private method made the records": _is_exactly(evidence, METHOD, 1.0),
        "the lineage of the records is missing": _is_exactly(evidence, LINEAGE, 1.0),
        "synthetic records have parents": _is_exactly(evidence, PARENTS, 0.0),
        "the accounting did not pass": state is not None and (state.status, state.verdict) == ("measured", "pass"),
        f"more than epsilon {given.max_epsilon:g} was spent": _is_at_most(evidence, name, given.max_epsilon)
        and (f"{name}_spent" not in evidence.metrics or _is_at_most(evidence, f"{name}_spent", given.max_epsilon)),
        f"delta is above {given.max_delta:g}": _is_at_most(evidence, f"{ACCOUNTING}.delta", given.max_delta),
    }
    return tuple(reason for reason, holds in conditions.items() if not holds)


def check_fit(
    given: DpSubstitute, *, required: Sequence[str], measured: Sequence[str], metrics: Mapping[str, str]
) -> None:
    """Raise ValueError if a substitute contradicts its policy.

    `required` and `measured` are the policy's lists of audits; `metrics` maps the id of each rule to its metric.
    """
    if not set(given.instead_of) <= set(required):
        raise ValueError("dp_substitute: `instead_of` lists an audit that the list `required` of the policy lacks")
    if unknown := [rule for rule in given.rules if rule not in metrics]:
        raise ValueError(f"dp_substitute: `rules` lists ids that no rule of the policy has: {', '.join(unknown)}")
    audits = {rule: metric.split(".", 1)[0] for rule, metric in metrics.items() if metric != LINEAGE}
    if wrong := [rule for rule in given.rules if audits.get(rule) not in given.instead_of]:
        allowed = f"rules on numbers of the audits in `instead_of`, except {LINEAGE}"
        raise ValueError(f"dp_substitute: `rules` may list only {allowed}; remove: {', '.join(wrong)}")
    if ACCOUNTING not in given.required:
        raise ValueError(f"dp_substitute: `required` must list the audit {ACCOUNTING}")
    if repeated := sorted({*given.required} & {*required, *measured}):
        where = "the policy already has in its own lists `required` and `measured`"
        raise ValueError(f"dp_substitute: `required` lists audits that {where}; remove: {', '.join(repeated)}")


def with_substitute(outcome: RuleOutcome, name: str, evidence: Evidence, given: DpSubstitute | None) -> RuleOutcome:
    """Return the outcome of the required audit `name`; INSUFFICIENT becomes PASS if the substitute applies.

    The audit must also have been measured and must not have failed.
    """
    if given is None or name not in given.instead_of or outcome.verdict != "INSUFFICIENT":
        return outcome
    reasons, state = reasons_against(evidence, given), evidence.audits.get(name)
    if reasons:
        return replace(outcome, reason=f"{outcome.reason}; the budget does not replace it, because {reasons[0]}")
    if state is None or state.status != "measured" or state.verdict == "fail":
        return outcome
    reason = "does not apply: no record has a parent, and the privacy budget replaces the audit"
    passed = replace(outcome, verdict="PASS", reason=reason, estimate=evidence.metrics[PARENTS])
    return replace(passed, metric=f"{PARENTS}.value", op="<=", limit=0.0, value=0.0)


def _is_exactly(evidence: Evidence, name: str, number: float) -> bool:
    metric = evidence.metrics.get(name)
    return metric is not None and metric.low == metric.value == metric.high == number


def _is_at_most(evidence: Evidence, name: str, limit: float) -> bool:
    metric = evidence.metrics.get(name)
    return metric is not None and metric.high <= limit
