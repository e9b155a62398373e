"""The attacks of the linkage audit: families of variants, the guesses of each, and their results for each person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audits.attacks.linkage import attribute_inference as inference
from audits.attacks.linkage.attribute_inference import Float, Guesses, Int, Secrets, Trials
from audits.attacks.linkage.clinical_fields import quasi_identifiers, sensitive_attributes
from audits.attacks.linkage.excess_risk import absolute_excess, needed_for_excess, relative_excess
from audits.attacks.linkage.view_retrieval import NEAREST, NearestRows, has_two_halves, match_views
from audits.core.holdout import MIN_PERSONS, Arms, HoldoutTables
from audits.core.stats import Scan, scan_test
from audits.core.two_sided import supported_margin
from audits.core.types import Estimate

VOTERS = (1, 5)
LINKED_WITHIN = (1, 5, NEAREST)
TOP_SHARE = 0.01
Kind = Literal["relative", "absolute"]

# Largest excess allowed, by the number of persons of the smaller arm who can be attacked. Each limit is the excess
# that so many persons distinguish from none with power .9, for inference at a rate of .2, for joining and retrieval
# at .5. The power is higher than elsewhere because a release without a leak has to stay inside five such limits. With
# fewer persons than the last line there is no verdict.
LIMITS = (0.05, 0.07, 0.10)
MARGINS: Mapping[Kind, tuple[tuple[int, float], ...]] = {
    "relative": tuple((needed_for_excess(d, 0.2, power=0.9), d) for d in LIMITS),
    "absolute": tuple((needed_for_excess(d, 0.5, power=0.9), d) for d in LIMITS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One attack in its variants."""

    name: str
    kind: Kind  # whether the excess is measured as R or as a difference
    required: bool  # whether it applies to any text; clinical fields count only if enough persons state them
    variants: Mapping[str, Guesses]
    baselines: Mapping[str, Guesses] = field(
        default_factory=dict
    )  # guesses without the synthetic table, for the report


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyResult:
    """Results of one family."""

    name: str
    kind: Kind
    required: bool
    train: Float  # value of each train person
    control: Float  # value of each control person
    scans: Mapping[str, Scan]  # by variant
    report: Mapping[str, Any]

    @property
    def n(self) -> int:
        """Number of attacked persons of the smaller arm."""
        return min(len(self.train), len(self.control))

    @property
    def limit(self) -> float | None:
        """The limit that these persons support; None if they are too few."""
        return supported_margin(self.n, MARGINS[self.kind])

    def estimate(self, confidence: float) -> Estimate:
        """Return the excess of train over control: R, or the difference if the attack is always right on control."""
        measure = relative_excess if self.kind == "relative" and bool((self.control < 1).any()) else absolute_excess
        return measure(self.train, self.control, confidence=confidence)


def attack_families(
    holdout: HoldoutTables, people: Arms, rng: np.random.Generator
) -> tuple[list[Family], list[Family]]:
    """Return every family of attacks, and the families limited to rare facts."""
    real = (*holdout.train.texts, *holdout.control.texts)
    matches = match_views(holdout, rng)
    stated = [sensitive_attributes(text) for text in holdout.synthetic.texts]
    profiles, rows, reference = (
        [quasi_identifiers(text) for text in texts]
        for texts in (real, holdout.synthetic.texts, holdout.reference.texts)
    )
    words, fields = inference.word_secrets(holdout), inference.field_secrets(holdout, stated)
    profile = inference.profile_secrets(holdout, stated, profiles)
    by_profile, by_profile_in_reference = (
        inference.profile_neighbours(profiles, r, reference) for r in (rows, reference)
    )
    inferences = [
        ("words", words, matches.first, matches.first_in_reference),
        ("fields", fields, matches.first, matches.first_in_reference),
        ("profile", profile, by_profile, by_profile_in_reference),
    ]
    halved = has_two_halves(real)
    families = [_inference(*one, rng) for one in inferences]
    rare = [
        _inference(name, secrets.of_at_most(inference.RARE_PERSONS), nearest, baseline, rng)
        for name, secrets, nearest, baseline in inferences
    ]
    joins = {f"nearest_{k}": join_halves(matches.first, matches.second, k, halved) for k in LINKED_WITHIN}
    found = {name: invert(full, matches.reverse[name], people.row_person) for name, full in matches.full.items()}
    families += [
        Family(name="half_to_half", kind="absolute", required=True, variants=joins),
        Family(name="inversion", kind="absolute", required=True, variants=found),
    ]
    return families, rare


def _inference(
    name: str, secrets: Secrets, nearest: NearestRows, baseline: NearestRows, rng: np.random.Generator
) -> Family:
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


def join_halves(first: NearestRows, second: NearestRows, k: int, halved: NDArray[np.bool_]) -> Guesses:
    """Return for each record whether a common row is among the k nearest rows of each of its halves.

        confidence = max over common rows s of min(cos(first half, s), cos(second half, s)), and 0 without one

    An attacker who has two documents of one person, and does not know that they belong together, can join them by a
    synthetic row that both lead to. Two random lists of k of m rows have about k² / m rows in common; halves of one
    text have more, because they have one topic. The share among train persons is therefore compared with that among
    control persons. A record without two halves (`halved`) is no trial.
    """
    common = first.rows[:, :k, None] == second.rows[:, None, :k]
    weaker = np.minimum(first.similarities[:, :k, None], second.similarities[:, None, :k]).astype(np.float64)
    confidence = np.where(common, np.maximum(weaker, 0), 0).max(axis=(1, 2))
    return Guesses(is_trial=halved, correct=common.any(axis=(1, 2)), confidence=confidence)


def invert(full: NearestRows, reverse: Int, row_person: Int) -> Guesses:
    """Return for each record whether the real record nearest to its nearest synthetic row is of the same person.

    This is recall at 1 among train and control together. It replaces decoding vectors into text: no decoder is better
    than the true text, so the attacker receives all real texts as candidates and picks the nearest. Train persons and
    control persons are each other's decoys, so without a leak both are found equally often, whatever their numbers.
    `reverse` holds the real record nearest to each synthetic row, chosen without regard to roles if several are
    equal.
    """
    found = row_person[reverse[full.rows[:, 0]]]
    return Guesses(
        is_trial=np.ones(len(row_person), dtype=np.bool_),
        correct=found == row_person,
        confidence=np.maximum(full.similarities[:, 0], 0).astype(np.float64),
    )


def measure_family(family: Family, people: Arms) -> FamilyResult | None:
    """Return the results of a family; None if fewer than 20 persons of an arm can be attacked."""
    trials = {name: inference.person_trials(guesses, people.row_person) for name, guesses in family.variants.items()}
    person = next(iter(trials.values())).person
    is_train = people.is_train[person]
    if min(int(is_train.sum()), int((~is_train).sum())) < MIN_PERSONS:
        return None
    values = np.mean([t.correct for t in trials.values()], axis=0)
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


def _rates(trials: Trials, is_train: NDArray[np.bool_]) -> dict[str, float]:
    return {"train": float(trials.correct[is_train].mean()), "control": float(trials.correct[~is_train].mean())}


def _scan_report(trials: Trials, scan: Scan, is_train: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the scan, and the counts for the 1 % of persons about whom the attack is most confident."""
    m = max(1, round(TOP_SHARE * len(is_train)))
    most = np.argsort(-trials.confidence, kind="stable")[:m]
    return {
        "scan_p": scan.p,
        "scan_cut": scan.cut,
        "scan_train_in_cut": scan.n_train_in_cut,
        "most_confident": {
            "persons": m,
            "train": int(is_train[most].sum()),
            "train_right": int((is_train & trials.correct)[most].sum()),
            "control_right": int((~is_train & trials.correct)[most].sum()),
        },
    }
