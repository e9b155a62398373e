"""Canaries audit: decide whether a synthetic table reveals the persons on whom its generator was trained.

A canary is an invented person, and the canary build is a second build of the same pipeline, which is never released.
For each canary, a fair coin decides whether it is inserted into the train data of the canary build or omitted.
Attacks score each canary by its similarity to the synthetic table of this build. If the scores distinguish inserted
from omitted canaries, the generator reveals on whom it was trained. The audit also counts canaries whose last eight
words are reproduced.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import stats

from audits.attacks.canaries import measurements
from audits.attacks.membership.attack import STACKED, CrossFitted, cross_fit
from audits.core.coin_guesses import Bound, Claim, guess_coins, needed_for_epsilon, stated_claim
from audits.core.errors import InputError, NotMeasurable
from audits.core.holdout import MIN_PERSONS, MIN_SYNTHETIC, hold_out
from audits.core.rates import exact
from audits.core.stats import FAIL_LEVEL, detectable_auc, needed_for_auc, power_of_each
from audits.core.two_sided import is_inside, power, two_sided_result
from audits.core.types import AuditInputs, AuditResult, Bool, Canaries, Estimate, Rng, Verdict, persons

MARGIN = 0.10  # allowed distance of the AUC from one half
EPSILON_LIMIT = 1.0  # largest allowed lower bound on epsilon if no epsilon is claimed
MIN_CANARIES = 1_000  # smallest number of canaries for a pass
FAIR_P = 1e-6  # coins count as unfair if the number of inserted canaries has a smaller p-value
CONTROL_CONFIDENCE = 0.9999  # of each end of the control value's interval; high, as the interval can be too narrow


class CanaryAudit:
    """Test whether the synthetic table of a canary build shows which canaries were inserted.

    `audits explain canaries` describes the attacks and the verdicts. Each attack gives each canary a score, which
    should be higher if the canary was inserted; the stacked attack combines all scores. The audit guesses the coins
    from the scores. If more guesses are right than a claimed epsilon allows, the claim is refuted. The attacks are
    fitted on the reference: the given reference table or, without one, the texts of a fifth of the control persons.

    Metrics (auc, epsilon_lower_bound and scan_p use only canaries with one row):

    - auc: the AUC furthest from one half among all attacks. An AUC is the probability that an inserted canary has a
      higher score than an omitted one. The interval covers the intervals of all attacks.
    - epsilon_lower_bound: lower bound on epsilon from guessing the coins (`coin_guesses`).
    - scan_p: smallest p-value of the scan tests of all attacks but the stacked one, corrected for the number of
      tests; not used for the verdict. A scan test looks for too many or too few inserted canaries among the highest
      scores.
    - reproduced: number of inserted canaries whose ending (last eight words) occurs in the synthetic table of the
      canary build or in the table to release, but not in the reference.
    - max_exposure: highest exposure of an inserted canary of the family `suffix`, which ends with random words. The
      exposure says how many bits the synthetic table of the canary build reveals about the ending. The metric is
      absent with fewer than 10,000 suffixes (random endings for comparison), or if no canary of this family was
      inserted or none was omitted.

    The control value is the AUC of the stacked attack on the table to release, whose generator saw no canary. If its
    interval excludes one half, inserted and omitted canaries differ for a reason other than training. Then the audit
    cannot pass, and the scores and guesses cannot make it fail.

    `details.repeats` has the results of canaries with 4 and 16 near-identical rows. Their bound on epsilon applies to
    all rows of a person and is not compared with a claim. `details.power.smallest_leak` is the smallest AUC above one
    half that the one-row canaries distinguish from one half with power .8.

    Privacy: the generator of the canary build was trained on train, so the rows of this build are not shown and must
        not be released. The audit compares rows of the released, train and control tables, and returns counts.
    Randomness: control persons who become the reference, seeds of the encoders, and folds of attacks and guesses.
    Reference: canaries and exposure, Carlini et al., USENIX Security 2019; one-run bound, Steinke et al., arXiv
        2305.08846; canaries in synthetic text, Meeus et al., "The Canary's Echo", 2025.
    """

    name = "canaries"

    def run(self, inputs: AuditInputs, rng: Rng, confidence: float) -> AuditResult:
        """Return how well the coins can be guessed, and the verdict.

        Raises:
            NotMeasurable: there are no canaries; canaries, persons or rows are too few; or the coins were unfair.
            InputError: the epsilon or delta in the log of DP mechanisms is invalid, or the number of families or of
                coins is not the number of canaries.
        """
        claim = stated_claim(inputs.mechanism, EPSILON_LIMIT)
        canaries = _checked_canaries(inputs)
        reference = hold_out(inputs, rng).reference
        kinds = measurements.canary_kinds(canaries)
        one_row = kinds.rows == 1
        raw_scores, people = measurements.score_canaries(canaries, canaries.canary_build, reference, rng)
        ranks = measurements.rank_within_kinds(raw_scores, kinds)
        is_inserted = people.is_train[one_row]
        tested_ranks, tested_people = measurements.scores_of(ranks, one_row), measurements.persons_of(people, one_row)
        attacks = cross_fit(tested_ranks, tested_people, rng)
        bound = guess_coins(tested_ranks, is_inserted, rng, alpha=FAIL_LEVEL, delta=claim.delta)
        raw_control, _ = measurements.score_canaries(canaries, inputs.synthetic, reference, rng)
        control_ranks = measurements.scores_of(measurements.rank_within_kinds(raw_control, kinds), one_row)
        control = cross_fit(control_ranks, tested_people, rng).areas[STACKED].estimate(CONTROL_CONFIDENCE)
        copies = measurements.count_copies(canaries, inputs, reference)
        bits = measurements.canary_exposures(canaries, reference)
        metrics = {
            "auc": attacks.auc(confidence),
            "epsilon_lower_bound": exact(bound.epsilon, confidence=confidence, n=bound.persons),
            "scan_p": exact(attacks.scan_p(), confidence=confidence, n=len(is_inserted)),
            "reproduced": exact(float(copies.reproduced), confidence=confidence, n=int(people.is_train.sum())),
        }
        if bits is not None:
            metrics["max_exposure"] = exact(float(bits[0].max()), confidence=confidence, n=len(bits[0]))
        details = {
            "claim_scope": "person",
            "n_canaries": len(one_row),
            "n_inserted": int(people.is_train.sum()),
            "n_of_one_row": len(is_inserted),
            "epsilon": bound._asdict() | claim._asdict(),
            "copies": asdict(copies),
            "families": measurements.auc_by_family(kinds.family[one_row], is_inserted, attacks.scores[STACKED]),
            "repeats": measurements.auc_by_repeats(ranks, people, kinds.rows, inputs.train, rng),
            "stacked_weights": [None if weights is None else dict(weights) for weights in attacks.weights],
            "attacks": {n: {"auc": attacks.areas[n].value, "scan_p": scan.p} for n, scan in attacks.scans.items()},
            "exposure": measurements.exposure_details(bits, len(canaries.suffixes)),
            "power": _power(len(one_row), is_inserted, bound, claim.limit, len(attacks.areas), confidence),
        }
        return _judge(metrics, attacks, control, copies, claim, details)


def _checked_canaries(inputs: AuditInputs) -> Canaries:
    canaries = inputs.canaries
    if canaries is None:
        raise NotMeasurable(
            "there are no canaries: make them with `audits canaries`, make a canary build with the rows of "
            "insert.parquet appended to train, and pass the canaries and the synthetic table of that build"
        )
    n_rows = np.bincount(persons(canaries.table.groups)[1])
    n, n_inserted = len(n_rows), int(canaries.inserted.sum())
    if not len(canaries.family) == len(canaries.inserted) == n:
        raise InputError(
            f"`family` and `inserted` must have one value for each of the {n} canaries, but they have "
            f"{len(canaries.family)} and {len(canaries.inserted)} values"
        )
    n_single = [int(((n_rows == 1) & (canaries.inserted == is_inserted)).sum()) for is_inserted in (True, False)]
    if min(n_single) < MIN_PERSONS or len(canaries.canary_build) < MIN_SYNTHETIC:
        raise NotMeasurable(
            f"too little data: of the canaries with one row, {n_single[0]} were inserted and {n_single[1]} omitted "
            f"(at least {MIN_PERSONS} each are required); the canary build's table has {len(canaries.canary_build)} "
            f"rows (at least {MIN_SYNTHETIC}); for a pass, at least {MIN_CANARIES} canaries are required in total"
        )
    if stats.binomtest(n_inserted, n, 0.5).pvalue < FAIR_P:
        raise NotMeasurable(
            f"{n_inserted} of {n} canaries were inserted, which fair coins almost never produce; draw a fair coin "
            "for each canary and make the canary build again"
        )
    return canaries


def _power(
    n: int, is_inserted: Bool, bound: Bound, limit: float, n_attacks: int, confidence: float
) -> dict[str, Any]:
    """Return the report entry on power for n canaries; `is_inserted` has the coins of the one-row canaries."""
    n_smaller = min(int(is_inserted.sum()), int((~is_inserted).sum()))
    # total numbers of canaries with which each test has enough one-row canaries; -(-a // b) rounds up
    for_epsilon = -(-needed_for_epsilon(limit, alpha=FAIL_LEVEL) * n // bound.persons)
    for_auc = -(-needed_for_auc(MARGIN, power=power_of_each(n_attacks)) * n // n_smaller)
    smallest_leak = 0.5 + detectable_auc(n_smaller, confidence=confidence)
    return power(n, max(MIN_CANARIES, for_epsilon, for_auc), smallest_leak, epsilon_ceiling=bound.ceiling)


def _judge(
    metrics: Mapping[str, Estimate],
    attacks: CrossFitted,
    control: Estimate,
    copies: measurements.CopyCounts,
    claim: Claim,
    details: dict[str, Any],
) -> AuditResult:
    """Return the result; `attacks` are those on the canary build, and `control` is the control value."""
    auc = metrics["auc"]
    fails = _copy_failures(copies)
    if control.low <= 0.5 <= control.high:
        fails += _guess_failures(attacks, metrics["epsilon_lower_bound"].value, claim)
        fails += _repeat_failures(details["repeats"])
    lacks = _shortfalls(auc, control, copies, claim, details["power"])
    verdict: Verdict = "fail" if fails else "insufficient" if lacks else "pass"
    passed = (
        f"the attacks distinguish inserted from omitted canaries with an AUC of at most {auc.high:.3f}; with "
        f"this many canaries, no epsilon above {details['power']['epsilon_ceiling']:.2f} could be proven"
    )
    reason = "; ".join(fails or lacks or [passed])
    reason = f"{reason[0].upper()}{reason[1:]}."
    return two_sided_result(
        "canaries", verdict, auc, MARGIN, control=control, metrics=metrics, details=details, reason=reason
    )


def _copy_failures(copies: measurements.CopyCounts) -> list[str]:
    # if endings of omitted canaries are reproduced by chance, endings of inserted canaries may be too
    reproduced = copies.reproduced if copies.left_out == 0 else 0
    counted = (
        (
            copies.canary_build_rows,
            f"{copies.canary_build_rows} rows of the canary build are in the table to release",
        ),
        (copies.in_train, f"{copies.in_train} rows of canaries are in the train data of the release"),
        (reproduced, f"the endings of {reproduced} inserted canaries are reproduced verbatim"),
    )
    return [failure for n, failure in counted if n > 0]


def _guess_failures(attacks: CrossFitted, epsilon: float, claim: Claim) -> list[str]:
    failures = []
    if attacks.p_outside(MARGIN) < FAIL_LEVEL:
        is_above = any(a.value > 0.5 + MARGIN for a in attacks.areas.values())
        failures.append(
            f"inserted canaries are {'more' if is_above else 'less'} similar to the canary build's table "
            "than omitted canaries"
        )
    if epsilon > claim.limit:
        failures.append(f"guessing the coins proves an epsilon of at least {epsilon:.2f} (limit {claim.limit:g})")
    return failures


def _repeat_failures(repeats: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a failure for each n > 1 if canaries of n rows reveal their coins and a train person has >= n rows."""
    return [
        f"inserted canaries of {n_rows} rows are distinguished from omitted canaries, and a train person has at "
        f"least {n_rows} rows"
        for n_rows, measured in repeats.items()
        if measured["as_in_train"] and measured["auc_low"] > 0.5 + MARGIN
    ]


def _shortfalls(
    auc: Estimate, control: Estimate, copies: measurements.CopyCounts, claim: Claim, power_details: Mapping[str, Any]
) -> list[str]:
    n, needed, ceiling = (power_details[key] for key in ("n", "n_needed", "epsilon_ceiling"))
    shortfalls = []
    if n < needed:
        shortfalls.append(f"{n} canaries are too few; {needed} are required")
    elif ceiling <= claim.limit:
        provable = f"at the claim's delta, {n} canaries can prove an epsilon of at most {ceiling:.2f}"
        shortfalls.append(f"{provable}, so they cannot refute the claim of {claim.limit:g}; make more canaries")
    if not is_inside(auc, MARGIN):
        decisive = -(-n * needed_for_auc(max(0.01, MARGIN - abs(auc.value - 0.5))) // auc.n)
        enough = f"about {max(decisive, 2 * n, needed)} canaries are needed for a verdict"
        shortfalls.append(f"the interval of the AUC exceeds its limit; {enough}")
    if copies.left_out > 0:
        shortfalls.append(
            f"the endings of {copies.left_out} omitted canaries are also reproduced, so reproduced "
            "endings do not show a leak; draw endings at random"
        )
    if not control.low <= 0.5 <= control.high:
        shortfalls.append(
            "the attack also distinguishes inserted from omitted canaries with the table to release, whose generator "
            "saw no canaries; draw a fair coin for each canary and make the canary build again"
        )
    return shortfalls
