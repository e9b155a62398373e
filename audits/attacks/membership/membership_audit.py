"""Membership audit: decide whether the release reveals who was in the training data.

Each attack computes a score of each person from the synthetic table. The audit fails if the scores distinguish train
persons from control persons, whose records the generator never saw.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from audits.attacks.membership import attack
from audits.attacks.membership.attack import ClassAreas, CrossFitted
from audits.attacks.membership.scores import membership_scores
from audits.core.coin_guesses import guess_coins, stated_claim
from audits.core.holdout import REFERENCE_SHARE, Arms, HoldoutTables, person_scores
from audits.core.rates import exact
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, clopper_pearson, detectable_auc, needed_for_auc, power_of_each
from audits.core.two_sided import compared, exact_share, power, two_sided_result
from audits.core.types import AuditInputs, AuditResult, Bool, Estimate, Float, Rng, Table, Verdict
from audits.embeddings.encoders import EncodedTables, encode
from audits.embeddings.planted import EncoderAudit

MARGIN = 0.05  # for a pass, the whole interval of each AUC must be within this distance of one half
EPSILON_LIMIT = 1.0  # the audit fails if the lower bound on epsilon for replacing one person exceeds this
DELTA_CAP = 0.5  # a larger delta for replacing one person is reduced to this value
# number of attacks if the caller passes the vectors of one encoder; it includes the stacked attack, which combines
# all scores
N_ATTACKS = 7

# (false-positive rate, control persons needed, limit on the true-positive rate, metric name). Without a leak, the
# true-positive rate equals the false-positive rate on average. For a pass, the interval of the true-positive rate
# must not exceed the limit.
RATES = (
    (0.05, 100, 0.10, "tpr_at_fpr_5pct"),
    (0.01, 1_000, 0.03, "tpr_at_fpr_1pct"),
    (0.001, 10_000, 0.01, "tpr_at_fpr_01pct"),
)


class Membership(EncoderAudit):
    """Test whether train persons can be distinguished from control persons with the synthetic table alone.

    `audits explain membership` describes the attacks and the verdicts. Each score of `membership_scores` is an
    attack, and the combination of all scores (`cross_fit`) is a further attack. A person's score is the highest score
    of the person's records.

    Metrics:

    - auc: the AUC furthest from one half. The AUC of an attack is P[train > control] + P[train = control] / 2 for the
      scores of a random train person and a random control person. `low` and `high` are the outermost interval ends of
      all attacks, so a limit on `low` and `high` applies to every attack.
    - tpr_at_fpr_5pct, tpr_at_fpr_1pct, tpr_at_fpr_01pct: highest share of train persons that an attack flags while it
      flags at most 5 %, 1 % or 0.1 % of the control persons. They require 100, 1,000 or 10,000 control persons.
    - scan_p: smallest p-value of the exact scan tests of all scores, after Holm's correction. A scan test looks for
      too many or too few train persons at the top of a ranking (`scan_test`).
    - epsilon_lower_bound: lower confidence bound on epsilon (one person added or removed) from guessing which persons
      are in train; `low` and `high` equal the bound. details.epsilon.ceiling is the value that the bound would have
      if every guess were right.
    - mirror_auc: like auc, but from the scores on the synthetic table minus the scores on `AuditInputs.mirror`, a
      table that the same generator wrote after training on control. It requires a mirror table.
    - worst_class_auc: like auc, but over all attacks within each large class (label). A class is large if train and
      control each have at least 100 persons of it. The metric requires two classes, at least one of them large.

    details.power.curve is the result of `smallest_detected_leaks`. details.power.smallest_leak is the smallest
    distance of an AUC from one half that a single attack detects with power .8 at the confidence of the run.

    Privacy: per-record scores stay in memory; at most 60 points of the ROC curve of the stacked attack on all
        persons are returned.
    Randomness: the choice of the control persons who become the reference (texts on which attacks are fitted), the
        folds of `cross_fit`, the persons drawn for the bound on epsilon, and the seeds of the encoders.
    Reference: AUC and rates, Carlini et al., "Membership inference attacks from first principles", 2022; epsilon,
        Steinke et al., arXiv 2305.08846; a pass as an intersection of tests, Berger 1982.
    """

    name = "membership"

    def _measure(self, inputs: AuditInputs, tables: EncodedTables, rng: Rng, confidence: float) -> AuditResult:
        holdout, people = tables.holdout, tables.people
        row_scores = membership_scores(holdout, tables.encoded)
        scores = {name: person_scores(s, people.row_person) for name, s in row_scores.items()}
        fitted = attack.cross_fit(scores, people, rng)
        # epsilon (`claim.limit`) and delta that the log of DP mechanisms claims for one person added or removed;
        # without a claim, EPSILON_LIMIT and 0
        claim = stated_claim(inputs.mechanism, EPSILON_LIMIT)
        delta = min(DELTA_CAP, (1 + math.exp(claim.limit)) * claim.delta)  # delta for replacing one person
        evidence = MembershipEvidence(
            fitted=fitted,
            mirrored=None if inputs.mirror is None else _mirrored(row_scores, inputs.mirror, tables, rng),
            classes=attack.areas_by_class(fitted.scores, people, MARGIN),
            bound=epsilon_bound(scores, people.is_train, rng, delta),
        )
        return _judge(evidence, holdout, people, confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEvidence:
    """Results of the attacks from which the verdict follows."""

    fitted: CrossFitted  # results of the attacks on all persons
    mirrored: CrossFitted | None  # results of the attacks relative to the mirror table; None without a mirror table
    classes: ClassAreas | None  # AUCs within classes; None if there is only one class
    bound: Mapping[str, Any]  # result of `epsilon_bound`


def _mirrored(row_scores: Mapping[str, Float], mirror: Table, tables: EncodedTables, rng: Rng) -> CrossFitted:
    """Return the results of the attacks with the scores a(x; S) - a(x; S') of the records x.

    a(x; S) is a score of x on the synthetic table S, and a(x; S') the same score on the mirror table S', which the
    generator wrote after training on control. If a record is rare or hard to predict, both scores change equally, so
    this effect cancels. A leak counts twice: it raises the scores of train on S, and the scores of control on S'.

    Reference: difficulty calibration, Watson et al., "On the importance of difficulty calibration in membership
        inference attacks", ICLR 2022; calibration by running the generator on control was designed for this project.
    """
    mirror_holdout = replace(tables.holdout, synthetic=mirror)
    mirror_scores = membership_scores(mirror_holdout, encode(mirror_holdout, rng))
    differences = {
        name: person_scores(row_scores[name] - mirror_scores[name], tables.people.row_person)
        for name in sorted(row_scores.keys() & mirror_scores)
    }
    return attack.cross_fit(differences, tables.people, rng)


def epsilon_bound(scores: Mapping[str, Float], is_train: Bool, rng: Rng, delta: float = 0.0) -> dict[str, Any]:
    """Return the lower bound on epsilon from guessing who is in train (`guess_coins`), with confidence .95.

    `scores` has one score per person for each attack, (P,), and `is_train` states who is in train, (P,). `delta` is
    the delta of the tested (epsilon, delta) for replacing one person.

    The bound requires that independent fair coins decide the roles (train or control). Therefore, k train and m - k
    control persons are drawn at random, with k from Bin(m, 1/2) and m from `guessed_roles`. Because train was drawn
    at random, the roles of these m persons are distributed like fair coins. If k or m - k exceeds the number of
    persons in the smaller of train and control, k is drawn again. This happens less than once in a million draws.

    The number of persons in train is fixed: if one person leaves train, another person enters. The bound therefore
    holds for replacing one person, and half of the bound holds for adding or removing one person.

    Returns:
        The fields of `Bound` (`epsilon` and `ceiling` for one person added or removed, `persons` = m),
        `epsilon_replacing` (the bound for replacing one person) and `adjacency` (a sentence for the report).
    """
    smaller = min(int(is_train.sum()), int((~is_train).sum()))
    m = guessed_roles(smaller)
    k = int(rng.binomial(m, 0.5))
    while max(k, m - k) > smaller:
        k = int(rng.binomial(m, 0.5))
    arms = ((is_train, k), (~is_train, m - k))
    drawn = [rng.choice(np.flatnonzero(arm), size=size, replace=False) for arm, size in arms]
    selected = np.sort(np.concatenate(drawn))
    selected_scores = {name: score[selected] for name, score in scores.items()}
    bound = guess_coins(selected_scores, is_train[selected], rng, alpha=FAIL_LEVEL, delta=delta)
    return bound._asdict() | {
        "epsilon": bound.epsilon / 2,
        "epsilon_replacing": bound.epsilon,
        "ceiling": bound.ceiling / 2,
        "persons": m,
        "adjacency": "one person added or removed; this bound is half of the bound for replacing one person",
    }


def guessed_roles(smaller: int) -> int:
    """Return m, the number of persons whom `epsilon_bound` draws.

    s is `smaller`, the number of persons in the smaller of train and control. `epsilon_bound` draws k from Bin(m,
    1/2), and neither k nor m - k may exceed s. Therefore, m is 2·s - 5·sqrt(2·s), rounded down, but at least s. If m
    is above s, s is at least five standard deviations above the mean of k: m/2 + 5·sqrt(m)/2 <= s. If m is s, k
    cannot exceed s.
    """
    return max(smaller, 2 * smaller - math.ceil(5 * math.sqrt(2 * smaller)))


def needed_persons(attacks: int = N_ATTACKS) -> int:
    """Return how many persons each of train and control needs for all AUCs to pass with power .8 without a leak."""
    return needed_for_auc(MARGIN, power=power_of_each(attacks))


def _rates(fitted: CrossFitted, people: Arms, confidence: float) -> dict[str, tuple[Estimate, float, float]]:
    """Return for each metric name: the highest true-positive rate of an attack, the limit, and a proven lower bound.

    The bound is corrected for the number of attacks, and is wrong with probability FAIL_LEVEL or less. Metrics that
    require more control persons have no entry.
    """
    results = {}
    for rate, needed, limit, name in RATES:
        if people.n_control >= needed:
            n_flagged = max(attack.true_positives(score, people.is_train, rate) for score in fitted.scores.values())
            proven = clopper_pearson(n_flagged, people.n_train, confidence=1 - FAIL_LEVEL / len(fitted.scores)).low
            results[name] = (exact_share(n_flagged, people.n_train, confidence=confidence), limit, proven)
    return results


def _failures(evidence: MembershipEvidence, rates: Mapping[str, tuple[Estimate, float, float]]) -> list[str]:
    """Return a description of each test that proves a leak; `rates` is the result of `_rates`."""
    fitted, mirrored, classes = evidence.fitted, evidence.mirrored, evidence.classes
    epsilon = evidence.bound["epsilon_replacing"]
    mirror_fails = mirrored is not None and (
        mirrored.p_outside(MARGIN) < FAIL_LEVEL or mirrored.scan_p() < CHANCE_LEVEL
    )
    descriptions = {
        "the AUC of an attack": fitted.p_outside(MARGIN) < FAIL_LEVEL,
        "the scores relative to the mirror table": mirror_fails,
        "the AUC of an attack within a class": classes is not None and classes.p_outside(MARGIN) < FAIL_LEVEL,
        **{
            f"the true-positive rate {name} ({share.value:.3g}, limit {limit:g})": proven > limit
            for name, (share, limit, proven) in rates.items()
        },
        "the persons at the top of a ranking (scan test)": fitted.scan_p() < CHANCE_LEVEL,
        f"the lower bound on epsilon ({epsilon:.3g} for replacing one person, limit {EPSILON_LIMIT:g})": (
            epsilon > EPSILON_LIMIT
        ),
    }
    return [description for description, is_proven in descriptions.items() if is_proven]


def _judge(evidence: MembershipEvidence, holdout: HoldoutTables, people: Arms, confidence: float) -> AuditResult:
    fitted, classes = evidence.fitted, evidence.classes
    rates = _rates(fitted, people, confidence)
    fails = _failures(evidence, rates)
    smaller = min(people.n_train, people.n_control)
    inside = (
        fitted.all_inside(MARGIN, confidence)
        and all(share.high <= limit for share, limit, _ in rates.values())
        and (classes is None or classes.all_inside(MARGIN, confidence))
        and (evidence.mirrored is None or evidence.mirrored.all_inside(MARGIN, confidence))
    )
    safe = inside and smaller >= needed_for_auc(MARGIN)
    verdict: Verdict = "fail" if fails else "pass" if safe else "insufficient"
    area = fitted.auc(confidence)
    metrics = {
        "auc": area,
        **{name: rate for name, (rate, _, _) in rates.items()},
        "scan_p": exact(fitted.scan_p(), confidence=confidence, n=len(people.is_train)),
        "epsilon_lower_bound": exact(
            float(evidence.bound["epsilon"]), confidence=confidence, n=evidence.bound["persons"]
        ),
    }
    worst = None if classes is None else classes.estimate(confidence)
    if worst is not None:
        metrics["worst_class_auc"] = worst
    if evidence.mirrored is not None:
        metrics["mirror_auc"] = evidence.mirrored.auc(confidence)
    details = _details(evidence, holdout, people, confidence)
    reason = _reason(verdict, fails, evidence, smaller, details)
    return two_sided_result("membership", verdict, area, MARGIN, metrics=metrics, details=details, reason=reason)


def _reason(
    verdict: Verdict, fails: list[str], evidence: MembershipEvidence, smaller: int, details: Mapping[str, Any]
) -> str:
    if verdict == "fail":
        return f"Train persons can be distinguished from control persons, as shown by {' and '.join(fails)}."
    if verdict == "pass":
        reason = "No attack, alone or combined, distinguishes train persons from control persons."
        classes = evidence.classes
        if classes is None or classes.n_too_small == 0:
            return reason
        return (
            f"{reason} {classes.n_too_small} of {classes.n_classes} classes are too small to be tested separately: a "
            f"class needs {classes.needed} persons in each of train and control."
        )
    # share of the control persons who are compared with train; the remaining control persons are the reference
    share = 1 - REFERENCE_SHARE if details["reference_is_control"] else 1.0
    areas = evidence.fitted.areas
    enough = needed_persons(len(areas))
    if smaller < enough:
        return (
            f"{smaller} persons in the smaller of train and control are too few for {len(areas)} attacks; provide "
            f"{enough} train and {-(-enough // share):.0f} control persons."
        )
    furthest = max(abs(area.value - 0.5) for area in areas.values())
    decisive = max(needed_for_auc(max(0.01, abs(furthest - MARGIN))), 2 * smaller)
    return (
        f"At least one interval exceeds its limit with {smaller} persons in the smaller of train and control; about "
        f"{decisive} train and {decisive / share:.0f} control persons are needed for a verdict. The number depends "
        f"on the result: the largest difference of an AUC from 0.5 is {furthest:.3f}, and the closer this difference "
        f"is to the limit of {MARGIN:g}, the more persons are needed. If every AUC is near 0.5, {enough} train "
        "persons are enough."
    )


def _details(evidence: MembershipEvidence, holdout: HoldoutTables, people: Arms, confidence: float) -> dict[str, Any]:
    smaller = min(people.n_train, people.n_control)
    fitted, classes, n_attacks = evidence.fitted, evidence.classes, len(evidence.fitted.areas)
    attacks: dict[str, dict[str, float]] = {}
    for name, area in fitted.areas.items():
        attacks[name] = {"auc": area.value, **area.ends(confidence)._asdict()}
        if scan := fitted.scans.get(name):
            attacks[name] |= {"scan_p": scan.p, "scan_cut": scan.cut, "scan_train_in_cut": scan.n_train_in_cut}
    details: dict[str, Any] = {"mirror": None, "classes": None}
    if evidence.mirrored is not None:
        details["mirror"] = {name: area.value for name, area in evidence.mirrored.areas.items()}
    if classes is not None:
        details["classes"] = {
            "all": classes.n_classes,
            "measured": len(classes.areas),
            "too_small_to_show": classes.n_too_small,
            "persons_needed": classes.needed,
        }
    smallest, ceiling = detectable_auc(smaller, confidence=confidence), evidence.bound["ceiling"]
    curve = attack.smallest_detected_leaks(
        people.n_train,
        people.n_control,
        attacks=n_attacks,
        margin=MARGIN,
        epsilon_limit=EPSILON_LIMIT,
        coins=evidence.bound["persons"],
    )
    return {
        **compared(people, has_groups=holdout.has_groups),
        **details,
        "reference_is_control": holdout.reference_is_control,
        "attacks": attacks,
        "stacked_weights": [None if w is None else dict(w) for w in fitted.weights],
        "epsilon": dict(evidence.bound),
        "roc": attack.roc_curve(fitted.scores[attack.STACKED], people.is_train),
        "power": power(smaller, needed_persons(n_attacks), smallest, epsilon_ceiling=ceiling) | {"curve": curve},
    }
