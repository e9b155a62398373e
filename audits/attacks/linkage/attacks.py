"""The attacks of the linkage audit: what is asked of the synthetic rows, in which variants, and who was right.

Each family of attacks is one question put to train and control persons alike;
`audits/attacks/linkage/linkage_audit.py` draws the verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audits.attacks.linkage.attribute_inference import (
    RARE_PERSONS,
    Float,
    Guesses,
    Secrets,
    Trials,
    field_secrets,
    guess_by_vote,
    guess_most_frequent,
    person_trials,
    profile_neighbours,
    profile_secrets,
    word_secrets,
)
from audits.attacks.linkage.clinical_fields import quasi_identifiers, sensitive_attributes
from audits.attacks.linkage.excess_risk import absolute_excess, needed_for_excess, relative_excess
from audits.attacks.linkage.half_linkage import join_halves
from audits.attacks.linkage.retrieval_inversion import invert
from audits.attacks.linkage.view_retrieval import NEAREST, NearestRows, has_two_halves, match_views
from audits.core.holdout import MIN_PERSONS, Arms, HoldoutTables
from audits.core.stats import Scan, scan_test
from audits.core.two_sided import supported_margin
from audits.core.types import Estimate

VOTERS = (1, 5)
LINKED_WITHIN = (1, 5, NEAREST)
TOP_SHARE = 0.01

Kind = Literal["relative", "absolute"]

# How large the excess may be, by how many persons of the smaller arm can be asked: each limit is the excess that so
# many tell from none with power .9, inference at a rate of .2, joining and finding again at one of .5. The power is
# higher than elsewhere because a release without a leak has to stay inside five such limits. With fewer persons than
# the last line there is no verdict.
LIMITS = (0.05, 0.07, 0.10)
MARGINS: Mapping[Kind, tuple[tuple[int, float], ...]] = {
    "relative": tuple((needed_for_excess(d, 0.2, power=0.9), d) for d in LIMITS),
    "absolute": tuple((needed_for_excess(d, 0.5, power=0.9), d) for d in LIMITS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One attack in its variants.

    Args:
        name: what is attempted.
        kind: whether the excess is measured as R or as a difference.
        required: whether any text can be asked; clinical fields count only where enough persons state them.
        variants: the guesses of each variant.
        baselines: guesses made without the synthetic table, for the report.
    """

    name: str
    kind: Kind
    required: bool
    variants: Mapping[str, Guesses]
    baselines: Mapping[str, Guesses] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyResult:
    """What one family found: values of train and control persons, the limit they support, scans and the report."""

    name: str
    kind: Kind
    required: bool
    train: Float
    control: Float
    scans: Mapping[str, Scan]
    report: Mapping[str, Any]

    @property
    def n(self) -> int:
        """How many persons of the smaller arm were asked."""
        return min(len(self.train), len(self.control))

    @property
    def limit(self) -> float | None:
        """The limit that these persons support; None where they are too few."""
        return supported_margin(self.n, MARGINS[self.kind])

    def estimate(self, confidence: float) -> Estimate:
        """Return the excess of train over control; the difference where control leaves nothing that R could be of."""
        measure = relative_excess if self.kind == "relative" and bool((self.control < 1).any()) else absolute_excess
        return measure(self.train, self.control, confidence=confidence)


def attack_families(
    holdout: HoldoutTables, people: Arms, rng: np.random.Generator
) -> tuple[list[Family], list[Family]]:
    """Return every family of attacks, and those on rare facts alone."""
    real = (*holdout.train.texts, *holdout.control.texts)
    matches = match_views(holdout, rng)
    stated = [sensitive_attributes(text) for text in holdout.synthetic.texts]
    profiles, rows, reference = (
        [quasi_identifiers(text) for text in texts]
        for texts in (real, holdout.synthetic.texts, holdout.reference.texts)
    )
    words, fields = word_secrets(holdout), field_secrets(holdout, stated)
    profile = profile_secrets(holdout, stated, profiles)
    fitting, fitting_reference = (profile_neighbours(profiles, r, reference) for r in (rows, reference))
    questions = [
        ("words", words, matches.first, matches.first_in_reference),
        ("fields", fields, matches.first, matches.first_in_reference),
        ("profile", profile, fitting, fitting_reference),
    ]
    halved = has_two_halves(real)
    families = [_inference(name, secrets, nearest, baseline, rng) for name, secrets, nearest, baseline in questions]
    rare = [
        _inference(name, secrets.of_at_most(RARE_PERSONS), nearest, baseline, rng)
        for name, secrets, nearest, baseline in questions
    ]
    joins = {f"nearest_{k}": join_halves(matches.first, matches.second, k, halved) for k in LINKED_WITHIN}
    found = {name: invert(way, matches.reverse[name], people.row_person) for name, way in matches.full.items()}
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
        variants={f"nearest_{k}": guess_by_vote(nearest, secrets, k, ties) for k in VOTERS},
        baselines={
            "most_frequent": guess_most_frequent(secrets),
            "reference": guess_by_vote(baseline, secrets.for_reference(), VOTERS[-1], ties),
        },
    )


def measure_family(family: Family, people: Arms) -> FamilyResult | None:
    """Return what a family found; None where an arm has fewer than 20 persons who can be asked."""
    trials = {name: person_trials(guesses, people.row_person) for name, guesses in family.variants.items()}
    person = next(iter(trials.values())).person
    is_train = people.is_train[person]
    if min(int(is_train.sum()), int((~is_train).sum())) < MIN_PERSONS:
        return None
    values = np.mean([t.correct for t in trials.values()], axis=0)
    scores = {name: np.where(t.correct, t.confidence, 0.0) for name, t in trials.items()}
    scans = {name: scan_test(s[is_train], s[~is_train]) for name, s in scores.items()}
    guessed = {name: _rates(person_trials(g, people.row_person), is_train) for name, g in family.baselines.items()}
    return FamilyResult(
        name=family.name,
        kind=family.kind,
        required=family.required,
        train=values[is_train],
        control=values[~is_train],
        scans=scans,
        report={
            "variants": {
                name: _rates(t, is_train) | _scan_report(t, scans[name], is_train) for name, t in trials.items()
            },
            "baselines": guessed,
        },
    )


def _rates(trials: Trials, is_train: NDArray[np.bool_]) -> dict[str, float]:
    return {"train": float(trials.correct[is_train].mean()), "control": float(trials.correct[~is_train].mean())}


def _scan_report(trials: Trials, scan: Scan, is_train: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the scan, and who is right among the hundredth part of persons of whom the attack is most confident."""
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
