"""What a statement says of noise and sampling, and what the mechanism's log leaves out, held to the accounting."""

from collections.abc import Mapping, Sequence
from typing import Any

from audits.attacks.accounting.mechanism_log import MOST_MECHANISMS, PERSONS_PER_DELTA, MechanismCost, PrivacyBudget
from audits.core.errors import NotMeasurable, VerifyError
from audits.core.strictjson import JsonError, parse
from audits.gate.disclosure import bucket, verdicts_only
from audits.gate.policy import Policy
from audits.verify.contents import REPORT_JSON
from audits.verify.statement import Privacy, ReleasePredicate

AUDIT_NUMBERS = "audit-numbers"
SAMPLING, NORMALISER = "poisson sampling", "normaliser"
CHECKED = (
    "claim",
    "accountants",
    "delta",
    "unit",
    "persons",
    "seeds",
    "noise",
    "clipping",
    "reads",
    "releases",
    "composition",
)  # of every accounting; see `audits.attacks.accounting.accounting_audit`
NEIGHBOURING = "add-remove"  # what the accountants reckon with
ROUNDING = 1e-3  # of epsilon: the grid of loss distributions, as versions of their library lay it


def stated_noise(mechanisms: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return `sampling`, `sampleRate`, `steps` and `noiseMultiplier` of a statement; None for what no number says.

    Rate and steps are those of the mechanisms that draw their persons; the noise is that of all. Where they differ
    among themselves, the accounting's `mechanisms` names each.

    Args:
        mechanisms: each as its noise_multiplier, sampling_rate and steps.
    """
    sampled = [one for one in mechanisms if one["sampling_rate"] < 1]
    rate = _common(sampled, "sampling_rate")
    return {
        "sampling": "poisson" if sampled else "none",
        "sampleRate": None if rate is None else repr(float(rate)),
        "steps": _common(sampled, "steps"),
        "noiseMultiplier": _common(mechanisms, "noise_multiplier"),
    }


def check_mechanism(privacy: Privacy, policy: Policy, held: Mapping[str, bytes]) -> None:
    """Refuse a statement whose noise is not that of the accounting, and a log that hides what the policy shows.

    Under a policy that lets out numbers of the audits, which nobody accounted for, the log must say that these stand
    outside its claim.

    Args:
        privacy: the signed claim.
        policy: under which the release left.
        held: the report, whose accounting repeats the mechanisms of the log, and what it calls outside.

    Raises:
        VerifyError: E_GATE.
    """
    details = accounted(held)
    said = {
        "sampling": privacy.sampling,
        "sampleRate": privacy.sample_rate,
        "steps": privacy.steps,
        "noiseMultiplier": privacy.noise_multiplier,
    }
    given = {name: value for name, value in said.items() if value is not None}
    try:
        noise = stated_noise(details["mechanisms"]) if given else {}
        differing = [name for name, value in given.items() if noise[name] != value]
        outside = verdicts_only(policy) or AUDIT_NUMBERS in list(details["outside_reads"])
    except (KeyError, TypeError, ValueError):
        raise VerifyError("E_GATE", "the report's accounting does not say what its mechanisms are") from None
    if differing:
        raise VerifyError("E_GATE", f"{', '.join(differing)}: not what the accounting's mechanisms say")
    if not outside:
        raise VerifyError("E_GATE", "numbers of the audits leave, and the mechanism's log says that none do")


def check_spent(privacy: Privacy, held: Mapping[str, bytes]) -> None:
    """Refuse a claim below what its own mechanisms cost, recomputed here, and an accounting that holds in part.

        claim >= epsilon(mechanisms, accounted reads; delta) (1 - `ROUNDING`)

    Raises:
        VerifyError: E_GATE; also where the package `dp-accounting` is missing, so that nobody can say.

    Cost: seconds where persons were sampled, else nothing.
    """
    from audits.attacks.accounting.accountants import (
        epsilon_without_prv,  # it imports scipy, which takes half a second
    )

    details = accounted(held)
    try:
        costs = [MechanismCost.model_validate(one) for one in list(details["mechanisms"])[: MOST_MECHANISMS + 1]]
        budgets = [PrivacyBudget.model_validate(one) for one in details["accounted_reads"]]
        checks, unaccounted = dict(details["checks"]), list(details["unaccounted_reads"])
    except (KeyError, TypeError, ValueError):
        raise VerifyError("E_GATE", "the report's accounting does not say what it adds up") from None
    if len(costs) > MOST_MECHANISMS:
        raise VerifyError("E_GATE", f"more than {MOST_MECHANISMS} mechanisms")
    if set(checks.values()) != {"holds"} or unaccounted or details.get("claim_scope") != "person":
        raise VerifyError("E_GATE", "the accounting is said to pass, and its own checks do not all hold")
    drawn = {SAMPLING: any(c.sampling_rate < 1 for c in costs), NORMALISER: any(c.kind == "dp-sgd" for c in costs)}
    if unasked := {*CHECKED, *(name for name, is_due in drawn.items() if is_due)} - set(checks):
        raise VerifyError("E_GATE", f"the accounting does not say whether these hold: {', '.join(sorted(unasked))}")
    if privacy.neighbouring != NEIGHBOURING:
        raise VerifyError(
            "E_GATE", f"a claim must be for {NEIGHBOURING} neighbours, which the accounting reckons with"
        )
    claimed, delta = privacy.epsilon or 0.0, privacy.delta or 0.0
    try:
        bounds = epsilon_without_prv(costs, budgets, delta=delta) if costs else None
    except (NotMeasurable, ValueError, OverflowError, MemoryError) as error:  # of numbers at the end of all numbers
        raise VerifyError("E_GATE", f"what is claimed cannot be recomputed: {error}") from None
    if bounds is None or not claimed >= bounds.upper * (1 - ROUNDING):
        raise VerifyError("E_GATE", "the mechanisms cost more than is claimed, as the verifier recomputes it")


def check_models_and_delta(predicate: ReleasePredicate) -> None:
    """Refuse an epsilon beside a model that learnt from private data, and a delta too large for so many persons.

        delta <= 1 / (10 n),   n the lower end of the bucket that is stated for train

    Raises:
        VerifyError: E_GATE.
    """
    delta = predicate.privacy.delta
    if delta is None:
        return
    if not predicate.models or any(model.trained_on_private_data for model in predicate.models):
        raise VerifyError("E_GATE", "an epsilon is claimed, and a model learnt from private data, or none is named")
    buckets = [one.count_bucket for one in predicate.inputs if one.role == "train"]
    low = buckets[0].split("-")[0] if buckets else "0"
    n = int(low.removesuffix("k")) * (1000 if low.endswith("k") else 1)
    if len(buckets) != 1 or bucket(n) != buckets[0] or n == 0:
        raise VerifyError("E_GATE", "an epsilon is claimed, and for how many persons is not stated, or for too few")
    if delta * PERSONS_PER_DELTA * n > 1:
        most = f"1 / ({PERSONS_PER_DELTA} n)"
        raise VerifyError("E_GATE", f"delta is above {most} for the stated number of persons")


def accounted(held: Mapping[str, bytes]) -> Mapping[str, Any]:
    """Return the details of the report's accounting.

    Raises:
        VerifyError: E_GATE where there are none.
    """
    try:
        results = parse(held[REPORT_JSON])["audit"]["results"]
        (details,) = [result["details"] for result in results if result["name"] == "accounting"]
        return dict(details)
    except (JsonError, KeyError, TypeError, ValueError):
        raise VerifyError("E_GATE", "the report does not repeat what the mechanism's log says") from None


def _common(mechanisms: Sequence[Mapping[str, Any]], name: str) -> Any:
    """Return the number that all of some mechanisms have; None where they differ, or there are none."""
    numbers = {one[name] for one in mechanisms}
    return numbers.pop() if len(numbers) == 1 else None
