"""Check that the noise, sampling and epsilon in a release statement agree with the audit `accounting`.

This audit reads the mechanism log. A mechanism is a noisy computation by which a run with differential privacy (DP)
learned from private records.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audits.attacks.accounting.mechanism_log import MOST_MECHANISMS, PERSONS_PER_DELTA, MechanismCost, PrivacyBudget
from audits.core.errors import NotMeasurable, VerifyError
from audits.core.strictjson import JsonError, parse
from audits.gate.disclosure import bucket, verdicts_only
from audits.gate.policy import Policy
from audits.verify.contents import REPORT_JSON
from audits.verify.statement import SAFETENSORS, Privacy, ReleasePredicate

if TYPE_CHECKING:
    from audits.attacks.accounting.accountants import EpsilonBounds

# kinds of reads of private records that the DP claim does not cover
INPUT_CHECKS, RELEASE_GATE, AUDIT_NUMBERS = "input-checks", "release-gate", "audit-numbers"
SAMPLING, NORMALISER = "poisson sampling", "normaliser"  # names of checks that only some kinds of mechanisms need
# the checks that every accounting must contain; see `audits.attacks.accounting.accounting_audit`
CHECKED = {"claim", "accountants", "delta", "unit", "persons", "seeds", "noise", "clipping", "reads", "releases"}
CHECKED |= {"composition", "replay"}
NEIGHBOURING = "add-remove"  # epsilon must hold for adding or removing one person
MOST_SAMPLED = 2  # largest number of mechanisms, over all runs, that sample persons; checking one takes seconds
# relative tolerance of epsilon, because versions of `dp-accounting` round differently
ROUNDING = 1e-3


def stated_noise(mechanisms: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return `sampling`, `sampleRate`, `steps` and `noiseMultiplier` of the mechanisms for a statement.

    `sampleRate` and `steps` are the common values of the mechanisms that sample persons; `noiseMultiplier` is the
    common value of all mechanisms. Each is None if the values differ or there is no such mechanism.
    """
    sampled = [mechanism for mechanism in mechanisms if mechanism["sampling_rate"] < 1]
    rate = _common(sampled, "sampling_rate")
    return {
        "sampling": "poisson" if sampled else "none",
        "sampleRate": None if rate is None else repr(float(rate)),
        "steps": _common(sampled, "steps"),
        "noiseMultiplier": _common(mechanisms, "noise_multiplier"),
    }


def check_mechanism(privacy: Privacy, policy: Policy, files: Mapping[str, bytes]) -> None:
    """Raise VerifyError (E_GATE) if the stated noise and sampling differ from the accounting.

    The log must also declare the reads of private records that the DP claim does not cover: the input checks, the
    gates (conditions of the policy) and, if the policy publishes them, the numbers of the audits. Under an
    independent policy (`audits.gate.independent`), gates and numbers of audits must not be declared.
    """
    details = accounting_details(files)
    fields = {"sampling", "sample_rate", "steps", "noise_multiplier"}
    given = privacy.model_dump(include=fields, by_alias=True, exclude_none=True)
    try:
        noise = stated_noise(details["mechanisms"]) if given else {}
        differing = [name for name, value in given.items() if noise[name] != value]
        outside = set(details["outside_reads"])
    except (KeyError, TypeError, ValueError):
        raise VerifyError(
            "E_GATE", "the accounting in the report must list mechanisms, and reads that the claim does not cover"
        ) from None
    if differing:
        raise VerifyError("E_GATE", f"the statement and the accounting differ in: {', '.join(differing)}")
    later_reads = (RELEASE_GATE, *(() if verdicts_only(policy) else (AUDIT_NUMBERS,)))
    expected = {INPUT_CHECKS, *(() if policy.is_independent else later_reads)}
    if missing := expected - outside:
        names = ", ".join(sorted(missing))
        raise VerifyError("E_GATE", f"the mechanism log must declare these reads outside its claim: {names}")
    if policy.is_independent and (found := outside & {RELEASE_GATE, AUDIT_NUMBERS}):
        names = ", ".join(sorted(found))
        raise VerifyError("E_GATE", f"a policy with `decision: independent` forbids these reads in the log: {names}")


def check_spent(privacy: Privacy, files: Mapping[str, bytes]) -> tuple[list[MechanismCost], "EpsilonBounds"]:
    """Return the mechanisms of the accounting and their epsilon after checking that the claim covers them.

        claimed epsilon >= (1 - `ROUNDING`) · epsilon of all mechanisms and accounted reads at the claimed delta

    An accounted read is a read of private records for which the log states epsilon and delta instead of a mechanism.

    Raises:
        VerifyError: E_GATE if the claim is below the recomputed epsilon, or if the accounting is invalid, lacks a
            required check, contains a failed check, lists reads without a known budget, or takes too long to check.
    """
    from audits.attacks.accounting.accountants import epsilon_without_prv  # imports scipy, which takes 0.5 s

    details = accounting_details(files)
    try:
        costs = [MechanismCost.model_validate(each) for each in list(details["mechanisms"])[: MOST_MECHANISMS + 1]]
        budgets = [PrivacyBudget.model_validate(each) for each in details["accounted_reads"]]
        checks, unaccounted = dict(details["checks"]), list(details["unaccounted_reads"])
    except (KeyError, TypeError, ValueError):
        raise VerifyError("E_GATE", "the accounting does not list valid mechanisms, budgets and checks") from None
    _check_duration(costs, [mechanism for run in privacy.composition for mechanism in run.mechanisms])
    causes = {
        "not all of its checks hold": set(checks.values()) != {"holds"},
        "it lists reads that are not accounted for": len(unaccounted) > 0,
        "its claim is not per person": details.get("claim_scope") != "person",
    }
    if found := [cause for cause, applies in causes.items() if applies]:
        raise VerifyError("E_GATE", f"the accounting is reported as passed, but {'; '.join(found)}")
    extra = {SAMPLING: any(c.sampling_rate < 1 for c in costs), NORMALISER: any(c.kind == "dp-sgd" for c in costs)}
    if missing := {*CHECKED, *(name for name, is_required in extra.items() if is_required)} - set(checks):
        raise VerifyError("E_GATE", f"the accounting lacks these checks: {', '.join(sorted(missing))}")
    if privacy.neighbouring != NEIGHBOURING:
        raise VerifyError("E_GATE", f"the claim must be for adding or removing one person ({NEIGHBOURING})")
    claimed, delta = privacy.epsilon or 0.0, privacy.delta or 0.0
    try:
        bounds = epsilon_without_prv(costs, budgets, delta=delta) if costs else None
    except (NotMeasurable, ValueError, OverflowError, MemoryError) as error:  # extreme numbers
        raise VerifyError("E_GATE", f"the claimed epsilon cannot be recomputed: {error}") from None
    if bounds is None:
        raise VerifyError("E_GATE", "no epsilon can be computed from the accounting at the claimed delta")
    if not claimed >= bounds.upper * (1 - ROUNDING):
        raise VerifyError("E_GATE", "the recomputed epsilon of the mechanisms exceeds the claim")
    return costs, bounds


def _check_duration(own: Sequence[MechanismCost], others: Sequence[MechanismCost]) -> None:
    # the joint epsilon of this run and the other runs must not take minutes to compute
    if len(own) > MOST_MECHANISMS:
        raise VerifyError("E_GATE", f"the accounting lists more than {MOST_MECHANISMS} mechanisms")
    costs = [*own, *others]
    if sum(cost.sampling_rate < 1 for cost in costs) > MOST_SAMPLED:
        sampled = f"{MOST_SAMPLED} mechanisms that sample persons"
        raise VerifyError("E_GATE", f"all runs together have more than {sampled}; checking them would take too long")
    if any(cost.kind == "laplace" or cost.sampling_rate < 1 for cost in costs) and len(costs) > MOST_MECHANISMS:
        found = f"more than {MOST_MECHANISMS} mechanisms, and one of these samples persons or adds Laplace noise"
        raise VerifyError("E_GATE", f"all runs together have {found}; checking them would take too long")


def check_models_and_delta(predicate: ReleasePredicate) -> None:
    """Raise VerifyError (E_GATE) if a statement with a claimed epsilon has one of these faults.

    - The statement names no model.
    - A model is marked as trained on private data, or is on a server, so that its training data are unknown.
    - The statement does not give the range of the number of train persons, or the range begins below 10.
    - The delta of this run or of all runs together is above 1 / (10 n), where n is the lower end of this range.
    """
    if predicate.privacy.delta is None:
        return
    total = predicate.privacy.budget
    delta = max(predicate.privacy.delta, 0.0 if total is None else total.delta)
    unknown = [m for m in predicate.models if m.trained_on_private_data or m.format != SAFETENSORS]
    if not predicate.models:
        raise VerifyError("E_GATE", "an epsilon is claimed, so the statement must name its models")
    if unknown:
        on_server = "is on a server, so its training data are unknown"
        problem = "counts as trained on private data" if unknown[0].format == SAFETENSORS else on_server
        raise VerifyError("E_GATE", f"an epsilon is claimed, but the model of the role {unknown[0].role} {problem}")
    buckets = [item.count_bucket for item in predicate.inputs if item.role == "train"]
    low = buckets[0].split("-")[0] if buckets else "0"
    n = int(low.removesuffix("k")) * (1000 if low.endswith("k") else 1)
    if len(buckets) != 1 or bucket(n) != buckets[0] or n == 0:
        raise VerifyError(
            "E_GATE",
            "an epsilon is claimed, so the statement must give one range of the number of train persons, and the "
            "range must begin at 10 or more",
        )
    if delta * PERSONS_PER_DELTA * n > 1:
        limit = f"1 / ({PERSONS_PER_DELTA} n), where n is the lower end of the stated range of train persons"
        raise VerifyError(
            "E_GATE", f"the delta of this run and the delta of all runs together must each be at most {limit}"
        )


def accounting_details(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """Return the details of the accounting in the report; raise VerifyError (E_GATE) if there are none."""
    try:
        results = parse(files[REPORT_JSON])["audit"]["results"]
        (details,) = [result["details"] for result in results if result["name"] == "accounting"]
        return dict(details)
    except (JsonError, KeyError, TypeError, ValueError):
        raise VerifyError("E_GATE", "the report does not contain the accounting of the mechanism log") from None


def _common(mechanisms: Sequence[Mapping[str, Any]], name: str) -> Any:
    numbers = {mechanism[name] for mechanism in mechanisms}
    return numbers.pop() if len(numbers) == 1 else None
