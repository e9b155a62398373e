"""The accounting audit: is the privacy budget that is claimed the one that was spent?"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from audits.attacks.accounting.accountants import EpsilonBounds, epsilon_bounds
from audits.attacks.accounting.dry_run_checks import ClaimCheck, degrees, dry_run_checks, needed_steps
from audits.attacks.accounting.mechanism_log import (
    PERSONS_PER_DELTA,
    READS,
    EarlierRelease,
    MechanismCost,
    MechanismLog,
    PrivacyBudget,
    person_set_digest,
    read_log,
)
from audits.attacks.accounting.prv import NOT_INSTALLED
from audits.attacks.accounting.sampling_tests import smallest_shortfall
from audits.core.errors import NotMeasurable
from audits.core.rates import exact
from audits.core.two_sided import power
from audits.core.types import AuditInputs, AuditResult, Previous, Table, Verdict

AGREEMENT = 1e-3  # relative and absolute, for the grid of the loss distributions
ROUNDING = 1e-9


class Accounting:
    """Whether a claim of differential privacy follows from the log of the mechanism, and the log from a dry run.

    The attacker's story: a claim of epsilon bounds every attacker there will ever be, but only if the noise was as
    large, the people drawn as independently, the contributions clipped and the budgets added up as the claim says.
    The attacker looks for the step that was done otherwise; so does this audit, in the log and in a dry run.

    It checks, each in `details["checks"]` as holds, broken or missing:
        claim: at least the epsilon recomputed from noise, sampling rate and steps, at the claimed delta.
        accountants: those that share no code agree: loss distributions <= Rényi divergences, and within the stated
            error of privacy loss random variables and of the closed form, where these can be computed.
        delta: at most 1 / (10 n), n the larger of the declared and the actual number of persons. A hard rule.
        unit: contributions are clipped for each person and not for each record.
        persons: the log is about the persons of train.
        seeds: no two mechanisms, and not the release before, share their noise.
        poisson sampling, noise, clipping, normaliser: from the dry run
            (`audits/attacks/accounting/dry_run_checks.py`).
        reads: everything else that read the records is accounted for. A similarity filter against train or a retry
            until the gate passed is an un-noised query: the honest claim is "DP generator, non-DP filter". Numbers of
            the audits may be outside the claim: `details["outside_reads"]` and the reason say so, and the gate and
            the verifier hold it to what the policy shows.
        releases: the release before is in the log, and none of the same persons is called disjoint.
        composition: what all releases on any of the same persons spent together is claimed, and adds up.

    epsilon: the claim, or what was recomputed if that is larger; the budget of a policy is compared with it.
    delta: as claimed.
    epsilon_recomputed: the tightest upper bound at the claimed delta; the headline.
    epsilon_rdp: the bound by Rényi divergences.
    epsilon_prv: the bound by privacy loss random variables; `details["accountants"]["prv_absent"]` says why there is
        none. It is compared, and gates nothing by itself.
    epsilon_spent: of all releases on the same persons; only where there are some.
    unaccounted_reads: how many kinds of reads nobody counted, or nobody answered for.

    It fails where a check is broken, passes where every one holds, and is insufficient where one is missing. The
    smallest leak in `power` is the epsilon by which the release would exceed its claim if the noise fell short by the
    least that the dry run's noise would show; None without such a log. Bounds that other audits prove on epsilon are
    compared with the claim by the policy, not here.

    Privacy: reads the log and the names of persons in train; the result holds counts, budgets and p-values.
    Random: none.
    Cost: seconds, and the length of the log.
    Source: Balle and Wang 2018; Mironov et al. 2019; Doroshenko et al. 2022; what may be asked of a claim, NIST SP
        800-226. The tests on logs are ours.
    """

    name = "accounting"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:  # noqa: ARG002
        """Return the recomputed epsilon and whether the claim follows, with a three-way verdict.

        Raises:
            NotMeasurable: no log was given, or the package dp-accounting is missing.
            InputError: the log is not of the form of `audits/attacks/accounting/mechanism_log.py`.
        """
        if inputs.mechanism is None:
            raise NotMeasurable(
                "no log of a differentially private mechanism was given; where epsilon is claimed, give its log"
            )
        log = read_log(inputs.mechanism)
        own = epsilon_bounds(log.mechanisms, _accounted_reads(log), delta=log.claim.delta)
        together = _composed_bounds(log)
        checks = [
            _claim(log, own),
            _accountants(own, together),
            _delta(log, inputs.train),
            _unit(log, inputs.train),
            _persons(log, inputs.train),
            _seeds(log, inputs.previous),
            *_dry_run_checks(log),
            _reads(log),
            _releases(log, inputs),
            _composition(log, together),
        ]
        return _judge(log, len(set(inputs.train.groups)), own, together, checks, confidence)


def _composed_bounds(log: MechanismLog) -> EpsilonBounds | None:
    """Return epsilon of all releases on any of the same persons, at the delta claimed for them; None without one."""
    if log.spent is None:
        return None
    shared = _releases_on_same_persons(log)
    costs = [*log.mechanisms, *(cost for earlier in shared for cost in earlier.mechanisms)]
    budgets = [*_accounted_reads(log), *(earlier.cost for earlier in shared if len(earlier.mechanisms) == 0)]
    return epsilon_bounds(costs, budgets, delta=log.spent.delta)


def _accounted_reads(log: MechanismLog) -> list[PrivacyBudget]:
    return [read.cost for read in log.reads if isinstance(read.cost, PrivacyBudget)]


def _releases_on_same_persons(log: MechanismLog) -> list[EarlierRelease]:
    return [earlier for earlier in log.releases if earlier.persons != "disjoint"]


def _claim(log: MechanismLog, own: EpsilonBounds | None) -> ClaimCheck:
    if own is None:
        return ClaimCheck("claim", "broken", "the accounted reads use up the whole delta of the claim")
    return _claim_covers("claim", log.claim, own, "is claimed")


def _claim_covers(name: str, claim: PrivacyBudget, recomputed: EpsilonBounds, how: str) -> ClaimCheck:
    if claim.epsilon >= recomputed.upper * (1 - ROUNDING):
        return ClaimCheck(name, "holds")
    return ClaimCheck(name, "broken", f"epsilon {claim.epsilon:.4g} {how}, {recomputed.upper:.6g} was recomputed")


def _accountants(own: EpsilonBounds | None, together: EpsilonBounds | None) -> ClaimCheck:
    name = "accountants"
    if own is None or own.pld is None:
        return ClaimCheck(name, "missing", "epsilon is too large for a second accountant to confirm it")
    agree = own.pld <= own.rdp + AGREEMENT * (1 + own.rdp)
    if own.closed is not None:
        agree &= abs(own.pld - own.closed) <= AGREEMENT * (1 + own.closed)
    agree &= all(_loss_variables_agree(bounds) for bounds in (own, together) if bounds is not None)
    return ClaimCheck(name, "holds") if agree else ClaimCheck(name, "missing", "the accountants disagree")


def _loss_variables_agree(bounds: EpsilonBounds) -> bool:
    """Return whether what loss distributions say lies where the random variables put epsilon; true without either."""
    if bounds.pld is None or bounds.prv is None or bounds.prv_low is None:
        return True
    grid = AGREEMENT * (1 + bounds.pld)
    return bounds.prv_low - grid <= bounds.pld <= bounds.prv + grid


def _delta(log: MechanismLog, train: Table) -> ClaimCheck:
    n = max(log.n_persons, len(set(train.groups)))
    delta = max(log.claim.delta, 0.0 if log.spent is None else log.spent.delta)
    if delta > 1 / (PERSONS_PER_DELTA * n):
        return ClaimCheck("delta", "broken", f"delta {delta:.3g} is above 1 / ({PERSONS_PER_DELTA} · {n} persons)")
    return ClaimCheck("delta", "holds")


def _unit(log: MechanismLog, train: Table) -> ClaimCheck:
    if any(m.unit != "group" for m in log.mechanisms):
        return ClaimCheck("unit", "broken", "contributions are clipped for each record and not for each person")
    if not train.has_groups:
        return ClaimCheck("unit", "missing", "the train table names no persons: give a group column")
    return ClaimCheck("unit", "holds")


def _persons(log: MechanismLog, train: Table) -> ClaimCheck:
    if train.has_groups and person_set_digest(train.groups) == log.person_set:
        return ClaimCheck("persons", "holds")
    return ClaimCheck("persons", "missing", "the log's person_set is not the digest of the persons in train")


def _seeds(log: MechanismLog, previous: Previous | None) -> ClaimCheck:
    digests = [m.seed_digest for m in log.mechanisms if m.seed_digest is not None]
    if previous is not None and previous.seed_digest is not None:
        digests.append(previous.seed_digest)
    if len(set(digests)) < len(digests):
        return ClaimCheck(
            "seeds", "broken", "two mechanisms, or this release and the one before, share their noise's seed"
        )
    return ClaimCheck("seeds", "holds")


def _dry_run_checks(log: MechanismLog) -> Iterator[ClaimCheck]:
    for number, mechanism in enumerate(log.mechanisms, start=1):
        for check in dry_run_checks(mechanism, n_persons=log.n_persons):
            where = f"mechanism {number} ({mechanism.kind}): " if check.sentence else ""
            yield check._replace(sentence=where + check.sentence)


def _unaccounted_kinds(log: MechanismLog) -> list[str]:
    answered = {read.kind for read in log.reads if read.status != "unaccounted"}
    denied = {read.kind for read in log.reads if read.status == "unaccounted"}
    return [kind for kind in READS if kind in denied or kind not in answered]


def _outside_kinds(log: MechanismLog) -> list[str]:
    return [read.kind for read in log.reads if read.status == "outside"]


def _reads(log: MechanismLog) -> ClaimCheck:
    kinds = _unaccounted_kinds(log)
    if kinds:
        return ClaimCheck(
            "reads", "missing", f"account for these, or say that they did not read the records: {', '.join(kinds)}"
        )
    return ClaimCheck("reads", "holds")


def _releases(log: MechanismLog, inputs: AuditInputs) -> ClaimCheck:
    name, previous = "releases", inputs.previous
    if any(e.persons == "disjoint" and e.person_set == log.person_set for e in log.releases):
        return ClaimCheck(name, "broken", "an earlier release is called disjoint and has the same persons")
    if previous is None:
        return ClaimCheck(name, "holds")
    if not (previous.train.has_groups and inputs.train.has_groups):
        return ClaimCheck(
            name, "missing", "the tables of this release or the one before name no persons: give a group column"
        )
    both = set(previous.train.groups) & set(inputs.train.groups)
    if both and person_set_digest(previous.train.groups) not in {
        e.person_set for e in _releases_on_same_persons(log)
    }:
        return ClaimCheck(name, "broken", "the release before has persons of this one and is not in the log")
    return ClaimCheck(name, "holds")


def _composition(log: MechanismLog, together: EpsilonBounds | None) -> ClaimCheck:
    name = "composition"
    if log.spent is None:
        if len(_releases_on_same_persons(log)) == 0:
            return ClaimCheck(name, "holds")
        return ClaimCheck(name, "broken", "earlier releases on the same persons are not added up")
    if together is None:
        return ClaimCheck(name, "broken", "earlier releases use up the whole delta that is claimed for all together")
    return _claim_covers(name, log.spent, together, "is claimed for all releases together")


def _judge(
    log: MechanismLog,
    n: int,
    own: EpsilonBounds | None,
    together: EpsilonBounds | None,
    checks: list[ClaimCheck],
    confidence: float,
) -> AuditResult:
    broken, missing = ([c for c in checks if c.outcome == outcome] for outcome in ("broken", "missing"))
    verdict: Verdict = "fail" if broken else "insufficient" if missing else "pass"
    numbers = {"delta": log.claim.delta, "unaccounted_reads": len(_unaccounted_kinds(log))}
    if own is not None:
        numbers |= {"epsilon": max(log.claim.epsilon, own.upper), "epsilon_recomputed": own.upper}
        numbers |= {"epsilon_rdp": own.rdp + own.added}
        numbers |= {} if own.prv is None else {"epsilon_prv": own.prv + own.added}
    if together is not None and log.spent is not None:
        numbers |= {"epsilon_spent": max(log.spent.epsilon, together.upper)}
    metrics = {name: exact(value, confidence=confidence, n=n) for name, value in sorted(numbers.items())}
    return AuditResult(
        name="accounting",
        verdict=verdict,
        status="measured",
        estimate=metrics.get("epsilon_recomputed"),
        control=None,
        threshold=log.claim.epsilon,
        direction="lower_is_safer",
        metrics=metrics,
        details=_details(log, own, checks),
        reason="; ".join(c.sentence for c in broken or missing)
        or f"epsilon {log.claim.epsilon:.4g} at delta {log.claim.delta:.3g} for each person follows from the log, "
        "and the log from the dry run"
        + ("; what is told of the audits is outside it" if _outside_kinds(log) else "")
        + (f"; no comparison with the accountant of Opacus: {NOT_INSTALLED}" if _lacks_opacus(own) else ""),
    )


def _lacks_opacus(own: EpsilonBounds | None) -> bool:
    return own is not None and own.prv_absent == NOT_INSTALLED


def _details(log: MechanismLog, own: EpsilonBounds | None, checks: list[ClaimCheck]) -> dict[str, Any]:
    worst: dict[str, str] = {}
    for check in sorted(checks, key=lambda c: ("broken", "missing", "holds").index(c.outcome)):
        worst.setdefault(check.name, check.outcome)
    logged, needed = min(
        ((0 if m.dry_run is None else len(m.dry_run.noise), needed_steps(m)) for m in log.mechanisms),
        key=lambda steps: steps[0] / steps[1],
    )
    return {
        "claim": log.claim.model_dump(),
        "claim_scope": "person" if worst["unit"] == "holds" else "record",
        "checks": worst,
        "p_values": [{"check": c.name} | dict(c.p) for c in checks if c.p],
        "accountants": None if own is None else own._asdict(),
        "mechanisms": [m.model_dump(include=set(MechanismCost.model_fields)) for m in log.mechanisms],
        "accounted_reads": [budget.model_dump() for budget in _accounted_reads(log)],
        "unaccounted_reads": _unaccounted_kinds(log),
        "outside_reads": _outside_kinds(log),
        "earlier_releases": {"same_persons": len(_releases_on_same_persons(log)), "in_all": len(log.releases)},
        "power": power(logged, needed, _smallest_leak(log)),
    }


def _smallest_leak(log: MechanismLog) -> float | None:
    """Return the epsilon above the claim if all noise fell short by the least that the dry run's noise would show."""
    weaker = []
    for mechanism in log.mechanisms:
        dry_run = mechanism.dry_run
        if dry_run is None or len(dry_run.noise) == 0 or dry_run.dimension is None:
            return None
        short = smallest_shortfall(degrees(mechanism.kind, dry_run.dimension) * len(dry_run.noise))
        if short >= 1:
            return None
        weaker.append(mechanism.model_copy(update={"noise_multiplier": mechanism.noise_multiplier * (1 - short)}))
    found = epsilon_bounds(weaker, _accounted_reads(log), delta=log.claim.delta)
    return None if found is None else max(0.0, found.upper - log.claim.epsilon)
