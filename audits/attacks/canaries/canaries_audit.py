"""The canaries audit: does the canary build's synthetic table show which made-up persons its generator saw?"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import stats

from audits.attacks.canaries.measurements import (
    Bool,
    CopyCounts,
    auc_by_family,
    auc_by_repeats,
    canary_exposures,
    canary_kinds,
    count_copies,
    exposure_details,
    persons_of,
    rank_within_kinds,
    scores_of,
)
from audits.attacks.canaries.scores import score_canaries
from audits.attacks.membership.attack import STACKED, CrossFitted, cross_fit
from audits.core.coin_guesses import Bound, Claim, guess_coins, needed_for_epsilon, stated_claim
from audits.core.errors import InputError, NotMeasurable
from audits.core.holdout import MIN_PERSONS, MIN_SYNTHETIC, hold_out
from audits.core.rates import exact
from audits.core.stats import FAIL_LEVEL, detectable_auc, needed_for_auc, power_of_each
from audits.core.two_sided import is_inside, power, two_sided_result
from audits.core.types import AuditInputs, AuditResult, Canaries, Estimate, Verdict, persons

MARGIN = 0.10
EPSILON_LIMIT = 1.0
MIN_CANARIES = 1_000
FAIR_P = 1e-6
PLACEBO_CONFIDENCE = 0.9999  # weighted across folds, the AUC of noise may scatter wider than its interval says


class CanaryAudit:
    """Whether the coins of made-up persons can be guessed from the synthetic table of a canary build.

    The attacker's story: somebody slips invented records among the patients' and later asks the released table which
    of them were used. Here the invention is ours and the coins are known: each canary was put into the train data of
    a second build of the same pipeline, or left out, by a fair coin of its own. Whoever guesses the coins better than
    a claim of epsilon allows has refuted the claim, and without a claim has shown what a person risks.

    auc: P[inserted > left out] of the strongest membership attack among canaries of one row, between the outermost
        ends of all attacks.
    epsilon_lower_bound: what the guesses prove in one run (`coin_guesses`), among canaries of one row.
    scan_p: smallest p-value of the scans of all attacks, corrected for how many; reported.
    reproduced: inserted canaries whose last eight words stand in the canary build's or the released table, but not in
        the
        reference.
    max_exposure: highest exposure of an inserted canary's random ending, in bits; a canary is nobody, so it is shown.
    control: the AUC with the released table in the place of the canary build's: its generator saw no canary.

    Canaries of 4 and 16 near-identical rows are reported apart: counted in records they measure a group, so their
    bound on epsilon is never compared with a claim. Where persons of train have as many rows, though, such a canary
    is a person like them, and an AUC proven above .60 fails the audit: a generator can hide who wrote once and give
    away everyone who wrote often.

    It fails when an ending came back, a row of the canary build stands in the release, a canary stands in the
    release's train
    data, the AUC's interval lies outside [.40, .60], or the bound on epsilon exceeds the claim (without one, 1); the
    last two only if the control's interval holds one half, for else the canaries differ by themselves. It passes with
    1,000 canaries, the interval of every attack's AUC inside, a ceiling above the limit, and a control
    whose interval holds one half. details.power.smallest_leak is the AUC that so many canaries of one row tell from
    one half with power .8.

    Privacy: canaries are made up, yet the canary build's generator saw train: no row of the canary build is shown,
    and none may ever
        be released. Reads the released, train and control tables for equal rows; returns counts.
    Random: persons set aside, the encoders' seeds, folds of attacks and guesses, bootstraps.
    Cost: that of the membership scores of the canaries, twice, and O(words of all tables).
    Source: canaries and exposure, Carlini et al., USENIX Security 2019; one-run bound, Steinke et al., arXiv
        2305.08846; canaries seen through synthetic text alone, Meeus et al., "The Canary's Echo", 2025.
    """

    name = "canaries"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return how well the coins can be guessed, with a three-way verdict.

        Raises:
            NotMeasurable: no canaries, too few of them or of the tables' rows, or coins that were not fair.
            InputError: the mechanism's log claims an epsilon or delta that is none.
        """
        claim = stated_claim(inputs.mechanism, EPSILON_LIMIT)
        canaries = _checked_canaries(inputs)
        reference = hold_out(inputs, rng).reference
        kinds = canary_kinds(canaries)
        once = kinds.rows == 1
        raw, people = score_canaries(canaries, canaries.canary_build, reference, rng)
        scores = rank_within_kinds(raw, kinds)
        is_in = people.is_train[once]
        found = cross_fit(scores_of(scores, once), persons_of(people, once), rng)
        bound = guess_coins(scores_of(scores, once), is_in, rng, alpha=FAIL_LEVEL, delta=claim.delta)
        unseen, _ = score_canaries(canaries, inputs.synthetic, reference, rng)
        placebo = cross_fit(scores_of(rank_within_kinds(unseen, kinds), once), persons_of(people, once), rng)
        copies = count_copies(canaries, inputs, reference)
        bits = canary_exposures(canaries, reference)
        metrics = {
            "auc": found.auc(confidence),
            "epsilon_lower_bound": exact(bound.epsilon, confidence=confidence, n=bound.persons),
            "scan_p": exact(found.scan_p(), confidence=confidence, n=len(is_in)),
            "reproduced": exact(float(copies.reproduced), confidence=confidence, n=int(people.is_train.sum())),
        }
        if bits is not None:
            metrics["max_exposure"] = exact(float(bits[0].max()), confidence=confidence, n=len(bits[0]))
        details = {
            "claim_scope": "person",
            "n_canaries": len(once),
            "n_inserted": int(people.is_train.sum()),
            "n_of_one_row": len(is_in),
            "epsilon": bound._asdict() | claim._asdict(),
            "copies": asdict(copies),
            "families": auc_by_family(kinds.family[once], is_in, found.pooled),
            "repeats": auc_by_repeats(scores, people, kinds.rows, inputs.train, rng),
            "stacked_weights": [None if w is None else dict(w) for w in found.weights],
            "attacks": {n: {"auc": found.areas[n].value, "scan_p": s.p} for n, s in found.scans.items()},
            "exposure": exposure_details(bits, len(canaries.suffixes)),
            "power": _power(len(once), is_in, bound, (claim, len(found.areas)), confidence),
        }
        control = placebo.areas[STACKED].estimate(PLACEBO_CONFIDENCE)
        return _judge(metrics, (found, control), copies, claim, details)


def _checked_canaries(inputs: AuditInputs) -> Canaries:
    """Return the canaries, after what they need to say anything."""
    canaries = inputs.canaries
    if canaries is None:
        raise NotMeasurable(
            "no canaries are given: make them with `audits canaries`, make a canary build with the rows of "
            "insert.parquet appended to train, and give its synthetic table"
        )
    n_rows = np.bincount(persons(canaries.table.groups)[1])
    n, k = len(n_rows), int(canaries.inserted.sum())
    if not len(canaries.family) == len(canaries.inserted) == n:
        raise InputError(f"there are {n} canary persons, but not one family and one coin for each")
    arms = [int(((n_rows == 1) & (canaries.inserted == side)).sum()) for side in (True, False)]
    if min(arms) < MIN_PERSONS or len(canaries.canary_build) < MIN_SYNTHETIC:
        raise NotMeasurable(
            f"{arms[0]} inserted canaries of one row, {arms[1]} left out and {len(canaries.canary_build)} rows of "
            f"the canary build are too few; at least {MIN_PERSONS} of each are required, and {MIN_CANARIES} canaries "
            "for a verdict"
        )
    if stats.binomtest(k, n, 0.5).pvalue < FAIR_P:
        raise NotMeasurable(f"{k} of {n} canaries were inserted; each needs a fair coin of its own")
    return canaries


def _power(n: int, is_in: Bool, bound: Bound, asked: tuple[Claim, int], confidence: float) -> dict[str, Any]:
    """Return what so many canaries could show against a claim by so many attacks."""
    claim, attacks = asked
    arm = min(int(is_in.sum()), int((~is_in).sum()))
    guessed = needed_for_epsilon(claim.limit, alpha=FAIL_LEVEL)
    # of so many canaries, as many have one row as have among these
    n_needed = max(
        MIN_CANARIES,
        -(-guessed * n // bound.persons),
        -(-needed_for_auc(MARGIN, power=power_of_each(attacks)) * n // arm),
    )
    smallest_leak = 0.5 + detectable_auc(arm, confidence=confidence)
    return power(n, n_needed, smallest_leak, epsilon_ceiling=bound.ceiling)


def _judge(
    metrics: Mapping[str, Estimate],
    builds: tuple[CrossFitted, Estimate],
    copies: CopyCounts,
    claim: Claim,
    details: dict[str, Any],
) -> AuditResult:
    """Return the verdict on the attacks on the canary build; the control is the table made without canaries."""
    found, control = builds
    area = metrics["auc"]
    fails = _copy_failures(copies)
    if control.low <= 0.5 <= control.high:
        fails += [
            *_guess_failures(found, metrics["epsilon_lower_bound"].value, claim),
            *_repeat_failures(details["repeats"]),
        ]
    lacks = _shortfalls(area, control, copies, claim, details["power"])
    verdict: Verdict = "fail" if fails else "insufficient" if lacks else "pass"
    passed = (
        f"inserted canaries can be told from those left out with an AUC of at most {area.high:.3f}; an epsilon above "
        f"{details['power']['epsilon_ceiling']:.2f} could not have been shown"
    )
    reason = "; ".join(fails or lacks or [passed])
    return two_sided_result(
        "canaries",
        verdict,
        area,
        MARGIN,
        control=control,
        metrics=metrics,
        details=details,
        reason=f"{reason[0].upper()}{reason[1:]}.",
    )


def _copy_failures(copies: CopyCounts) -> list[str]:
    """Return what stands where it must not, each as part of a sentence."""
    found = {
        f"{copies.canary_build_rows} rows of the canary build are in the table to release": copies.canary_build_rows
        > 0,
        f"{copies.in_train} rows of canaries stand in the release's own train data": copies.in_train > 0,
        f"the endings of {copies.reproduced} inserted canaries came back word for word": (
            copies.reproduced > 0 and copies.left_out == 0
        ),
    }
    return [what for what, proven in found.items() if proven]


def _guess_failures(attacks: CrossFitted, epsilon: float, claim: Claim) -> list[str]:
    """Return what guessing the coins of canaries of one row proves, each as part of a sentence."""
    proven = attacks.p_outside(MARGIN) < FAIL_LEVEL
    more = any(a.value > 0.5 + MARGIN for a in attacks.areas.values())
    found = {
        "inserted canaries can be told from those left out": proven and more,
        "inserted canaries are missing where those left out are not": proven and not more,
        f"guessing the coins proves an epsilon of {epsilon:.2f}, the limit is {claim.limit:g}": epsilon > claim.limit,
    }
    return [what for what, proven in found.items() if proven]


def _repeat_failures(repeats: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return for which numbers of rows, among those that a train person has, the AUC is proven too high."""
    return [
        f"inserted canaries of {r} rows, as persons of train have them, can be told from those left out"
        for r, found in repeats.items()
        if found["as_in_train"] and found["auc_low"] > 0.5 + MARGIN
    ]


def _shortfalls(
    area: Estimate, control: Estimate, copies: CopyCounts, claim: Claim, able: Mapping[str, Any]
) -> list[str]:
    """Return why it may not pass, each as part of a sentence."""
    n, needed, ceiling = able["n"], able["n_needed"], able["epsilon_ceiling"]
    decisive = -(-n * needed_for_auc(max(0.01, MARGIN - abs(area.value - 0.5))) // area.n)
    enough = max(decisive, 2 * n, needed)
    found = {
        f"{n} canaries are too few; {needed} would be enough": n < needed,
        f"at the claim's delta {n} canaries prove an epsilon of {ceiling:.2f} at most, which does not test the "
        f"claim of {claim.limit:g}": n >= needed and ceiling <= claim.limit,
        f"the interval of the AUC reaches over its limit; about {enough} canaries would decide": (
            not is_inside(area, MARGIN)
        ),
        f"the endings of {copies.left_out} canaries that were left out come back too: make endings at random": (
            copies.left_out > 0
        ),
        "inserted and left out canaries differ where no generator saw them: toss a fair coin for each": (
            not control.low <= 0.5 <= control.high
        ),
    }
    return [what for what, lacking in found.items() if lacking]
