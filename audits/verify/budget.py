"""Whether a privacy budget is one: claimed, logged, measured and booked as the same number, and not overspent."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from audits.core.errors import VerifyError
from audits.gate.dp_substitute import METHOD, DpSubstitute
from audits.gate.evidence import Evidence
from audits.gate.policy import DpRule, Policy, budget_caps
from audits.gate.rule import SECRET
from audits.verify.mechanism import ROUNDING, accounted, check_mechanism, check_spent
from audits.verify.statement import Budget, Privacy, ReleasePredicate
from audits.verify.trust import TrustRoot

UNIT, NO_MECHANISM = "group", "none+empirical"
UNACCOUNTED = "accounting.unaccounted_reads"


def check_budget(privacy: Privacy, policy: Policy, evidence: Evidence, held: Mapping[str, bytes]) -> str:
    """Return what is claimed, once statement, evidence, log and ledger agree, and the log's mechanisms cost no more.

        spent after >= spent before + epsilon,   spent before >= sum of the epsilons of all other runs

    and deltas likewise. "Before" is all that the ledger held beside this run when the release left, so no run that
    reserved early is released past a bound by what others spent since.

    Args:
        privacy: the signed claim.
        policy: whose caps hold.
        evidence: the numbers that were measured.
        held: the report, whose accounting repeats the claim and the mechanisms of the log.

    Raises:
        VerifyError: E_GATE.
    """
    method, caps = evidence.metrics.get(METHOD), budget_caps(evidence, policy)
    if method is not None and (method.value == 1) != (privacy.mechanism != NO_MECHANISM):
        raise VerifyError("E_GATE", "statement and evidence do not agree whether the method is private")
    if privacy.epsilon is None or privacy.delta is None:
        if policy.dp is None and privacy.budget is None and len(privacy.composition) == 0:
            if any(name.startswith("accounting.") for name in evidence.metrics):
                raise VerifyError("E_GATE", "the evidence holds numbers of a privacy budget, and none is claimed")
            return "no differential privacy is claimed"
        raise VerifyError("E_GATE", "the policy or the ledger asks for an epsilon and a delta, none is claimed")
    _check_behind(evidence)
    _check_same({"epsilon": privacy.epsilon, "delta": privacy.delta}, evidence, _logged(held))
    check_mechanism(privacy, policy, held)
    check_spent(privacy, held)
    if caps is not None:
        if privacy.unit != UNIT:
            raise VerifyError("E_GATE", f"accounted for each {privacy.unit}, the policy asks for {UNIT}")
        if privacy.budget is None:
            raise VerifyError("E_GATE", "the ledger is missing")
    if privacy.budget is not None:
        _check_booked(privacy, privacy.budget, caps, evidence)
    return f"epsilon {privacy.epsilon}, delta {privacy.delta} for each {privacy.unit}"


def check_ledger(predicate: ReleasePredicate, policy: Policy, evidence: Evidence, root: TrustRoot) -> str:
    """Return in which ledger a release is counted, once it is one that the trust root names.

    A budget binds only where all releases draw on one ledger: whoever holds a copy of the releaser's key could begin
    a fresh one, with nothing spent in it. So where a release rests on a budget, a root that names no ledger trusts
    none; elsewhere it leaves the ledger to the reader.

    Raises:
        VerifyError: E_TRUST for a ledger that is not named, E_GATE where attempts and budget stand in two ledgers.
    """
    ledger, budget = predicate.attempts.ledger.id, predicate.privacy.budget
    if budget is not None and budget.ledger_id != ledger:
        raise VerifyError("E_GATE", "the budget is booked in another ledger than the attempts")
    if len(root.ledgers) == 0:
        if budget_caps(evidence, policy) is None:
            return "the trust root names no ledger"
        raise VerifyError("E_TRUST", "the trust root names no ledger, so nobody knows what was spent elsewhere")
    if ledger not in root.ledgers:
        raise VerifyError(
            "E_TRUST",
            f"counted in the ledger {ledger}, which the trust root does not name; others may hold what was spent",
        )
    return "counted in a ledger that the trust root names"


def _check_behind(evidence: Evidence) -> None:
    """Refuse an epsilon without an accounting that passed, or of noise that anybody could draw again."""
    state = evidence.audits.get("accounting")
    if state is None or (state.status, state.verdict) != ("measured", "pass"):
        raise VerifyError("E_GATE", "an epsilon is claimed, and no accounting that passed stands behind it")
    secret, unaccounted = (evidence.metrics.get(name) for name in (SECRET, UNACCOUNTED))
    if secret is None or secret.low < 1:
        raise VerifyError("E_GATE", "an epsilon is claimed of noise that can be drawn again")
    if unaccounted is not None and unaccounted.high > 0:
        raise VerifyError("E_GATE", "an epsilon is claimed, and reads of persons were not accounted for")


def _check_same(claim: Mapping[str, float], evidence: Evidence, logged: Mapping[str, Any]) -> None:
    for name, claimed in claim.items():
        measured = evidence.metrics.get(f"accounting.{name}")
        if measured is None or (measured.low, measured.high) != (claimed, claimed):
            raise VerifyError("E_GATE", f"the claimed {name} is not the one in the evidence")
        if logged.get(name) != claimed:
            raise VerifyError("E_GATE", f"the claimed {name} is not the one in the mechanism's log")
    recomputed = evidence.metrics.get("accounting.epsilon_recomputed")
    if recomputed is not None and not recomputed.high <= claim["epsilon"] * (1 + ROUNDING):
        raise VerifyError("E_GATE", "the evidence recomputed more epsilon than is claimed")


def _check_booked(privacy: Privacy, budget: Budget, caps: DpRule | DpSubstitute | None, evidence: Evidence) -> None:
    _check_sums(
        "epsilon",
        [budget.spent_before, budget.spent_after, privacy.epsilon],
        [item.epsilon for item in privacy.composition],
        min(budget.max_epsilon, math.inf if caps is None else caps.max_epsilon),
    )
    _check_sums(
        "delta",
        [budget.delta_before, budget.delta_after, privacy.delta],
        [item.delta for item in privacy.composition],
        min(budget.max_delta, math.inf if caps is None else caps.max_delta),
    )
    spent = evidence.metrics.get("accounting.epsilon_spent")
    if spent is not None and _exact(budget.spent_after) < _exact(spent.high):
        raise VerifyError("E_GATE", "the log of all releases spent more than the ledger says")


def _check_sums(name: str, booked: Sequence[float | None], other: Sequence[float], most: float) -> None:
    """Refuse a budget whose epsilons, or deltas, do not add up or are more together than its bound.

    Args:
        name: which of the two.
        booked: spent by others, with this release, and by this release alone.
        other: what each of the others spent.
        most: the bound.
    """
    before, after, own = (_exact(x) for x in booked)
    others = [_exact(one) for one in other]
    if before < 0 or any(one <= 0 for one in others):
        raise VerifyError("E_GATE", f"the ledger books a negative or empty {name}")
    if before < sum(others):
        raise VerifyError(
            "E_GATE", f"other releases spent more {name} than the ledger says was spent beside this one"
        )
    if after < before + own:
        raise VerifyError(
            "E_GATE", f"the ledger does not book this release: spent after is less than before and {name}"
        )
    if after > _exact(most):
        raise VerifyError("E_GATE", f"the budget is overspent: more {name} than it holds")


def _exact(number: float | None) -> Decimal:
    """Return the decimal that is written, so that .1 and .2 are .3."""
    return Decimal(repr(number))


def _logged(held: Mapping[str, bytes]) -> Mapping[str, Any]:
    try:
        return dict(accounted(held)["claim"])
    except (KeyError, TypeError, ValueError):
        raise VerifyError("E_GATE", "the report does not repeat the claim of the mechanism's log") from None
