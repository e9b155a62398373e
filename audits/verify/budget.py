"""Check the differential-privacy (DP) claim of a release: its epsilon and delta, and the budget that all runs spent.

A DP mechanism is a noisy computation on private records. The evidence (numbers and verdicts of the audits), the log
of the mechanisms and the signed statement must agree. No limit of the policy may be exceeded. The ledger, the
institution's list of spent budgets, is not read here: the statement repeats its numbers.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from audits.attacks.accounting.mechanism_log import MechanismCost
from audits.core.errors import NotMeasurable, VerifyError
from audits.gate.dp_substitute import METHOD, DpSubstitute
from audits.gate.evidence import Evidence
from audits.gate.policy import DpRule, Policy, budget_caps
from audits.gate.rule import SECRET
from audits.verify.mechanism import ROUNDING, accounting_details, check_mechanism, check_spent
from audits.verify.statement import Budget, Composition, Privacy, ReleasePredicate
from audits.verify.trust import TrustRoot

if TYPE_CHECKING:
    from audits.attacks.accounting.accountants import EpsilonBounds

UNIT = "group"  # privacy unit of a statement whose guarantee holds for all records of a person together
NO_MECHANISM = "none+empirical"  # mechanism in a statement that claims no DP
# metric: number of kinds of reads of private records whose privacy cost the accounting does not include
UNACCOUNTED = "accounting.unaccounted_reads"
# `epsilon_prv` of the audit may differ from the recomputed epsilon e by at most 0.05 · (1 + e)
PRV_TOLERANCE = 0.05
TOLERANCE = 1e-6  # relative tolerance of the joint epsilon of several runs


def check_budget(privacy: Privacy, policy: Policy, evidence: Evidence, files: Mapping[str, bytes]) -> str:
    """Return the claim in one line; raise VerifyError (E_GATE) if statement, evidence and log do not agree.

    The statement must satisfy:

        `spent_before` >= joint epsilon of the mechanisms of all other runs
        `spent_after`  >= joint epsilon of the mechanisms of all runs, including this run

    The joint epsilon is the cost of several runs together at one delta. This delta is at least the delta of this run
    and at most the limit of the policy. In spite of its name, `spent_before` includes runs that reserved their budget
    after this run. `files` has the content of the signed files by name; the report among them repeats the mechanism
    log.
    """
    # the metric `METHOD` is 1 if the method of the run is differentially private, else 0
    method, limits = evidence.metrics.get(METHOD), budget_caps(evidence, policy)
    if method is not None and (method.value == 1) != (privacy.mechanism != NO_MECHANISM):
        raise VerifyError("E_GATE", "statement and evidence disagree on whether the method is differentially private")
    if privacy.epsilon is None or privacy.delta is None:
        if policy.dp is None and privacy.budget is None and len(privacy.composition) == 0:
            if any(name.startswith("accounting.") for name in evidence.metrics):
                raise VerifyError("E_GATE", "the evidence has numbers of a privacy budget, but no budget is claimed")
            return "no differential privacy is claimed"
        reason = "the policy limits the budget" if policy.dp else "the statement lists a budget or other runs"
        raise VerifyError("E_GATE", f"{reason}, so the statement must claim an epsilon and a delta")
    _check_accounting(evidence)
    _check_claim({"epsilon": privacy.epsilon, "delta": privacy.delta}, evidence, files)
    check_mechanism(privacy, policy, files)
    mechanisms, bounds = check_spent(privacy, files)
    _check_recomputed(evidence, bounds)
    if limits is not None and privacy.unit != UNIT:
        raise VerifyError("E_GATE", f"the privacy unit is {privacy.unit}, but the policy requires {UNIT}")
    if limits is not None and privacy.budget is None:
        raise VerifyError("E_GATE", "the policy limits the budget, but the statement contains no budget")
    unit = "person" if privacy.unit == UNIT else privacy.unit
    claim = f"epsilon {privacy.epsilon}, delta {privacy.delta} for each {unit}"
    if privacy.budget is None:
        return claim
    if privacy.delta > privacy.budget.delta:
        raise VerifyError("E_GATE", "the claimed delta of this run is above the stated delta of all runs together")
    _check_totals(privacy, privacy.budget, limits, evidence, mechanisms)
    budget, voided = privacy.budget, privacy.budget.voided
    total = f"all runs of the ledger together: epsilon {budget.spent_after:.4g} at delta {budget.delta:g}"
    return f"{claim}; {total}" + (f"; {voided} reservations voided before noise was drawn" if voided else "")


def check_ledger(predicate: ReleasePredicate, policy: Policy, evidence: Evidence, root: TrustRoot) -> str:
    """Return one line about the ledger of a release after checking that the trust root accepts this ledger.

    The holder of the releaser's key could start an empty ledger to spend the same budget again. Therefore, if the
    trust root names ledgers, the ledger must be one of them; if it names none, the policy must not limit the budget.

    Raises:
        VerifyError: E_TRUST if the trust root does not accept the ledger. E_GATE if the number of audits (attempts)
            and the budget come from different ledgers, or the ledger has too few entries.
    """
    ledger, budget = predicate.attempts.ledger.id, predicate.privacy.budget
    if budget is not None and budget.ledger_id != ledger:
        raise VerifyError("E_GATE", "the statement names different ledgers for the budget and for the audits")
    # This run wrote the entries `reserve`, `draw` and `made`, each other run at least `reserve` (its budget counts as
    # spent from this entry on), and each voided reservation `reserve` and `void`.
    least = 0 if budget is None else 3 + len(predicate.privacy.composition) + 2 * budget.voided
    if predicate.attempts.ledger.entries < least:
        raise VerifyError(
            "E_GATE", "the statement counts fewer ledger entries than its runs and voided reservations wrote"
        )
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
        raise VerifyError(
            "E_GATE", "an epsilon is claimed, but the cost of some reads of private records is not accounted for"
        )


def _check_claim(claim: Mapping[str, float], evidence: Evidence, files: Mapping[str, bytes]) -> None:
    try:
        logged = dict(accounting_details(files)["claim"])
    except (KeyError, TypeError, ValueError):
        raise VerifyError("E_GATE", "the report lacks the epsilon and delta of the mechanism log") from None
    for name, claimed in claim.items():
        measured = evidence.metrics.get(f"accounting.{name}")
        if measured is None or (measured.low, measured.high) != (claimed, claimed):
            raise VerifyError("E_GATE", f"the claimed {name} differs from the evidence")
        if logged.get(name) != claimed:
            raise VerifyError("E_GATE", f"the claimed {name} differs from the mechanism log")


def _check_recomputed(evidence: Evidence, bounds: "EpsilonBounds") -> None:
    # epsilon from Rényi divergences (RDP), plus the epsilons of reads with a known cost but an unknown mechanism
    by_renyi = bounds.rdp + bounds.added
    expected = {
        "epsilon_recomputed": (bounds.upper, ROUNDING * bounds.upper),
        "epsilon_rdp": (by_renyi, ROUNDING * by_renyi),
        # `upper` is not from PRV (privacy loss random variables), because PRV would take minutes
        "epsilon_prv": (bounds.upper, PRV_TOLERANCE * (1 + bounds.upper)),
    }
    for name, (recomputed, tolerance) in expected.items():
        stated = evidence.metrics.get(f"accounting.{name}")
        if stated is None:
            continue
        ends = (stated.low, stated.value, stated.high)
        if any(not abs(end - recomputed) <= tolerance for end in ends):
            raise VerifyError("E_GATE", f"accounting.{name} in the evidence differs from the recomputed cost")


def _check_totals(
    privacy: Privacy,
    budget: Budget,
    limits: DpRule | DpSubstitute | None,
    evidence: Evidence,
    mechanisms: Sequence[MechanismCost],
) -> None:
    """Raise VerifyError (E_GATE) if `budget` is below the cost of the runs, above a limit, or contradicts the audit.

    `mechanisms` are those of this run. `limits` is None if the policy has no limits.
    """
    others = [mechanism for run in privacy.composition for mechanism in run.mechanisms]
    before, after = (_joint(costs, budget.delta) for costs in (others, [*others, *mechanisms]))
    max_epsilon, max_delta = (math.inf, math.inf) if limits is None else (limits.max_epsilon, limits.max_delta)
    for name, stated, least, cause in (
        ("spentBefore", budget.spent_before, before, "the joint epsilon of all other runs of the ledger"),
        ("spentAfter", budget.spent_after, budget.spent_before, "the stated `spentBefore`"),
        ("spentAfter", budget.spent_after, after, "the joint epsilon of all runs of the ledger"),
    ):
        if not stated >= least * (1 - TOLERANCE):
            raise VerifyError("E_GATE", f"the stated `{name}` is below {cause}")
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
    # the audit ran earlier than the release, so its number may include reservations that were voided in between
    if audited is not None and budget.voided == 0 and budget.spent_after < audited.high * (1 - TOLERANCE):
        problem = f"for all runs together, the audit `accounting` states epsilon {audited.high:g}"
        raise VerifyError("E_GATE", f"{problem}, but the statement gives only {budget.spent_after:g}")


def _check_listed(run: Composition) -> None:
    from audits.attacks.accounting.accountants import closed_epsilon  # imports scipy, which takes 0.5 s

    try:
        cost = closed_epsilon(run.mechanisms, delta=run.delta)
    except (NotMeasurable, ValueError, OverflowError) as error:  # extreme numbers
        raise VerifyError("E_GATE", f"the epsilon of another run cannot be recomputed: {error}") from None
    # None: no closed form; to save time, such a run is checked only as a part of the joint epsilon
    if cost is not None and not run.epsilon >= cost * (1 - ROUNDING):
        raise VerifyError("E_GATE", "another run of the ledger claims less epsilon than its mechanisms cost")


def _joint(costs: Sequence[MechanismCost], delta: float) -> float:
    from audits.attacks.accounting.accountants import joint_epsilon  # imports scipy, which takes 0.5 s

    try:
        return joint_epsilon(costs, delta=delta)
    except (NotMeasurable, ValueError, OverflowError, MemoryError) as error:  # extreme numbers
        raise VerifyError("E_GATE", f"the joint epsilon of all runs cannot be recomputed: {error}") from None
