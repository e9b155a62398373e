"""The membership audit: can someone who holds only the release tell who was in the training data?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.attacks.membership.attack import CrossFitted, cross_fit, roc_curve, true_positives
from audits.attacks.membership.classes import ClassAreas, areas_by_class
from audits.attacks.membership.power import found_with
from audits.attacks.membership.scores import Float, membership_scores
from audits.core.coin_guesses import guess_coins, stated_claim
from audits.core.holdout import REFERENCE_SHARE, Arms, HoldoutTables, person_scores
from audits.core.rates import exact
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, clopper_pearson, detectable_auc, needed_for_auc, power_of_each
from audits.core.two_sided import compared, exact_share, power, two_sided_result
from audits.core.types import AuditInputs, AuditResult, Estimate, Table, Verdict
from audits.embeddings.encoded_tables import EncodedTables, TableEncoder, encode_tables
from audits.embeddings.encoders import encode
from audits.embeddings.planted import confirmed

MARGIN = 0.05
EPSILON_LIMIT = 1.0
DELTA_CAP = 0.5  # a claim that comes to more claims nothing
N_ATTACKS = 7  # with one matrix of vectors passed, the stacked one among them

# false-positive rate: the control persons it needs, the upper bound allowed, the metric's name. At one in twenty, who
# accuses those finds at most one train person in ten, twice as many as by chance; further down thrice and ten times.
RATES = (
    (0.05, 100, 0.10, "tpr_at_fpr_5pct"),
    (0.01, 1_000, 0.03, "tpr_at_fpr_1pct"),
    (0.001, 10_000, 0.01, "tpr_at_fpr_01pct"),
)


class Membership:
    """Whether train persons can be told from control persons with nothing but the synthetic table.

    The attacker's story: a stranger holds the release and somebody's text, knows the domain, and wants to know
    whether that person was a patient of this hospital. They try every score of `audits/attacks/membership/scores.py`, and all
    of them together, weighted on people whose answer they know (`cross_fit`). A person has the highest score of their
    records.

    auc: P[train > control] of the strongest attack; `low` and `high` are the outermost ends of all attacks, so that a
        bound on them bounds every attack and not the one that happened to look strongest (`envelope`).
    tpr_at_fpr_5pct: share of train that the sharpest attack finds while it accuses one control person in twenty; from
        100 control persons. An average hides that half of the persons are found for certain; this does not.
    tpr_at_fpr_1pct, tpr_at_fpr_01pct: the same at one in a hundred and in a thousand; from 1,000 and 10,000.
    scan_p: smallest p-value of the exact scans of all scores, corrected for how many there are.
    epsilon_lower_bound: what guessing who is train proves about any claim of differential privacy for one person
        added or left out, in one run; `low` and `high` equal it. What could be proved at most is in the details.
    mirror_auc: as auc, of what the scores say more of this table than of `AuditInputs.mirror`, which the same
        generator wrote from control; only where that is given.
    worst_class_auc: as auc, over all attacks and all classes with 100 persons in each arm.

    It passes when every attack's own AUC lies in [.45, .55] with its interval, with at least 413 persons in each arm;
    the bounds on the rates hold; every class with persons enough is inside as well; no scan is significant and the
    bound on epsilon is at most 1. It fails where one of these is proven broken, corrected for all that was looked at,
    at a level of .05 whatever the confidence. Of classes with fewer persons nothing is shown by
    themselves, and the reason says of how many. details.power.curve: the smallest AUC, share of copied persons and
    epsilon that would have failed with power .5, .8 and .95; `smallest_leak` is the distance from one half that one
    AUC shows.

    A pass also needs that a leak planted in the table is found (`audits/embeddings/planted.py`).

    Privacy: per-record scores stay in memory; at most 60 points of the ROC curve, over all persons, are returned.
    Random: persons set aside, folds, the persons whose roles are guessed, the encoders' seeds.
    Cost: O(n · m · d) time for each encoder, O(total words · log) for the rest.
    Source: AUC and rates, Carlini et al., "Membership inference attacks from first principles", 2022; epsilon,
        Steinke et al., arXiv 2305.08846; a pass as an intersection of tests, Berger 1982.
    """

    name = "membership"

    def __init__(self, encode_tables: TableEncoder = encode_tables) -> None:
        self.encode_tables = encode_tables

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return how well the attacks separate train from control, with a three-way verdict.

        Raises:
            NotMeasurable: fewer than 20 persons or synthetic records.
            InputError: passed vectors do not fit the tables.
        """
        result = self._measure(inputs, self.encode_tables(inputs, rng), rng, confidence)
        return confirmed(
            result, inputs, lambda planted, own: self._measure(planted, encode_tables(planted, own), own, confidence)
        )

    def _measure(
        self, inputs: AuditInputs, tables: EncodedTables, rng: np.random.Generator, confidence: float
    ) -> AuditResult:
        holdout, people = tables.holdout, tables.people
        rows = membership_scores(holdout, tables.encoded)
        scores = {name: person_scores(s, people.row_person) for name, s in rows.items()}
        fitted = cross_fit(scores, people, rng)
        found = MembershipEvidence(
            fitted=fitted,
            mirrored=None if inputs.mirror is None else _mirrored(rows, inputs.mirror, tables, rng),
            classes=areas_by_class(fitted.scores, people, MARGIN),
            bound=epsilon_bound(scores, people.is_train, rng, _delta(inputs)),
        )
        return _judge(found, holdout, people, confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEvidence:
    """All that the verdict rests on: the attacks, the same beside a mirror and by class, and what guessing proves."""

    fitted: CrossFitted
    mirrored: CrossFitted | None
    classes: ClassAreas | None
    bound: Mapping[str, Any]


def _mirrored(
    rows: Mapping[str, Float], mirror: Table, tables: EncodedTables, rng: np.random.Generator
) -> CrossFitted:
    """Return the attacks on a(x; S) - a(x; S'), S' what the same generator wrote from control.

    How common or how hard a record is counts in both and falls out; what is left is drawn up by S for train persons
    and down by S' for control persons. So it shows what the generator gives away, twice over, to somebody who has the
    generator and people of this kind, and not what one release gives to a stranger.

    Source: calibration by difficulty, Watson et al., "On the importance of difficulty calibration in membership
        inference attacks", ICLR 2022; a generator turned round on control as the calibration, ours.
    """
    turned = replace(tables.holdout, synthetic=mirror)
    other = membership_scores(turned, encode(turned, rng))
    differences = {
        name: person_scores(rows[name] - other[name], tables.people.row_person)
        for name in sorted(rows.keys() & other)
    }
    return cross_fit(differences, tables.people, rng)


def _is_mirrored(found: CrossFitted | None) -> bool:
    return found is not None and (found.p_outside(MARGIN) < FAIL_LEVEL or found.scan_p() < CHANCE_LEVEL)


def epsilon_bound(
    scores: Mapping[str, Float], is_train: NDArray[np.bool_], rng: np.random.Generator, delta: float = 0.0
) -> dict[str, Any]:
    """Return what guessing who is train proves about epsilon, at a level of .05; see `coin_guesses`.

    The bound is for independent fair coins. Whatever the split tossed, which persons are train is exchangeable once
    their number is known; so k is drawn from Bin(m, 1/2), and k train and m - k control persons at random. The roles
    of these m are then independent and fair. They are no independent inputs of the generator, though: with the number
    of train persons fixed, another coin of one person puts another person in their place. The bound is therefore one
    for replacing a person; for adding or leaving out one, half of it is proven (a replacement is two such steps).

    m is twice the smaller arm less five standard deviations, so that a k too large for its arm, which is drawn again,
    comes once in a million times.

    Returns:
        `epsilon` for one person added or left out, `epsilon_replacing`, `ceiling` (of the former), and the rest of
        `Bound`; `persons` are the m.
    """
    smaller = min(int(is_train.sum()), int((~is_train).sum()))
    m = guessed_roles(smaller)
    k = int(rng.binomial(m, 0.5))
    while max(k, m - k) > smaller:
        k = int(rng.binomial(m, 0.5))
    drawn = [
        rng.choice(np.flatnonzero(arm), size=size, replace=False) for arm, size in ((is_train, k), (~is_train, m - k))
    ]
    kept = np.sort(np.concatenate(drawn))
    bound = guess_coins(
        {name: score[kept] for name, score in scores.items()}, is_train[kept], rng, alpha=FAIL_LEVEL, delta=delta
    )
    return bound._asdict() | {
        "epsilon": bound.epsilon / 2,
        "epsilon_replacing": bound.epsilon,
        "ceiling": bound.ceiling / 2,
        "persons": m,
        "adjacency": "one person added or left out: half of what is proven for one replaced",
    }


def guessed_roles(smaller: int) -> int:
    """Return of how many persons the roles are guessed, by the number of persons of the smaller arm."""
    return max(smaller, 2 * smaller - math.ceil(5 * math.sqrt(2 * smaller)))


def _delta(inputs: AuditInputs) -> float:
    """Return what a claim's delta for one person added or left out comes to for one replaced: (1 + e^eps) delta."""
    claim = stated_claim(inputs.mechanism, EPSILON_LIMIT)
    return min(DELTA_CAP, (1 + math.exp(claim.limit)) * claim.delta)


def needed_persons(attacks: int = N_ATTACKS) -> int:
    """Return the persons per arm with whom all attacks on a table without a leak stay inside with power .8."""
    return needed_for_auc(MARGIN, power=power_of_each(attacks))


def _rates(fitted: CrossFitted, people: Arms, confidence: float) -> dict[str, tuple[Estimate, float, float]]:
    """Return of each rate that control carries the share found, its limit, and the lower end that is proven."""
    found = {}
    for rate, needed, limit, name in RATES:
        if people.n_control >= needed:
            most = max(true_positives(score, people.is_train, rate) for score in fitted.scores.values())
            proven = clopper_pearson(most, people.n_train, confidence=1 - FAIL_LEVEL / len(fitted.scores)).low
            found[name] = (exact_share(most, people.n_train, confidence=confidence), limit, proven)
    return found


def _judge(found: MembershipEvidence, holdout: HoldoutTables, people: Arms, confidence: float) -> AuditResult:
    fitted, classes = found.fitted, found.classes
    rates = _rates(fitted, people, confidence)
    fails = [
        *(["how well the attacks separate them"] if fitted.p_outside(MARGIN) < FAIL_LEVEL else []),
        *(["what the generator gives away of either side"] if _is_mirrored(found.mirrored) else []),
        *(["how well they do in a class"] if classes is not None and classes.p_outside(MARGIN) < FAIL_LEVEL else []),
        *(f"the rate {name}" for name, (_, limit, proven) in rates.items() if proven > limit),
        *(["who stands at the top of a ranking"] if fitted.scan_p() < CHANCE_LEVEL else []),
        *(["the guesses, which prove epsilon"] if found.bound["epsilon_replacing"] > EPSILON_LIMIT else []),
    ]
    smaller = min(people.n_train, people.n_control)
    inside = (
        fitted.all_inside(MARGIN, confidence)
        and all(share.high <= limit for share, limit, _ in rates.values())
        and (classes is None or classes.all_inside(MARGIN, confidence))
        and (found.mirrored is None or found.mirrored.all_inside(MARGIN, confidence))
    )
    safe = inside and smaller >= needed_for_auc(MARGIN)
    verdict: Verdict = "fail" if fails else "pass" if safe else "insufficient"
    area = fitted.auc(confidence)
    metrics = {
        "auc": area,
        **{name: share for name, (share, _, _) in rates.items()},
        "scan_p": exact(fitted.scan_p(), confidence=confidence, n=len(people.is_train)),
        "epsilon_lower_bound": exact(float(found.bound["epsilon"]), confidence=confidence, n=found.bound["persons"]),
    }
    worst = None if classes is None else classes.estimate(confidence)
    if worst is not None:
        metrics["worst_class_auc"] = worst
    if found.mirrored is not None:
        metrics["mirror_auc"] = found.mirrored.auc(confidence)
    details = _details(found, holdout, people, confidence)
    reason = _reason(verdict, fails, found, smaller, details)
    return two_sided_result("membership", verdict, area, MARGIN, metrics=metrics, details=details, reason=reason)


def _reason(
    verdict: Verdict, fails: list[str], found: MembershipEvidence, smaller: int, details: Mapping[str, Any]
) -> str:
    if verdict == "fail":
        return f"Train persons can be told from control persons by {', and by '.join(fails)}."
    if verdict == "pass":
        small = 0 if found.classes is None else found.classes.n_too_small
        alone = (
            f" Of {small} of {found.classes.n_classes} classes nothing is shown by themselves: it takes "
            f"{found.classes.needed} persons of a class in each arm."
            if found.classes is not None and small > 0
            else ""
        )
        return f"No attack, alone or together with the others, tells train persons from control persons.{alone}"
    share = 1 - REFERENCE_SHARE if details["reference_is_control"] else 1.0
    areas = found.fitted.areas
    enough = needed_persons(len(areas))
    if smaller < enough:
        return (
            f"{smaller} persons in the smaller arm are too few for {len(areas)} attacks; {enough} of train and "
            f"{-(-enough // share):.0f} of control would be enough."
        )
    furthest = max(abs(area.value - 0.5) for area in areas.values())
    decisive = max(needed_for_auc(max(0.01, abs(furthest - MARGIN))), 2 * smaller)
    return (
        f"The intervals reach over their limits with {smaller} persons in the smaller arm; about {decisive} of train "
        f"and {decisive / share:.0f} of control would decide."
    )


def _details(found: MembershipEvidence, holdout: HoldoutTables, people: Arms, confidence: float) -> dict[str, Any]:
    smaller = min(people.n_train, people.n_control)
    fitted, classes = found.fitted, found.classes
    return compared(people, has_groups=holdout.has_groups) | {
        "reference_is_control": holdout.reference_is_control,
        "attacks": {
            name: {"auc": area.value, "low": area.ends(confidence).low, "high": area.ends(confidence).high}
            | (
                {}
                if name not in fitted.scans
                else {
                    "scan_p": fitted.scans[name].p,
                    "scan_cut": fitted.scans[name].cut,
                    "scan_train_in_cut": fitted.scans[name].n_train_in_cut,
                }
            )
            for name, area in fitted.areas.items()
        },
        "mirror": None
        if found.mirrored is None
        else {name: area.value for name, area in found.mirrored.areas.items()},
        "stacked_weights": [None if w is None else dict(w) for w in fitted.weights],
        "classes": None
        if classes is None
        else {
            "all": classes.n_classes,
            "measured": len(classes.areas),
            "too_small_to_show": classes.n_too_small,
            "persons_needed": classes.needed,
        },
        "epsilon": dict(found.bound),
        "roc": roc_curve(fitted.pooled, people.is_train),
        "power": power(
            smaller,
            needed_persons(len(fitted.areas)),
            detectable_auc(smaller, confidence=confidence),
            epsilon_ceiling=found.bound["ceiling"],
        )
        | {
            "curve": found_with(
                people.n_train,
                people.n_control,
                attacks=len(fitted.areas),
                margin=MARGIN,
                epsilon_limit=EPSILON_LIMIT,
                coins=found.bound["persons"],
            )
        },
    }
