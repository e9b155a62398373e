"""Run the attacks of the linkage audit, and measure how often each is right about train and about control persons.

The generator was trained on the records of the train persons, and never saw those of the control persons. A family is
an attack in several variants, which differ only in a parameter such as the number of nearest rows. An inference
family guesses facts about a person. The reference is a table of persons who are not attacked: public texts, or
control persons who were set aside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from audits.attacks.linkage import attribute_inference as inference
from audits.attacks.linkage.attribute_inference import Guesses, Secrets, Trials
from audits.attacks.linkage.clinical_fields import quasi_identifiers, sensitive_attributes
from audits.attacks.linkage.excess_risk import absolute_excess, needed_for_excess, relative_excess
from audits.attacks.linkage.view_retrieval import NEAREST, NearestRows, match_views
from audits.core.holdout import MIN_PERSONS, Arms, HoldoutTables
from audits.core.stats import Scan, scan_test
from audits.core.two_sided import supported_margin
from audits.core.types import Bool, Estimate, Float, Int, Rng

VOTERS = (1, 5)  # variants of attribute inference: number of nearest rows that vote
LINKED_WITHIN = (1, 5, NEAREST)  # variants of `join_halves`: number of nearest rows of each half that are compared
MIN_HALF_WORDS = 3  # the halves of a record are joined only if each has at least this many words
TOP_SHARE = 0.01  # the report counts right guesses among this share of persons: those with the most confident guesses
Kind = Literal["relative", "absolute"]

# entries of MARGINS: (number of persons needed in each of train and control, allowed excess of train over control).
# An attack uses the first entry for which it can attack enough persons. With the needed number of persons, a success
# rate of 20 % (relative) or 50 % (absolute) is distinguished with power .9 from a rate higher by the allowed excess.
LIMITS = (0.05, 0.07, 0.10)
MARGINS: Mapping[Kind, tuple[tuple[int, float], ...]] = {
    "relative": tuple((needed_for_excess(d, 0.2, power=0.9), d) for d in LIMITS),
    "absolute": tuple((needed_for_excess(d, 0.5, power=0.9), d) for d in LIMITS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The guesses of one attack in all variants."""

    name: str
    kind: Kind  # measure of the excess of train over control: `relative_excess` or `absolute_excess`
    # False for attacks on clinical facts: a pass depends on them only if enough persons' texts state such facts
    required: bool
    variants: Mapping[str, Guesses]  # by name of the variant
    baselines: Mapping[str, Guesses] = field(default_factory=dict)  # by name: guesses without the synthetic table


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyResult:
    """Results of one family. A person's value is the share of the variants that guess right about the person."""

    name: str
    kind: Kind
    required: bool
    train: Float  # value of each train person
    control: Float  # value of each control person
    scans: Mapping[str, Scan]  # scan test of each variant
    report: Mapping[str, Any]  # entries of the family in the details of the audit result

    @property
    def n(self) -> int:
        """Number of attacked persons in the smaller of train and control."""
        return min(len(self.train), len(self.control))

    @property
    def limit(self) -> float | None:
        """Largest allowed excess for this number of persons; None if there are too few."""
        return supported_margin(self.n, MARGINS[self.kind])

    def estimate(self, confidence: float) -> Estimate:
        """Return the excess by the measure `kind`; if all control guesses are right, return the absolute excess."""
        measure = relative_excess if self.kind == "relative" and bool((self.control < 1).any()) else absolute_excess
        return measure(self.train, self.control, confidence=confidence)


def attack_families(holdout: HoldoutTables, people: Arms, rng: Rng) -> tuple[list[Family], list[Family]]:
    """Return all families, and a copy of each inference family restricted to facts that at most ten persons have."""
    real = (*holdout.train.texts, *holdout.control.texts)
    matches = match_views(holdout, rng)
    stated = [sensitive_attributes(text) for text in holdout.synthetic.texts]
    profiles, synthetic_profiles, reference_profiles = (
        [quasi_identifiers(text) for text in texts]
        for texts in (real, holdout.synthetic.texts, holdout.reference.texts)
    )
    words, fields = inference.word_secrets(holdout), inference.field_secrets(holdout, stated)
    profile = inference.profile_secrets(holdout, stated, profiles)
    by_profile, by_profile_in_reference = (
        inference.profile_neighbours(profiles, searched, reference_profiles)
        for searched in (synthetic_profiles, reference_profiles)
    )
    inferences = [
        ("words", words, matches.first, matches.first_in_reference),
        ("fields", fields, matches.first, matches.first_in_reference),
        ("profile", profile, by_profile, by_profile_in_reference),
    ]
    has_long_halves = np.array([len(text.split()) >= 2 * MIN_HALF_WORDS for text in real])
    families = [_inference(*arguments, rng) for arguments in inferences]
    rare = [
        _inference(name, secrets.of_at_most(inference.RARE_PERSONS), nearest, baseline, rng)
        for name, secrets, nearest, baseline in inferences
    ]
    joins = {f"nearest_{k}": join_halves(matches.first, matches.second, k, has_long_halves) for k in LINKED_WITHIN}
    inversions = {name: invert(full, matches.reverse[name], people.row_person) for name, full in matches.full.items()}
    families += [
        Family(name="half_to_half", kind="absolute", required=True, variants=joins),
        Family(name="inversion", kind="absolute", required=True, variants=inversions),
    ]
    return families, rare


def _inference(name: str, secrets: Secrets, nearest: NearestRows, baseline: NearestRows, rng: Rng) -> Family:
    """Return the family of an inference attack on `nearest` synthetic rows; the baseline uses reference rows."""
    ties = rng.permutation(secrets.stated.shape[1])
    return Family(
        name=name,
        kind="relative",
        required=name == "words",
        variants={f"nearest_{k}": inference.guess_by_vote(nearest, secrets, k, ties) for k in VOTERS},
        baselines={
            "most_frequent": inference.guess_most_frequent(secrets),
            "reference": inference.guess_by_vote(baseline, secrets, VOTERS[-1], ties, reference=True),
        },
    )


def join_halves(first: NearestRows, second: NearestRows, k: int, has_long_halves: Bool) -> Guesses:
    """Return for each record whether a synthetic row is among the k rows nearest to each of its two halves.

        confidence = max over rows s near both halves of min(cos(first half, s), cos(second half, s))

    The halves represent two documents of one person. An attacker who does not know that they belong together can join
    them through a synthetic row that is similar to both. The confidence is 0 if no row is near both halves, or if the
    maximum is negative. Records with short halves (`has_long_halves` is False) are not attacked.
    """
    common = first.rows[:, :k, None] == second.rows[:, None, :k]
    weaker = np.minimum(first.similarities[:, :k, None], second.similarities[:, None, :k]).astype(np.float64)
    confidence = np.where(common, np.maximum(weaker, 0), 0).max(axis=(1, 2))
    return Guesses(is_trial=has_long_halves, correct=common.any(axis=(1, 2)), confidence=confidence)


def invert(full: NearestRows, reverse: Int, row_person: Int) -> Guesses:
    """Return for each record whether its nearest synthetic row leads back to a record of the same person.

    `reverse` has the index of the real record nearest to each synthetic row; the guess is the person of this record.
    The attack does not reconstruct texts from the vectors of synthetic rows, because these texts are published.
    """
    guessed_person = row_person[reverse[full.rows[:, 0]]]
    return Guesses(
        is_trial=np.ones(len(row_person), dtype=np.bool_),
        correct=guessed_person == row_person,
        confidence=np.maximum(full.similarities[:, 0], 0).astype(np.float64),
    )


def measure_family(family: Family, people: Arms) -> FamilyResult | None:
    """Return a family's results, or None if fewer than 20 persons of train or of control can be attacked."""
    trials = {name: inference.person_trials(guesses, people.row_person) for name, guesses in family.variants.items()}
    person = next(iter(trials.values())).person
    is_train = people.is_train[person]
    if min(int(is_train.sum()), int((~is_train).sum())) < MIN_PERSONS:
        return None
    values = np.mean([t.correct for t in trials.values()], axis=0)
    # a wrong guess has score 0, so the scan tests whether train or control has more right guesses of high confidence
    scores = {name: np.where(t.correct, t.confidence, 0.0) for name, t in trials.items()}
    scans = {name: scan_test(s[is_train], s[~is_train]) for name, s in scores.items()}
    variants = {name: _rates(t, is_train) | _scan_report(t, scans[name], is_train) for name, t in trials.items()}
    baselines = {
        name: _rates(inference.person_trials(g, people.row_person), is_train) for name, g in family.baselines.items()
    }
    return FamilyResult(
        name=family.name,
        kind=family.kind,
        required=family.required,
        train=values[is_train],
        control=values[~is_train],
        scans=scans,
        report={"variants": variants, "baselines": baselines},
    )


def _rates(trials: Trials, is_train: Bool) -> dict[str, float]:
    return {"train": float(trials.correct[is_train].mean()), "control": float(trials.correct[~is_train].mean())}


def _scan_report(trials: Trials, scan: Scan, is_train: Bool) -> dict[str, Any]:
    n_top = max(1, round(TOP_SHARE * len(is_train)))
    top = np.argsort(-trials.confidence, kind="stable")[:n_top]
    return {
        "scan_p": scan.p,
        "scan_cut": scan.cut,
        "scan_train_in_cut": scan.n_train_in_cut,
        "most_confident": {
            "persons": n_top,
            "train": int(is_train[top].sum()),
            "train_right": int((is_train & trials.correct)[top].sum()),
            "control_right": int((~is_train & trials.correct)[top].sum()),
        },
    }
