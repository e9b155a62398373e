"""Differencing audit: verdict on whether two releases of one source reveal who joined or left between them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.attacks.differencing import release_change
from audits.attacks.differencing.release_change import LIMIT, MIN_WORDS, ArmAttack, ArmName, RowOverlap, Seeds
from audits.core import stats
from audits.core.errors import NotMeasurable
from audits.core.holdout import MIN_SYNTHETIC, REFERENCE_SHARE
from audits.core.rates import exact
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, holm
from audits.core.two_sided import envelope, exact_share, is_inside, power
from audits.core.types import AuditInputs, AuditResult, Estimate, Verdict

MARGIN = 0.10
N_ATTACKS = 5  # number of membership attacks, including the stacked one
_DESCRIPTIONS: Mapping[ArmName, str] = {
    "joined": "persons who joined",
    "left": "persons who left",
    "records_added": "persons who stayed with other records added",
    "records_removed": "persons who stayed with records removed",
}


class Differencing:
    """Test whether the difference between this release and the previous one reveals persons who joined or left.

    Attack: the attacker has last year's and this year's release. Neither alone reveals a certain person. If the
    synthetic text moved towards that person's record, the person joined between the releases; if it moved away, the
    person left. If both releases were drawn with the same random numbers, most rows are the same, and the few that
    differ lie close to the persons who changed.

    There are four arms: persons who joined, who left, and who stayed with records added or removed (scored on those
    records alone). Each is compared with control persons whom neither generator saw. The difference of every
    membership score between the releases is an attack, alone and stacked, as in `membership`.

    auc: of the attack and arm furthest from one half, between the outermost ends of all; .5 is safe.
    scan_p: smallest p-value of the exact scans of all attacks and arms, corrected for their number.
    new_rows_share: of the synthetic rows that only one release has, the share whose nearest person is of the arm and
        not of control; for the encoder and arm furthest from one half.
    shared_rows: rows of at least 20 words that are equal to a row of the previous release.
    near_rows: these, and rows with a near copy there (Jaccard of 5-token shingles at least .8).

    The audit fails if both releases had the same seed, or if it is proven that more than 1 % of the long rows have a
    near copy in the previous release (or more than twice the share that a release repeats itself, if that is more).
    It also fails if an AUC or share is proven outside [.40, .60], corrected for their number, or a scan is
    significant at .025, whatever the confidence. It passes if every attack's interval lies inside, each arm and
    control have enough persons (228 for five attacks), and too few rows are shared to suspect a common seed. The
    shares can fail a release and cannot pass one. If no record changed, the change is not measurable, its metrics are
    missing, and the verdict depends on the shared rows alone.

    Two conditions prevent a pass. If an arm differs from control without any release (because of a later year or
    another ward), the attacks may detect this difference and not the persons. If persons left and long rows of the
    previous release remain, nothing shows that none of these rows was made from them: the parents of rows (`lineage`)
    refer to the current train table, which no longer contains them, so they prove it only for rows that were newly
    generated.

    The smallest leak in `power` is the distance of an AUC from one half. It implies no epsilon, because persons do
    not join by fair coins. If an epsilon is claimed, `accounting` composes the releases.

    Privacy: reads all texts of both releases and tables; per-record scores stay in memory.
    Randomness: persons set aside, one seed for the encoders, folds, draws and bootstrap of each arm.
    Cost: that of the membership audit for each of the two releases.
    Reference: the scores as in `audits/attacks/membership/scores.py`; the detection of a fixed seed by shared rows is
        ours.
    """

    name = "differencing"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return whether the difference follows the persons who changed, with a three-way verdict.

        Raises:
            NotMeasurable: no previous release was given; or the tables have no persons and the releases alone do not
                show a common seed.
        """
        previous = inputs.previous
        if previous is None:
            raise NotMeasurable("no previous release was given; provide its synthetic table and its train table")
        overlap = release_change.row_overlap(inputs.synthetic, previous.synthetic)
        seeds = release_change.seeds_of(previous)
        has_persons = inputs.train.has_groups and previous.train.has_groups and inputs.control.has_groups
        if not has_persons and not overlap.proves_shared_randomness(seeds):
            raise NotMeasurable(
                "the audit cannot determine who joined or left: the train tables of both releases and control must "
                "have a person column with the same person ids"
            )
        changed = release_change.changed_records(inputs.train, previous.train) if has_persons else {}
        controls = release_change.unseen_controls(inputs.control, inputs.train, previous.train)
        arms_attacked = release_change.attack_arms(inputs, previous.synthetic, changed, controls, overlap, rng)
        found = ReleaseComparison(
            overlap=overlap,
            seeds=seeds,
            sizes={name: len(set(table.groups)) for name, table in changed.items()},
            n_controls=len(set(controls.groups)),
            set_aside=0.0 if inputs.reference is not None else REFERENCE_SHARE,
            arms_attacked=arms_attacked,
            aucs={name: f.membership.auc(confidence) for name, f in arms_attacked.items()},
        )
        return _judge(found, confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseComparison:
    """All measurements."""

    overlap: RowOverlap
    seeds: Seeds
    sizes: Mapping[ArmName, int]  # persons of each arm that is not empty
    n_controls: int  # control persons whom neither generator saw
    set_aside: float  # the share of them that the scores are fitted on
    arms_attacked: Mapping[ArmName, ArmAttack]  # arms of at least 20 persons
    aucs: Mapping[ArmName, Estimate]  # of the same arms

    @property
    def n_compared(self) -> int:
        """Number of control persons that remain for the comparison."""
        return self.n_controls - round(self.set_aside * self.n_controls)

    @property
    def n_needed(self) -> int:
        """Number of persons per arm for which all attacks, without a leak, stay inside with power .8."""
        attacks = max((len(f.membership.areas) for f in self.arms_attacked.values()), default=N_ATTACKS)
        return stats.needed_for_auc(MARGIN, power=stats.power_of_each(attacks))

    def shifted(self, name: ArmName) -> bool:
        """Return whether the arm differs from control without any release."""
        shift = self.arms_attacked[name].shift
        return shift is not None and not shift.low <= 0.5 <= shift.high

    def scan_p(self) -> dict[ArmName, float]:
        """Return the smallest corrected p-value of the scans of each arm."""
        return _corrected({n: [s.p for s in f.membership.scans.values()] for n, f in self.arms_attacked.items()})


def _judge(found: ReleaseComparison, confidence: float) -> AuditResult:
    rows = found.overlap
    shared = exact_share(rows.near, rows.n, confidence=confidence) if rows.n > 0 else None
    metrics = _metrics(found, confidence)
    fails, unclear = _fails(found), _unclear(found, confidence)
    verdict: Verdict = "fail" if fails else "insufficient" if unclear else "pass"
    area = metrics.get("auc")
    passed = (
        "No record changed between the releases, and they do not share enough rows to suspect a common seed."
        if not found.sizes
        else "The difference between the releases does not reveal the persons who changed."
    )
    return AuditResult(
        name="differencing",
        verdict=verdict,
        status="measured",
        estimate=area if area is not None else shared,
        control=None,
        threshold=(0.5 - MARGIN, 0.5 + MARGIN) if area is not None else rows.limit,
        direction="two_sided" if area is not None else "lower_is_safer",
        metrics=metrics,
        details=_details(found, confidence),
        reason="; ".join(fails or unclear) or passed,
    )


def _metrics(found: ReleaseComparison, confidence: float) -> dict[str, Estimate]:
    metrics = {
        "shared_rows": exact(found.overlap.equal, confidence=confidence, n=found.overlap.n),
        "near_rows": exact(found.overlap.near, confidence=confidence, n=found.overlap.n),
    }
    if found.arms_attacked:
        metrics["auc"] = envelope(list(found.aucs.values()))
        n = sum(len(f.people.is_train) for f in found.arms_attacked.values())
        metrics["scan_p"] = exact(min(found.scan_p().values()), confidence=confidence, n=n)
    shares = [share for f in found.arms_attacked.values() for share in f.shares.values()]
    if shares:
        metrics["new_rows_share"] = envelope([share.estimate(confidence) for share in shares])
    return metrics


def _fails(found: ReleaseComparison) -> list[str]:
    fails = []
    if found.overlap.proves_shared_randomness(found.seeds):
        fails.append(
            "both releases were drawn with the same seed"
            if found.seeds == "equal"
            else f"{found.overlap.near} of {found.overlap.n} long rows also occur in the previous release, which "
            "indicates a common seed or kept rows"
        )
    scans = found.scan_p()
    comparable = [(name, f) for name, f in found.arms_attacked.items() if not found.shifted(name)]
    areas = _corrected({n: [a.p_beyond(MARGIN) for a in f.membership.areas.values()] for n, f in comparable})
    shares = _corrected({n: [s.p_beyond(MARGIN) for s in f.shares.values()] for n, f in comparable})
    for name, _ in comparable:
        shown_by = [
            *(["the attacks"] if areas[name] < FAIL_LEVEL else []),
            *(["the persons at the top of a ranking"] if scans[name] < CHANCE_LEVEL else []),
            *(["the persons nearest to the changed rows"] if shares[name] < FAIL_LEVEL else []),
        ]
        if shown_by:
            fails.append(
                f"the difference between the releases reveals {_DESCRIPTIONS[name]}, by {', and by '.join(shown_by)}"
            )
    return fails


def _corrected(p_values: Mapping[ArmName, list[float]]) -> dict[ArmName, float]:
    """Return the smallest p-value of each arm, corrected for the number of all p-values."""
    corrected = iter(holm([p for of_arm in p_values.values() for p in of_arm]))
    return {name: min([next(corrected) for _ in of_arm], default=1.0) for name, of_arm in p_values.items()}


def _unclear(found: ReleaseComparison, confidence: float) -> list[str]:
    needed = found.n_needed
    unclear = [
        f"{n} {_DESCRIPTIONS[name]} are too few; {needed} would be enough"
        for name, n in found.sizes.items()
        if n < needed
    ]
    if found.sizes and found.n_compared < needed:
        unclear.append(
            f"{found.n_compared} control persons whom neither generator saw are too few; "
            f"{math.ceil(needed / (1 - found.set_aside))} would be enough"
        )
    for name in found.arms_attacked:
        if found.shifted(name):
            unclear.append(
                f"{_DESCRIPTIONS[name]} differ significantly from control; provide control from the same time"
            )
        elif found.sizes[name] >= needed and not is_inside(found.aucs[name], MARGIN):
            unclear.append(
                f"the interval of the attacks on {_DESCRIPTIONS[name]} exceeds its limit with {found.aucs[name].n} "
                f"persons; about {2 * found.aucs[name].n} would decide"
            )
    if found.sizes and not found.arms_attacked and not unclear:
        unclear.append(f"a release of fewer than {MIN_SYNTHETIC} rows cannot be attacked")
    rows = found.overlap
    if not rows.excludes_shared_randomness(found.seeds, confidence=confidence):
        least = stats.needed_for_zero_events(LIMIT, confidence=confidence)
        unclear.append(
            f"{rows.near} of {rows.n} long rows also occur in the previous release; provide the digests of both "
            f"seeds, or {least} rows of {MIN_WORDS} words of which none occurs there"
        )
    if rows.near > 0 and {"left", "records_removed"} & set(found.sizes):
        unclear.append(
            f"records were removed and {rows.near} rows of the previous release remain, which may have been made "
            "from them; generate these rows again"
        )
    return unclear


def _details(found: ReleaseComparison, confidence: float) -> dict[str, Any]:
    n = min([*found.sizes.values(), found.n_compared]) if found.sizes else 0
    scans = found.scan_p()
    return {
        "claim_scope": "person",
        "seeds": found.seeds,
        "change": "measured" if found.arms_attacked else "not_measurable",
        "n_persons_by_arm": dict(found.sizes),
        "n_control_persons": found.n_compared,
        "long_rows": found.overlap.n,
        "long_rows_repeated_by_chance": found.overlap.by_chance,
        "shared_rows_limit": found.overlap.limit,
        "arms": {
            name: {
                "auc": [found.aucs[name].value, found.aucs[name].low, found.aucs[name].high],
                "attacks": {a: area.value for a, area in f.membership.areas.items()},
                "scan_p": scans[name],
                "new_rows_share": {e: [s.value, *s.ends(confidence)] for e, s in f.shares.items()},
                "shift_auc": None if f.shift is None else [f.shift.value, f.shift.low, f.shift.high],
            }
            for name, f in found.arms_attacked.items()
        },
        "power": power(n, found.n_needed, stats.detectable_auc(n, confidence=confidence) if n > 0 else None),
    }
