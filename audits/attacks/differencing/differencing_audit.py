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

MARGIN = 0.10  # allowed distance of an AUC or a share from one half
N_ATTACKS = 5  # number of membership attacks, including the stacked one
_DESCRIPTIONS: Mapping[ArmName, str] = {
    "joined": "persons who joined",
    "left": "persons who left",
    "records_added": "persons who stayed with other records added",
    "records_removed": "persons who stayed with records removed",
}


class Differencing:
    """Test whether the difference between this release and the previous one reveals persons who joined or left.

    Attack: the attacker has last year's and this year's release. Each alone may reveal nobody. But if the synthetic
    text moved towards a person's record, the person joined between the releases; if it moved away, the person left.
    If both releases were drawn with the same random numbers, most rows are the same, and the few that differ lie
    close to the persons who changed.

    There are four arms: persons who joined, who left, and who stayed with records added or removed (scored on those
    records only). Each arm is compared with control persons whom neither generator saw. For every membership score,
    the difference between the releases is an attack, alone and stacked, as in the membership audit.

    Metrics:

    - auc: the AUC furthest from one half among all attacks and arms. Its interval covers the intervals of all of
      them. .5 is safe.
    - scan_p: smallest p-value of the exact scans of all attacks and arms, corrected for their number.
    - new_rows_share: of the synthetic rows that only one release has, the share whose nearest person is in the arm
      and not in control. The value is the one furthest from one half among all encoders and arms. .5 is safe.
    - shared_rows: number of long rows (at least 20 words) that are equal to a row of the previous release.
    - near_rows: number of long rows that are equal to or a near copy of a row of the previous release (Jaccard of
      5-token shingles at least .8).

    `audits explain differencing` lists the verdicts.

    The smallest leak in `power` is the distance of an AUC from one half. It implies no epsilon, because persons do
    not join by fair coins. If an epsilon is claimed, the accounting audit composes the releases.

    Privacy: reads all texts of both releases and tables; per-record scores stay in memory.
    Randomness: persons set aside, one seed for the encoders, folds, draws and bootstrap of each arm.
    Cost: that of the membership audit for each of the two releases.
    Reference: the scores as in `audits/attacks/membership/scores.py`. The detection of a fixed seed by shared rows is
        this project's own.
    """

    name = "differencing"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return how well the difference reveals the persons who changed, with a three-way verdict.

        Raises:
            NotMeasurable: no previous release was given, or a table has no person ids and the releases alone do not
                prove a common seed.
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
            aucs={name: attack.membership.auc(confidence) for name, attack in arms_attacked.items()},
        )
        return _judge(found, confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseComparison:
    """All measurements that the verdict depends on."""

    overlap: RowOverlap
    seeds: Seeds
    sizes: Mapping[ArmName, int]  # number of persons of each arm that is not empty
    n_controls: int  # number of control persons whom neither generator saw
    set_aside: float  # share of these control persons that the scores are fitted on
    arms_attacked: Mapping[ArmName, ArmAttack]  # results for each arm of at least 20 persons
    aucs: Mapping[ArmName, Estimate]  # AUC of each arm of at least 20 persons

    @property
    def n_compared(self) -> int:
        """Number of control persons that remain for the comparison."""
        return self.n_controls - round(self.set_aside * self.n_controls)

    @property
    def n_needed(self) -> int:
        """Number of persons per arm for which, without a leak, all intervals lie in the margin with power .8."""
        n_attacks = max((len(attack.membership.areas) for attack in self.arms_attacked.values()), default=N_ATTACKS)
        return stats.needed_for_auc(MARGIN, power=stats.power_of_each(n_attacks))

    def shifted(self, name: ArmName) -> bool:
        """Return whether the arm differs significantly from control without any release."""
        shift = self.arms_attacked[name].shift
        return shift is not None and not shift.low <= 0.5 <= shift.high

    def scan_p(self) -> dict[ArmName, float]:
        """Return for each arm the smallest p-value of its scans, corrected for the number of all scans."""
        return _corrected(
            {
                name: [scan.p for scan in attack.membership.scans.values()]
                for name, attack in self.arms_attacked.items()
            }
        )


def _judge(found: ReleaseComparison, confidence: float) -> AuditResult:
    """Return the result; its estimate is the AUC or, without one, the share of near rows."""
    rows = found.overlap
    near = exact_share(rows.near, rows.n, confidence=confidence) if rows.n > 0 else None
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
        estimate=area if area is not None else near,
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
        n = sum(len(attack.people.is_train) for attack in found.arms_attacked.values())
        metrics["scan_p"] = exact(min(found.scan_p().values()), confidence=confidence, n=n)
    shares = [share for attack in found.arms_attacked.values() for share in attack.shares.values()]
    if shares:
        metrics["new_rows_share"] = envelope([share.estimate(confidence) for share in shares])
    return metrics


def _fails(found: ReleaseComparison) -> list[str]:
    """Return the proven leaks, each as a statement."""
    fails = []
    if found.overlap.proves_shared_randomness(found.seeds):
        fails.append(
            "both releases were drawn with the same seed"
            if found.seeds == "equal"
            else f"{found.overlap.near} of {found.overlap.n} long rows also occur in the previous release, so the "
            "releases have a common seed or rows were kept"
        )
    scans = found.scan_p()
    comparable = {name: attack for name, attack in found.arms_attacked.items() if not found.shifted(name)}
    areas = _corrected(
        {name: [a.p_beyond(MARGIN) for a in attack.membership.areas.values()] for name, attack in comparable.items()}
    )
    shares = _corrected(
        {name: [share.p_beyond(MARGIN) for share in attack.shares.values()] for name, attack in comparable.items()}
    )
    for name in comparable:
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
    """Return for each arm its smallest p-value, corrected for the number of all p-values."""
    corrected = iter(holm([p for of_arm in p_values.values() for p in of_arm]))
    return {name: min([next(corrected) for _ in of_arm], default=1.0) for name, of_arm in p_values.items()}


def _unclear(found: ReleaseComparison, confidence: float) -> list[str]:
    """Return the reasons why the audit cannot pass, each as a statement."""
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
                f"{_DESCRIPTIONS[name]} differ significantly from control without any release; provide control from "
                "the same time and place"
            )
        elif found.sizes[name] >= needed and not is_inside(found.aucs[name], MARGIN):
            unclear.append(
                f"the interval of the attacks on {_DESCRIPTIONS[name]} exceeds its limit with {found.aucs[name].n} "
                f"persons; about {2 * found.aucs[name].n} are needed for a verdict"
            )
    if found.sizes and not found.arms_attacked and not unclear:
        unclear.append(f"a release has fewer than {MIN_SYNTHETIC} rows, which are too few for the attacks")
    rows = found.overlap
    if not rows.excludes_shared_randomness(found.seeds, confidence=confidence):
        least = stats.needed_for_zero_events(LIMIT, confidence=confidence)
        unclear.append(
            f"{rows.near} of {rows.n} long rows also occur in the previous release, so a common seed is possible; "
            f"provide the digests of both seeds, or {least} rows of {MIN_WORDS} words of which none occurs there"
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
                "attacks": {score: area.value for score, area in attack.membership.areas.items()},
                "scan_p": scans[name],
                "new_rows_share": {
                    encoder: [share.value, *share.ends(confidence)] for encoder, share in attack.shares.items()
                },
                "shift_auc": None
                if attack.shift is None
                else [attack.shift.value, attack.shift.low, attack.shift.high],
            }
            for name, attack in found.arms_attacked.items()
        },
        "power": power(n, found.n_needed, stats.detectable_auc(n, confidence=confidence) if n > 0 else None),
    }
