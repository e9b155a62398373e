"""Linkage audit: decide whether synthetic rows reveal unknown facts about train persons, or link to their records.

The generator was trained on the records of the train persons, and never saw those of the control persons.
"""

import math
from typing import Any

from audits.attacks.linkage.attacks import MARGINS, FamilyResult, attack_families, measure_family
from audits.attacks.linkage.excess_risk import absolute_excess, detectable_relative
from audits.core.errors import NotMeasurable
from audits.core.holdout import MIN_PERSONS, Arms, HoldoutTables, arms, hold_out
from audits.core.rates import exact
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, holm
from audits.core.two_sided import compared, control_needed, envelope, is_inside, is_outside, power, two_sided_result
from audits.core.types import AuditInputs, AuditResult, Estimate, Rng, Verdict
from audits.embeddings.planted import confirmed

RARE_LIMIT = 0.09  # largest allowed excess of train over control for facts that at most ten persons have
_DESCRIPTIONS = {
    "words": "rare words of the unknown half",
    "fields": "clinical facts of the unknown half",
    "profile": "clinical facts inferred from a profile",
    "half_to_half": "the two halves of a record joined through one synthetic row",
    "inversion": "records retrieved from their nearest row",
}


class Linkage:
    """Test whether synthetic records reveal unknown facts about train persons, or link to their records.

    The attacks `words`, `fields` and `profile` infer facts that the attacker does not know. `half_to_half` joins the
    two halves of a record, and `inversion` retrieves a record. `audits explain linkage` describes the attacks and the
    verdicts.

    The variants of an attack differ only in a parameter, such as the number of nearest rows. In each variant, only
    the most confident guess about a person counts. The value of a person is the share of the variants in which this
    guess is right. a_T and a_H are the mean values of train and of control persons. Metrics:

    - estimate: R = (a_T - a_H) / (1 - a_H), the excess a_T - a_H as a share of the largest possible excess. The
      metric is the value furthest from 0 among `words`, `fields` and `profile`. Its limit is in `MARGINS`.
    - rare_excess: a_T - a_H for facts that at most ten persons have. The metric is the value furthest from 0 among
      the same three attacks. Its limit is .09.
    - half_to_half, inversion: a_T - a_H of these attacks. Their limits are in `MARGINS`.
    - limit: the largest limit of the attacks. It is reported only if there are enough persons for every required
      attack (`words`, `half_to_half` and `inversion`).
    - scan_p: smallest p-value of the scan tests, corrected for the number of tests. A scan test checks whether train
      persons are over- or under-represented among the most confident correct guesses.

    details.power.smallest_leak is the smallest R that can be distinguished from 0.

    Privacy: reads all texts of train and control; returns rates over at least twenty persons, and counts of right
        guesses among the persons with the most confident guesses.
    Randomness: the control persons who become the reference (texts on which the attacks are fitted), the encoders'
        seeds, and the orders of records and items that decide ties.
    Reference: risks of linking and of inference, and their correction by control persons, Giomi et al., "A unified
        framework for quantifying privacy risk in synthetic data", PoPETs 2023; the use on text, two-sided tests,
        intervals and scan were designed for this project.
    """

    name = "linkage"

    def run(self, inputs: AuditInputs, rng: Rng, confidence: float) -> AuditResult:
        """Return the metrics and the verdict.

        Raises:
            NotMeasurable: there are fewer than 20 synthetic or reference records, or train or control has fewer than
                20 persons with a record that a required attack can use.
            InputError: the vectors passed by the caller do not fit the tables.
        """
        result = self._measure(inputs, rng, confidence)
        # a pass stays a pass only if the audit fails on tables with planted copies of train records; otherwise, the
        # verdict becomes insufficient
        return confirmed(result, inputs, lambda planted, planted_rng: self._measure(planted, planted_rng, confidence))

    def _measure(self, inputs: AuditInputs, rng: Rng, confidence: float) -> AuditResult:
        holdout = hold_out(inputs, rng)
        people = arms(holdout)
        families, rare = attack_families(holdout, people, rng)
        results = [f for f in (measure_family(family, people) for family in families) if f is not None]
        rare_results = [f for f in (measure_family(family, people) for family in rare) if f is not None]
        measured = {f.name for f in results}
        missing = sorted(f.name for f in families if f.required and f.name not in measured)
        if missing:
            named = ", ".join(_DESCRIPTIONS[name] for name in missing)
            raise NotMeasurable(
                f"fewer than {MIN_PERSONS} persons of train, or of control, have a record that these attacks can "
                f"use: {named}; longer records or more persons are needed"
            )
        return _judge(results, rare_results, holdout, people, confidence)


def _judge(
    results: list[FamilyResult], rare: list[FamilyResult], holdout: HoldoutTables, people: Arms, confidence: float
) -> AuditResult:
    fail_confidence = 1 - FAIL_LEVEL / (len(results) + len(rare))  # corrected for the number of tests
    # attacks that a pass depends on: the required ones, and the others if there are enough persons for a limit
    gating = [f for f in results if f.required or f.limit is not None]
    # attacks on facts of at most ten persons, if there are enough persons for a limit
    gating_rare = [f for f in rare if f.limit is not None]
    scans = holm([scan.p for f in results for scan in f.scans.values()])
    fails = [_DESCRIPTIONS[f.name] for f in results if is_outside(f.estimate(fail_confidence), _limit(f), centre=0.0)]
    if any(is_outside(_rare_excess(f, fail_confidence), RARE_LIMIT, centre=0.0) for f in rare):
        fails.append("facts that at most ten persons have")
    if min(scans) < CHANCE_LEVEL:
        fails.append("the most confident guesses")
    unclear = [f for f in gating if f.limit is None or not is_inside(f.estimate(confidence), f.limit, centre=0.0)]
    unclear_rare = any(not is_inside(_rare_excess(f, confidence), RARE_LIMIT, centre=0.0) for f in gating_rare)
    verdict: Verdict = "pass"
    reason = "The attacks succeed about equally often on train and control: each difference is within its limit."
    if fails:
        how_often = "significantly more often, or less often, on train than on control"
        verdict, reason = "fail", f"The linkage attacks succeed {how_often}: {'; '.join(fails)}."
    elif unclear or unclear_rare:
        verdict, reason = "insufficient", _insufficient_reason(unclear, holdout, people, confidence)
    by_name = {f.name: f for f in results}
    relative = {f.name: f.estimate(confidence) for f in gating if f.kind == "relative"}
    worst = by_name[max(relative, key=lambda name: max(relative[name].high, -relative[name].low))]
    metrics = {
        "estimate": envelope(list(relative.values()), centre=0.0),
        "half_to_half": by_name["half_to_half"].estimate(confidence),
        "inversion": by_name["inversion"].estimate(confidence),
        "scan_p": exact(min(scans), confidence=confidence, n=len(people.is_train)),
    }
    if gating_rare:
        metrics["rare_excess"] = envelope([_rare_excess(f, confidence) for f in gating_rare], centre=0.0)
    if all(f.limit is not None for f in gating):
        metrics["limit"] = exact(max(map(_limit, gating)), confidence=confidence, n=min(f.n for f in gating))
    details = compared(people, has_groups=holdout.has_groups) | {
        "reference": "control persons set aside" if holdout.reference_is_control else "reference table",
        "margins": {kind: [list(line) for line in lines] for kind, lines in MARGINS.items()},
        "rare_limit": RARE_LIMIT,
        "families": {f.name: _family_details(f, f.estimate(confidence), f.limit) for f in results},
        "rare": {f.name: _family_details(f, _rare_excess(f, confidence), RARE_LIMIT) for f in rare},
        "power": power(
            min(f.n for f in gating),
            max(MARGINS[f.kind][0][0] for f in gating),
            detectable_relative(worst.train, worst.control, confidence=confidence),
        ),
    }
    return two_sided_result(
        "linkage",
        verdict,
        metrics["estimate"],
        _limit(worst),
        centre=0.0,
        metrics=metrics,
        details=details,
        reason=reason,
    )


def _insufficient_reason(unclear: list[FamilyResult], holdout: HoldoutTables, people: Arms, confidence: float) -> str:
    """Return the reason of the verdict "insufficient": how many persons would be enough.

    `unclear` lists the attacks with too few persons for a limit, or with an interval that extends beyond the limit.
    It is empty if only intervals for facts of at most ten persons extend beyond their limit.
    """
    smaller = min(people.n_train, people.n_control)
    # the attack with the largest ratio of needed persons (for the widest limit) to available persons
    scarcest = max((f for f in unclear if f.limit is None), key=lambda f: MARGINS[f.kind][-1][0] / f.n, default=None)
    if scarcest is not None:
        needed, for_strictest = MARGINS[scarcest.kind][-1][0], MARGINS[scarcest.kind][0][0]
        return (
            f"Only {scarcest.n} persons of the smaller of train and control have a record that this attack can use: "
            f"{_DESCRIPTIONS[scarcest.name]}. The widest limit requires {needed} such persons, and the "
            f"strictest limit requires {for_strictest}. About {_persons_text(needed / scarcest.n, smaller, holdout)} "
            "would be enough for the widest limit."
        )
    factor = max((_persons_factor(f.estimate(confidence), _limit(f)) for f in unclear), default=2.0)
    return (
        f"With {smaller} persons in the smaller of train and control, at least one interval extends beyond its "
        f"limit; about {_persons_text(factor, smaller, holdout)} are needed for a verdict."
    )


def _persons_text(factor: float, smaller: int, holdout: HoldoutTables) -> str:
    train = math.ceil(factor * smaller)
    control = control_needed(train, reference_is_control=holdout.reference_is_control)
    return f"{train} train and {control} control persons"


def _persons_factor(estimate: Estimate, limit: float) -> float:
    """Return by which factor (at least 2) the number of persons must grow so that the interval excludes the limit.

    If estimate and limit are closer than a fifth of the limit, this fifth replaces their distance, so that the factor
    stays finite.
    """
    half_width = max(estimate.high - estimate.value, estimate.value - estimate.low)
    distance = abs(limit - abs(estimate.value))
    return max(2.0, (half_width / max(distance, limit / 5)) ** 2)


def _family_details(family: FamilyResult, excess: Estimate, limit: float | None) -> dict[str, Any]:
    return {
        "persons": {"train": len(family.train), "control": len(family.control)},
        "rate": {"train": float(family.train.mean()), "control": float(family.control.mean())},
        "excess": {"value": excess.value, "low": excess.low, "high": excess.high},
        "limit": limit,
        **family.report,
    }


def _limit(family: FamilyResult) -> float:
    """Return the largest allowed excess of an attack; the widest limit if it has too few persons for any limit."""
    return MARGINS[family.kind][-1][1] if family.limit is None else family.limit


def _rare_excess(family: FamilyResult, confidence: float) -> Estimate:
    return absolute_excess(family.train, family.control, confidence=confidence)
