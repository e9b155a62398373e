"""Check a DP claim: statement, evidence, mechanism log and ledger must agree, and the budget must not be exceeded."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audits.attacks.accounting.mechanism_log import MechanismCost
from audits.core.errors import NotMeasurable, VerifyError
from audits.gate.dp_substitute import METHOD, DpSubstitute
from audits.gate.evidence import Evidence
from audits.gate.policy import DpRule, Policy, budget_caps
from audits.gate.rule import SECRET
from audits.verify.mechanism import ROUNDING, accounted, check_mechanism, check_spent
from audits.verify.statement import Budget, Composition, Privacy, ReleasePredicate
from audits.verify.trust import TrustRoot

if TYPE_CHECKING:
    from audits.attacks.accounting.accountants import EpsilonBounds

UNIT, NO_MECHANISM = "group", "none+empirical"
UNACCOUNTED = "accounting.unaccounted_reads"
PRV_TOLERANCE = 0.05  # PRV gives an upper bound that may exceed the recomputed epsilon by this share of 1 + epsilon
TOLERANCE = 1e-6  # relative tolerance of the joint epsilon of several runs


def check_budget(privacy: Privacy, policy: Policy, evidence: Evidence, files: Mapping[str, bytes]) -> str:
    """Return a line with the claim; raise VerifyError (E_GATE) if statement, evidence, log and ledger do not agree.

        spent before >= joint epsilon of the mechanisms of all other runs
        spent after  >= joint epsilon of the mechanisms of all runs, including this one

    Both numbers are at the same delta, which is at least the delta of this run's claim and at most the limit of the
    policy; see `audits.ledger.budgets`. "Before" means without this run. It includes all other runs that the ledger
    counts at the time of release, even if they reserved their budget later. So nobody can exceed a limit by an early
    reservation. The report in `files` repeats the claim and the mechanisms of the log.
    """
    method, caps = evidence.metrics.get(METHOD), budget_caps(evidence, policy)
    if method is not None and (method.value == 1) != (privacy.mechanism != NO_MECHANISM):
        raise VerifyError("E_GATE", "statement and evidence disagree on whether the method is differentially private")
    if privacy.epsilon is None or privacy.delta is None:
        if policy.dp is None and privacy.budget is None and len(privacy.composition) == 0:
            if any(name.startswith("accounting.") for name in evidence.metrics):
                raise VerifyError("E_GATE", "the evidence has numbers of a privacy budget, but no budget is claimed")
            return "no differential privacy is claimed"
        raise VerifyError("E_GATE", "the policy or a stated budget requires a claimed epsilon and delta")
    _check_accounting(evidence)
    _check_claim({"epsilon": privacy.epsilon, "delta": privacy.delta}, evidence, _logged_claim(files))
    check_mechanism(privacy, policy, files)
    mechanisms, bounds = check_spent(privacy, files)
    _check_recomputed(evidence, bounds)
    if caps is not None:
        if privacy.unit != UNIT:
            raise VerifyError("E_GATE", f"the privacy unit is {privacy.unit}, but the policy requires {UNIT}")
        if privacy.budget is None:
            raise VerifyError("E_GATE", "the policy limits the budget, but the statement contains no budget")
    unit = "person" if privacy.unit == UNIT else privacy.unit
    claim = f"epsilon {privacy.epsilon}, delta {privacy.delta} for each {unit}"
    if privacy.budget is None:
        return claim
    if privacy.delta > privacy.budget.delta:
        raise VerifyError("E_GATE", "the claimed delta is above the delta for all runs together")
    _check_totals(privacy, privacy.budget, caps, evidence, mechanisms)
    spent, voided = privacy.budget, privacy.budget.voided
    total = f"all runs of the ledger together: epsilon {spent.spent_after:.4g} at delta {spent.delta:g}"
    return f"{claim}; {total}" + (f"; {voided} unused reservations voided" if voided else "")


def check_ledger(predicate: ReleasePredicate, policy: Policy, evidence: Evidence, root: TrustRoot) -> str:
    """Return a line on the ledger of a release after checking that the trust root names the ledger.

    The holder of the releaser's key could start an empty ledger to spend the same budget again. So if the trust root
    names ledgers, the ledger must be one of them. If it names none, only a release whose policy limits the budget is
    refused.

    Raises:
        VerifyError: E_TRUST if the trust root names only other ledgers, or no ledger although the budget is limited.
            E_GATE if attempts and budget are in different ledgers.
    """
    ledger, budget = predicate.attempts.ledger.id, predicate.privacy.budget
    if budget is not None and budget.ledger_id != ledger:
        raise VerifyError("E_GATE", "the budget and the attempts are in different ledgers")
    # three entries of this run (`reserve`, `draw`, `made`), one of each other run, two of each voided reservation
    least = 0 if budget is None else 3 + len(predicate.privacy.composition) + 2 * budget.voided
    if predicate.attempts.ledger.entries < least:
        raise VerifyError("E_GATE", "the ledger has fewer entries than its runs and voided reservations need")
    if len(root.ledgers) == 0:
        if budget_caps(evidence, policy) is None:
            return "the trust root names no ledger"
        raise VerifyError("E_TRUST", "the trust root names no ledger, so a budget could be spent in several ledgers")
    if ledger not in root.ledgers:
        raise VerifyError("E_TRUST", f"the trust root does not name the ledger {ledger} of this release")
    return "counted in a ledger that the trust root names"


def _check_accounting(evidence: Evidence) -> None:
    state = evidence.audits.get("accounting")
    if state is None or (state.status, state.verdict) != ("measured", "pass"):
        raise VerifyError("E_GATE", "an epsilon is claimed, but the audit `accounting` did not pass")
    secret, unaccounted = (evidence.metrics.get(name) for name in (SECRET, UNACCOUNTED))
    if secret is None or secret.low < 1:
        raise VerifyError("E_GATE", "an epsilon is claimed, but the seed of the noise is not secret")
    if unaccounted is not None and unaccounted.high > 0:
        raise VerifyError("E_GATE", "an epsilon is claimed, but not all reads of persons are accounted for")


def _check_claim(claim: Mapping[str, float], evidence: Evidence, logged: Mapping[str, Any]) -> None:
    for name, claimed in claim.items():
        measured = evidence.metrics.get(f"accounting.{name}")
        if measured is None or (measured.low, measured.high) != (claimed, claimed):
            raise VerifyError("E_GATE", f"the claimed {name} differs from the evidence")
        if logged.get(name) != claimed:
            raise VerifyError("E_GATE", f"the claimed {name} differs from the mechanism's log")


def _check_recomputed(evidence: Evidence, bounds: "EpsilonBounds") -> None:
    """Raise VerifyError (E_GATE) unless the epsilons of the audit `accounting` are those of the listed mechanisms.

    The epsilon by privacy loss random variables (PRV) is not computed again, because this takes minutes. It must be
    near the recomputed epsilon.
    """
    by_renyi = bounds.rdp + bounds.added
    expected = {
        "epsilon_recomputed": (bounds.upper, ROUNDING * bounds.upper),
        "epsilon_rdp": (by_renyi, ROUNDING * by_renyi),
        "epsilon_prv": (bounds.upper, PRV_TOLERANCE * (1 + bounds.upper)),
    }
    for name, (recomputed, tolerance) in expected.items():
        stated = evidence.metrics.get(f"accounting.{name}")
        if stated is None:
            continue
        ends = (stated.low, stated.value, stated.high)
        if any(not abs(end - recomputed) <= tolerance for end in ends):
            raise VerifyError("E_GATE", f"accounting.{name} in the evidence is not the cost of the listed mechanisms")


def _check_totals(
    privacy: Privacy,
    budget: Budget,
    caps: DpRule | DpSubstitute | None,
    evidence: Evidence,
    mechanisms: Sequence[MechanismCost],
) -> None:
    others = [mechanism for run in privacy.composition for mechanism in run.mechanisms]
    before, after = (_joint(costs, budget.delta) for costs in (others, [*others, *mechanisms]))
    max_epsilon, max_delta = (math.inf, math.inf) if caps is None else (caps.max_epsilon, caps.max_delta)
    if not budget.spent_before >= before * (1 - TOLERANCE):
        raise VerifyError("E_GATE", "the mechanisms of the other runs cost more epsilon than the ledger states")
    if not budget.spent_after >= max(after, budget.spent_before) * (1 - TOLERANCE):
        raise VerifyError("E_GATE", "the total epsilon in the ledger is below the joint epsilon of all runs")
    for run in privacy.composition:
        _check_listed(run)
    for name, spent, limit, most in (
        ("epsilon", budget.spent_after, budget.max_epsilon, max_epsilon),
        ("delta", budget.delta, budget.max_delta, max_delta),
    ):
        if limit > most:
            raise VerifyError("E_GATE", f"the stated limit of {name} is above the limit of the policy")
        if spent > limit:
            raise VerifyError("E_GATE", f"the budget is exceeded: the spent {name} is above its limit")
    audited = evidence.metrics.get("accounting.epsilon_spent")
    if audited is not None and not audited.low >= _joint(mechanisms, budget.delta) * (1 - ROUNDING):
        raise VerifyError("E_GATE", "the audit `accounting` states less epsilon for all runs than this run costs")
    if audited is not None and audited.high > max_epsilon * (1 + ROUNDING):
        raise VerifyError("E_GATE", "the audit `accounting` states more epsilon for all runs than the policy allows")
    # the audit runs before the release, so its number may include reservations that were voided later
    if audited is not None and budget.voided == 0 and budget.spent_after < audited.high * (1 - TOLERANCE):
        problem = f"for all runs together, the audit `accounting` states epsilon {audited.high:g}"
        raise VerifyError("E_GATE", f"{problem}, but the ledger states only {budget.spent_after:g}")


def _check_listed(run: Composition) -> None:
    """Raise VerifyError (E_GATE) if the mechanisms of another run cost more than it claims.

    A run whose cost has no closed form is not checked alone, because that takes seconds for each run. The cost of all
    runs together includes it.
    """
    from audits.attacks.accounting.accountants import closed_epsilon  # imports scipy, which takes 0.5 s

    try:
        cost = closed_epsilon(run.mechanisms, delta=run.delta)
    except (NotMeasurable, ValueError, OverflowError) as error:  # extreme numbers
        raise VerifyError("E_GATE", f"the epsilon of another run cannot be recomputed: {error}") from None
    if cost is not None and not run.epsilon >= cost * (1 - ROUNDING):
        raise VerifyError("E_GATE", "another run claims less epsilon than its mechanisms cost")


def _joint(costs: Sequence[MechanismCost], delta: float) -> float:
    # imports scipy, which takes 0.5 s
    from audits.attacks.accounting.accountants import joint_epsilon

    try:
        return joint_epsilon(costs, delta=delta)
    except (NotMeasurable, ValueError, OverflowError, MemoryError) as error:  # extreme numbers
        raise VerifyError("E_GATE", f"the epsilon of all runs cannot be recomputed: {error}") from None


def _logged_claim(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    try:
        return dict(accounted(files)["claim"])
    except (KeyError, TypeError, ValueError):
        raise VerifyError("E_GATE", "the report lacks the epsilon and delta of the mechanism log") from None
