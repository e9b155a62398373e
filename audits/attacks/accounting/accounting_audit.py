"""Accounting audit: check that a release spent no more privacy budget (epsilon, delta) than it claims.

The log of the release (`MechanismLog`) has the claimed epsilon and delta (the claim), the DP mechanisms, further uses
of the records (reads), and the results of two tests of the code:

- dry run: the code runs on fictional persons
- replay: the code runs on train without noise, with and without one person; every query returns a fixed answer

The audit recomputes epsilon from the log. It then checks that the claim is large enough and that the log is correct.
"""

from collections.abc import Iterator
from typing import Any

from audits.attacks.accounting import mechanism_log
from audits.attacks.accounting.accountants import MAX_EPSILON, EpsilonBounds, epsilon_bounds
from audits.attacks.accounting.dry_run_checks import (
    ClaimCheck,
    check_noise_is_new,
    degrees,
    dry_run_checks,
    needed_steps,
)
from audits.attacks.accounting.mechanism_log import EarlierRelease, MechanismCost, MechanismLog, PrivacyBudget
from audits.attacks.accounting.prv import NOT_INSTALLED
from audits.attacks.accounting.sampling_tests import smallest_shortfall
from audits.core.errors import NotMeasurable
from audits.core.rates import exact
from audits.core.two_sided import power
from audits.core.types import AuditInputs, AuditResult, Previous, Rng, Table, Verdict

AGREEMENT = 1e-3  # two methods agree if their epsilons differ by at most this multiple of 1 + epsilon
_REPLAY_FINDINGS = {  # key: field of `ReplayLog`; value: what the replay found if the field is `broken`
    "sums": "a sum changed by more than the clip norm, or the contribution of another person changed",
    "results": "a result changed although the answers to all queries were the same",
    "scores": "the score of another person's text changed",
}
ROUNDING = 1e-9  # the claimed epsilon may be below the recomputed epsilon by this share of the latter


class Accounting:
    """Check that the claimed epsilon follows from the log, and that the dry run and the replay confirm the log.

    `audits explain accounting` describes the attack and the verdicts. `details["checks"]` has the outcome of each
    check: `holds`, `broken`, or `missing` if the audit cannot decide. A check holds if its statement is true:

    - claim: the claimed epsilon is at least the epsilon recomputed at the claimed delta.
    - accountants: the methods that compute epsilon (`accountants.py`) agree up to `AGREEMENT`. The epsilon by privacy
      loss distributions (PLD) is at most that by Rényi divergences (RDP), equals the closed form if there is one, and
      is within the bounds by privacy loss random variables (PRV) if these were computed. If the methods disagree, or
      if there is only one, the outcome is `missing`.
    - delta: the delta of this release and that of all releases together are at most 1 / (10·n). n is the declared
      number of persons or, if this is larger, the number of train persons rounded down to two significant digits.
    - unit: contributions are clipped per person, not per record, and train has person ids.
    - persons: the log and train have the same persons, compared by the digest of their ids.
    - seeds: no two mechanisms share the seed of their noise, and no mechanism uses the seed of the previous release.
    - poisson sampling, noise, clipping, normaliser (divisor of the noisy sum): the dry run confirms the log. No two
      steps add the same noise, not even steps of different mechanisms.
    - replay: removing a person changes each sum by at most the clip norm, and changes nothing else (`ReplayLog`).
    - reads: the log lists each kind of read, and none has the status `unaccounted` (`RecordRead`). The status
      `outside` is allowed here; the verifier compares these reads with the policy.
    - releases: if the previous release shares persons with this release, the log lists the previous release and does
      not declare it disjoint. No earlier release declared disjoint has exactly the persons of this release.
    - composition: the log claims a joint epsilon of this release and all earlier releases not declared disjoint, and
      the claim is at least the recomputed epsilon. Without such earlier releases, no joint claim is needed.

    Metrics (epsilon, epsilon_recomputed, epsilon_rdp and epsilon_prv are absent if reads use up the claimed delta):

    - epsilon: the larger of claimed and recomputed epsilon; the policy limits this value.
    - delta: the claimed delta.
    - epsilon_recomputed: the smallest upper bound except epsilon_prv, at the claimed delta; also the `estimate`.
    - epsilon_rdp: the upper bound by RDP.
    - epsilon_prv: the upper bound by PRV, only for comparison. If it could not be computed, it is absent, and
      `details["accountants"]["prv_absent"]` says why.
    - epsilon_spent: the larger of the claimed and the recomputed joint epsilon (see composition); absent if the log
      claims no joint epsilon, or if reads and earlier releases use up the delta of the joint claim.
    - unaccounted_reads: number of kinds of read that have the status `unaccounted` or are not in the log.

    `details["power"]["smallest_leak"]`: suppose that the noise of each mechanism is too small, by the smallest share
    that its dry run detects with power .8. The value says by how much epsilon then exceeds the claim (at least 0).
    It is None if a dry run is missing or cannot detect any share, or if reads use up the claimed delta.

    Privacy: reads the log and the ids of persons in train; the result contains counts, budgets and p-values.
    Randomness: none.
    Reference: see `accountants.py`; NIST SP 800-226 for claims. The tests of logs were designed for this project.
    """

    name = "accounting"

    def run(self, inputs: AuditInputs, rng: Rng, confidence: float) -> AuditResult:  # noqa: ARG002 - nothing is random
        """Return the recomputed epsilon and the verdict on the claim.

        Raises:
            NotMeasurable: no log was given, or the package dp-accounting is missing.
            InputError: the log does not follow the format of `audits/attacks/accounting/mechanism_log.py`.
        """
        if inputs.mechanism is None:
            raise NotMeasurable("no log of DP mechanisms was given; give it if the release claims an epsilon")
        log = mechanism_log.read_log(inputs.mechanism)
        bounds = epsilon_bounds(log.mechanisms, _read_budgets(log), delta=log.claim.delta)
        together = _composed_bounds(log)
        checks = [
            _claim(log, bounds),
            _accountants(bounds, together),
            _delta(log, inputs.train),
            _unit(log, inputs.train),
            _persons(log, inputs.train),
            _seeds(log, inputs.previous),
            *_dry_run_checks(log),
            check_noise_is_new(log.mechanisms),
            _replay(log),
            _reads(log),
            _releases(log, inputs),
            _composition(log, together),
        ]
        return _judge(log, len(set(inputs.train.groups)), bounds, together, checks, confidence)


def _composed_bounds(log: MechanismLog) -> EpsilonBounds | None:
    """Return the joint epsilon of this release and the earlier ones not declared disjoint, at `log.spent.delta`.

    The result is None if the log claims no joint epsilon, or if reads and earlier releases use up this delta.
    """
    if log.spent is None:
        return None
    shared = _releases_with_shared_persons(log)
    costs = [*log.mechanisms, *(cost for earlier in shared for cost in earlier.mechanisms)]
    budgets = [*_read_budgets(log), *(earlier.cost for earlier in shared if len(earlier.mechanisms) == 0)]
    return epsilon_bounds(costs, budgets, delta=log.spent.delta)


def _read_budgets(log: MechanismLog) -> list[PrivacyBudget]:
    return [read.cost for read in log.reads if isinstance(read.cost, PrivacyBudget)]


def _releases_with_shared_persons(log: MechanismLog) -> list[EarlierRelease]:
    return [earlier for earlier in log.releases if earlier.persons != "disjoint"]


def _claim(log: MechanismLog, bounds: EpsilonBounds | None) -> ClaimCheck:
    too_small = (
        "accesses outside the mechanisms have deltas of their own, and these use up the whole delta of the claim; "
        "claim a larger delta"
    )
    return _check_epsilon("claim", log.claim, bounds, "is claimed", too_small)


def _check_epsilon(
    name: str, claim: PrivacyBudget, recomputed: EpsilonBounds | None, how: str, delta_too_small: str
) -> ClaimCheck:
    """Check that the claimed epsilon is at least the recomputed one.

    `delta_too_small` is the message if there is no recomputed epsilon, because the budgets of reads or earlier
    releases use up delta. `how` follows the claim in the other message: "epsilon 2 is claimed, but ...".
    """
    if recomputed is None:
        return ClaimCheck(name, "broken", delta_too_small)
    broken = not claim.epsilon >= recomputed.upper * (1 - ROUNDING)  # also true if the recomputed epsilon is NaN
    sentence = f"epsilon {claim.epsilon:.4g} {how}, but the recomputed epsilon is {recomputed.upper:.6g}"
    return _broken_if(broken, name, sentence)


def _broken_if(broken: bool, name: str, sentence: str) -> ClaimCheck:  # noqa: FBT001 - the name explains the flag
    return ClaimCheck(name, "broken", sentence) if broken else ClaimCheck(name, "holds")


def _accountants(bounds: EpsilonBounds | None, together: EpsilonBounds | None) -> ClaimCheck:
    name = "accountants"
    if bounds is None or bounds.pld is None:
        only_one = f"no second accountant checks epsilon, because it is above {MAX_EPSILON:g} or delta is too small"
        return ClaimCheck(name, "missing", only_one)
    do_agree = bounds.pld <= bounds.rdp + AGREEMENT * (1 + bounds.rdp)
    if bounds.closed is not None:
        do_agree &= abs(bounds.pld - bounds.closed) <= AGREEMENT * (1 + bounds.closed)
    do_agree &= all(_prv_agrees(b) for b in (bounds, together) if b is not None)
    disagree = "the accountants disagree on epsilon, so one of them is wrong; compare `accountants` in the details"
    return ClaimCheck(name, "holds") if do_agree else ClaimCheck(name, "missing", disagree)


def _prv_agrees(bounds: EpsilonBounds) -> bool:
    """Return whether the epsilon by PLD is within the bounds by PRV; true if one of them was not computed."""
    if bounds.pld is None or bounds.prv is None or bounds.prv_low is None:
        return True
    tolerance = AGREEMENT * (1 + bounds.pld)
    return bounds.prv_low - tolerance <= bounds.pld <= bounds.prv + tolerance


def _delta(log: MechanismLog, train: Table) -> ClaimCheck:
    n = max(log.n_persons, mechanism_log.rounded_down(len(set(train.groups))))
    delta = max(log.claim.delta, 0.0 if log.spent is None else log.spent.delta)
    sentence = f"delta {delta:.3g} is above 1 / ({mechanism_log.PERSONS_PER_DELTA} · {n} persons)"
    return _broken_if(delta > 1 / (mechanism_log.PERSONS_PER_DELTA * n), "delta", sentence)


def _unit(log: MechanismLog, train: Table) -> ClaimCheck:
    if any(m.unit != "group" for m in log.mechanisms):
        per_record = "contributions are clipped per record, not per person; clip the sum over each person's records"
        return ClaimCheck("unit", "broken", per_record)
    if not train.has_groups:
        return ClaimCheck("unit", "missing", "the train table has no person ids: give a group column")
    return ClaimCheck("unit", "holds")


def _persons(log: MechanismLog, train: Table) -> ClaimCheck:
    if train.has_groups and mechanism_log.person_set_digest(train.groups) == log.person_set:
        return ClaimCheck("persons", "holds")
    wrong = "person_set in the log is not the digest of the persons in train; give the train table of this run"
    return ClaimCheck("persons", "missing", wrong)


def _seeds(log: MechanismLog, previous: Previous | None) -> ClaimCheck:
    digests = [m.seed_digest for m in log.mechanisms if m.seed_digest is not None]
    if previous is not None and previous.seed_digest is not None:
        digests.append(previous.seed_digest)
    sentence = "two mechanisms, or this release and the previous one, share the seed of their noise; draw new seeds"
    return _broken_if(len(set(digests)) < len(digests), "seeds", sentence)


def _dry_run_checks(log: MechanismLog) -> Iterator[ClaimCheck]:
    for number, mechanism in enumerate(log.mechanisms, start=1):
        for check in dry_run_checks(mechanism, n_persons=log.n_persons):
            where = f"mechanism {number} ({mechanism.kind}): " if check.sentence else ""
            yield check._replace(sentence=where + check.sentence)


def _replay(log: MechanismLog) -> ClaimCheck:
    if log.replay is None:
        no_replay = "the log has no replay; run the code with fixed answers, with and without one person, and log it"
        return ClaimCheck("replay", "missing", no_replay)
    findings = [finding for part, finding in _REPLAY_FINDINGS.items() if getattr(log.replay, part) == "broken"]
    return _broken_if(len(findings) > 0, "replay", f"in the replay without one person, {' and '.join(findings)}")


def _unaccounted_kinds(log: MechanismLog) -> list[str]:
    """Return the kinds of read that have the status `unaccounted` or are not in the log."""
    statuses = {(read.kind, read.status == "unaccounted") for read in log.reads}
    return [kind for kind in mechanism_log.READS if (kind, True) in statuses or (kind, False) not in statuses]


def _outside_kinds(log: MechanismLog) -> list[str]:
    return [read.kind for read in log.reads if read.status == "outside"]


def _reads(log: MechanismLog) -> ClaimCheck:
    kinds = _unaccounted_kinds(log)
    if kinds:
        listed = f"the claim does not include these reads, or the log does not list them: {', '.join(kinds)}"
        remedy = "include them in the claim, or log the status `none` if they did not access the records"
        return ClaimCheck("reads", "missing", f"{listed}; {remedy}")
    return ClaimCheck("reads", "holds")


def _releases(log: MechanismLog, inputs: AuditInputs) -> ClaimCheck:
    name, previous = "releases", inputs.previous
    if any(e.persons == "disjoint" and e.person_set == log.person_set for e in log.releases):
        same = "an earlier release is declared disjoint but has the same persons; correct `persons` in the log"
        return ClaimCheck(name, "broken", same)
    if previous is None:
        return ClaimCheck(name, "holds")
    if not (previous.train.has_groups and inputs.train.has_groups):
        no_ids = "the train table of this release or of the previous release has no person ids: give a group column"
        return ClaimCheck(name, "missing", no_ids)
    logged = {e.person_set for e in _releases_with_shared_persons(log)}
    overlap = set(previous.train.groups) & set(inputs.train.groups)
    if overlap and mechanism_log.person_set_digest(previous.train.groups) not in logged:
        absent = "the previous release shares persons with this release but is not in the log; add it to `releases`"
        return ClaimCheck(name, "broken", absent)
    return ClaimCheck(name, "holds")


def _composition(log: MechanismLog, together: EpsilonBounds | None) -> ClaimCheck:
    name = "composition"
    if log.spent is None:
        if len(_releases_with_shared_persons(log)) == 0:
            return ClaimCheck(name, "holds")
        no_total = "the log claims no total for all releases that share persons; state the total in `spent`"
        return ClaimCheck(name, "broken", no_total)
    too_small = (
        "earlier releases and accesses outside the mechanisms use up the whole delta of `spent`; claim a larger delta"
    )
    return _check_epsilon(name, log.spent, together, "is claimed for all releases together", too_small)


def _judge(
    log: MechanismLog,
    n_persons: int,
    bounds: EpsilonBounds | None,
    together: EpsilonBounds | None,
    checks: list[ClaimCheck],
    confidence: float,
) -> AuditResult:
    broken, missing = ([c for c in checks if c.outcome == outcome] for outcome in ("broken", "missing"))
    verdict: Verdict = "fail" if broken else "insufficient" if missing else "pass"
    numbers = {"delta": log.claim.delta, "unaccounted_reads": len(_unaccounted_kinds(log))}
    if bounds is not None:
        numbers |= {"epsilon": max(log.claim.epsilon, bounds.upper), "epsilon_recomputed": bounds.upper}
        numbers |= {"epsilon_rdp": bounds.rdp + bounds.added}
        numbers |= {} if bounds.prv is None else {"epsilon_prv": bounds.prv + bounds.added}
    if together is not None and log.spent is not None:
        numbers |= {"epsilon_spent": max(log.spent.epsilon, together.upper)}
    metrics = {name: exact(value, confidence=confidence, n=n_persons) for name, value in sorted(numbers.items())}
    return AuditResult(
        name="accounting",
        verdict=verdict,
        status="measured",
        estimate=metrics.get("epsilon_recomputed"),
        threshold=log.claim.epsilon,
        direction="lower_is_safer",
        metrics=metrics,
        details=_details(log, bounds, checks),
        reason="; ".join(c.sentence for c in broken or missing)
        or f"epsilon {log.claim.epsilon:.4g} at delta {log.claim.delta:.3g} per person follows from the log, "
        "and the dry run and the replay confirm the log"
        + (f"; the claim does not cover {', '.join(outside)}" if (outside := _outside_kinds(log)) else "")
        + (
            f"; epsilon was not compared with that of Opacus, because {NOT_INSTALLED}"
            if bounds is not None and bounds.prv_absent == NOT_INSTALLED
            else ""
        ),
    )


def _details(log: MechanismLog, bounds: EpsilonBounds | None, checks: list[ClaimCheck]) -> dict[str, Any]:
    worst: dict[str, str] = {}
    for check in sorted(checks, key=lambda c: ("broken", "missing", "holds").index(c.outcome)):
        worst.setdefault(check.name, check.outcome)
    # numbers of logged and of needed steps, for the mechanism with the smallest ratio logged / needed
    logged, needed = min(
        ((0 if m.dry_run is None else len(m.dry_run.noise), needed_steps(m)) for m in log.mechanisms),
        key=lambda steps: steps[0] / steps[1],
    )
    return {
        "claim": log.claim.model_dump(),
        "claim_scope": "person" if worst["unit"] == "holds" else "record",
        "checks": worst,
        "p_values": [{"check": c.name} | dict(c.p) for c in checks if c.p],
        "accountants": None if bounds is None else bounds._asdict(),
        "mechanisms": [m.model_dump(include=set(MechanismCost.model_fields)) for m in log.mechanisms],
        "accounted_reads": [budget.model_dump() for budget in _read_budgets(log)],
        "unaccounted_reads": _unaccounted_kinds(log),
        "outside_reads": _outside_kinds(log),
        "earlier_releases": {"same_persons": len(_releases_with_shared_persons(log)), "in_all": len(log.releases)},
        "power": power(logged, needed, _smallest_leak(log)),
    }


def _smallest_leak(log: MechanismLog) -> float | None:
    """Return the entry `smallest_leak` that `Accounting` describes."""
    weaker = []
    for mechanism in log.mechanisms:
        dry_run = mechanism.dry_run
        if dry_run is None or len(dry_run.noise) == 0 or dry_run.dimension is None:
            return None
        shortfall = smallest_shortfall(degrees(mechanism.kind, dry_run.dimension) * len(dry_run.noise))
        if shortfall >= 1:
            return None
        weaker.append(mechanism.model_copy(update={"noise_multiplier": mechanism.noise_multiplier * (1 - shortfall)}))
    bounds = epsilon_bounds(weaker, _read_budgets(log), delta=log.claim.delta)
    return None if bounds is None else max(0.0, bounds.upper - log.claim.epsilon)
