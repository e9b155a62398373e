"""The differencing audit: do two releases of the same source betray who joined or left in between?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.attacks.differencing.kept_rows import (
    LIMIT,
    MIN_WORDS,
    RowOverlap,
    Seeds,
    row_overlap,
    seeds_of,
    share_randomness,
    use_separate_randomness,
)
from audits.attacks.differencing.release_change import (
    ArmAttack,
    ArmName,
    attack_arms,
    changed_records,
    concatenate_arms,
    unseen_controls,
    without_labels,
)
from audits.core.errors import NotMeasurable
from audits.core.holdout import MIN_PERSONS, MIN_SYNTHETIC, REFERENCE_SHARE, hold_out
from audits.core.rates import exact
from audits.core.stats import (
    CHANCE_LEVEL,
    FAIL_LEVEL,
    detectable_auc,
    holm,
    needed_for_auc,
    needed_for_zero_events,
    power_of_each,
)
from audits.core.two_sided import envelope, exact_share, is_inside, power
from audits.core.types import AuditInputs, AuditResult, Estimate, Table, Verdict

MARGIN = 0.10
N_ATTACKS = 5  # the membership attacks, the stacked one among them

_WHO: Mapping[ArmName, str] = {
    "joined": "persons who joined",
    "left": "persons who left",
    "records_added": "persons who stayed with other records added",
    "records_removed": "persons who stayed with records removed",
}


class Differencing:
    """Whether the difference between this release and the one before follows the persons who joined or left.

    The attacker's story: they kept last year's release and hold this year's. Neither shows a certain person. But what
    is new in the second came from somewhere: if the synthetic text moved towards that person's record, the person
    joined in between; if it moved away, they left. Where both releases were drawn with the same random numbers, most
    rows are the same, and the few that differ lie round the persons who changed.

    Four arms: persons who joined, who left, and who stayed with records added or removed (scored on those records
    alone). Each is compared with control persons whom neither generator saw. Every membership score is taken of both
    releases and subtracted, and all are attacks, alone and stacked, as in `membership`.

    auc: of the attack and arm furthest from one half, between the outermost ends of all; .5 is safe.
    scan_p: smallest p-value of the exact scans of all attacks and arms, corrected for how many there are.
    new_rows_share: of synthetic rows that only one release has, those whose nearest person is of the arm and not of
        control; of the encoder and arm furthest from one half.
    shared_rows: rows of at least 20 words that stand letter by letter in the release before.
    near_rows: those and the rows that nearly stand there (Jaccard of 5-token shingles at least .8).

    A hard failure: both releases had the same seed, or surely more than 1 % of the long rows nearly stand in the
    release before (or twice the share that a release repeats by itself, where that is more). It also fails where an
    AUC or share is proven outside [.40, .60], corrected for their number, or a scan is significant at .025, whatever
    the confidence. It passes when every attack's interval lies inside with persons enough in each arm and in control
    (228 for five attacks), and too few rows are shared to suspect a common seed; the shares can fail a release and
    clear none. Where not one record changed, there is nobody to betray: the change is not measurable, the numbers
    about it are missing, and the verdict rests on the shared rows alone.

    Two things hold a pass up. If an arm differs from control without any release (a later year, another ward), an
    attack sees the season and not the person. And if anybody left while long rows of the release before are still
    there, nothing shows that none of these was made from them: the parents of rows (`lineage`) name rows of the train
    table of now, which no longer holds who left, so they prove it for rows written anew and for no others.

    The smallest leak in `power` is an AUC so far from one half. It says nothing about epsilon, because who joins is
    not decided by a coin; where epsilon is claimed, `accounting` adds up the releases.

    Privacy: reads all texts of both releases and tables; per-record scores stay in memory.
    Random: persons set aside, one seed for the encoders, folds, draws and bootstrap of each arm.
    Cost: that of the membership audit for each of the two releases.
    Source: the scores as in `audits/attacks/membership/scores.py`; that a fixed seed shows the change by itself,
    ours.
    """

    name = "differencing"

    def run(self, inputs: AuditInputs, rng: np.random.Generator, confidence: float) -> AuditResult:
        """Return whether the difference follows the persons who changed, with a three-way verdict.

        Raises:
            NotMeasurable: no earlier release was given; or the tables name no persons and the releases alone show
                nothing.
        """
        previous = inputs.previous
        if previous is None:
            raise NotMeasurable("no earlier release was given; give its synthetic and its train table")
        overlap = row_overlap(inputs.synthetic, previous.synthetic)
        seeds = seeds_of(previous)
        named = inputs.train.has_groups and previous.train.has_groups and inputs.control.has_groups
        if not named and not share_randomness(overlap, seeds):
            raise NotMeasurable(
                "who joined or left cannot be told: the train tables of both releases and control must name persons, "
                "in the same way"
            )
        changed = changed_records(inputs.train, previous.train) if named else {}
        controls = unseen_controls(inputs.control, inputs.train, previous.train)
        arms_attacked = _attack_arms(inputs, previous.synthetic, changed, controls, overlap, rng)
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
    """All that was measured.

    Args:
        overlap: the rows both releases have.
        seeds: what is known of them.
        sizes: the persons of each arm that is not empty.
        n_controls: control persons whom neither generator saw.
        set_aside: the share of them that is fitted on.
        arms_attacked: of each arm of at least 20 persons.
        aucs: the same.
    """

    overlap: RowOverlap
    seeds: Seeds
    sizes: Mapping[ArmName, int]
    n_controls: int
    set_aside: float
    arms_attacked: Mapping[ArmName, ArmAttack]
    aucs: Mapping[ArmName, Estimate]

    @property
    def n_compared(self) -> int:
        """Control persons that are left to compare with."""
        return self.n_controls - round(self.set_aside * self.n_controls)

    def shifted(self, name: ArmName) -> bool:
        """Return whether the arm differs from control without any release."""
        shift = self.arms_attacked[name].shift
        return shift is not None and not shift.low <= 0.5 <= shift.high


def _attack_arms(
    inputs: AuditInputs,
    then: Table,
    changed: Mapping[ArmName, Table],
    controls: Table,
    overlap: RowOverlap,
    rng: np.random.Generator,
) -> Mapping[ArmName, ArmAttack]:
    """Return what follows each arm that has persons enough to be attacked at all."""
    large = {name: table for name, table in changed.items() if len(set(table.groups)) >= MIN_PERSONS}
    too_few = len(set(controls.groups)) < MIN_PERSONS or min(len(inputs.synthetic), len(then)) < MIN_SYNTHETIC
    if not large or too_few:
        return {}
    holdout = hold_out(
        AuditInputs(
            synthetic=without_labels(inputs.synthetic),
            train=concatenate_arms(large),
            control=controls,
            reference=None if inputs.reference is None else without_labels(inputs.reference),
        ),
        rng,
    )
    return attack_arms(large, holdout, then, overlap, rng)


def _judge(found: ReleaseComparison, confidence: float) -> AuditResult:
    rows = found.overlap
    shared = exact_share(rows.near, rows.n, confidence=confidence) if rows.n > 0 else None
    metrics = _metrics(found, confidence)
    fails = _fails(found)
    unclear = _unclear(found, confidence)
    verdict: Verdict = "fail" if fails else "insufficient" if unclear else "pass"
    area = metrics.get("auc")
    passed = (
        "Not one record changed between the releases, and they share no rows that a common seed would explain."
        if not found.sizes
        else "The difference between the releases does not follow the persons who changed in between."
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


def _scan_p(found: ReleaseComparison) -> dict[ArmName, float]:
    """Return the smallest corrected p-value of each arm."""
    keys = [(name, a) for name, f in found.arms_attacked.items() for a in f.membership.scans]
    corrected = holm([found.arms_attacked[name].membership.scans[a].p for name, a in keys])
    return {
        name: min(p for (arm, _), p in zip(keys, corrected, strict=True) if arm == name)
        for name in found.arms_attacked
    }


def _metrics(found: ReleaseComparison, confidence: float) -> dict[str, Estimate]:
    metrics = {
        "shared_rows": exact(found.overlap.equal, confidence=confidence, n=found.overlap.n),
        "near_rows": exact(found.overlap.near, confidence=confidence, n=found.overlap.n),
    }
    if found.arms_attacked:
        metrics["auc"] = envelope(list(found.aucs.values()))
        n = sum(len(f.people.is_train) for f in found.arms_attacked.values())
        metrics["scan_p"] = exact(min(_scan_p(found).values()), confidence=confidence, n=n)
    shares = [share for f in found.arms_attacked.values() for share in f.shares.values()]
    if shares:
        metrics["new_rows_share"] = envelope([share.estimate(confidence) for share in shares])
    return metrics


def _fails(found: ReleaseComparison) -> list[str]:
    fails = []
    if share_randomness(found.overlap, found.seeds):
        fails.append(
            "both releases were drawn with the same seed"
            if found.seeds == "equal"
            else f"{found.overlap.near} of {found.overlap.n} long rows stand in the release before, as with a "
            "common seed or kept rows"
        )
    scans = _scan_p(found)
    sound = _sound(found)
    areas = _corrected({n: [a.p_beyond(MARGIN) for a in f.membership.areas.values()] for n, f in sound})
    shares = _corrected({n: [s.p_beyond(MARGIN) for s in f.shares.values()] for n, f in sound})
    for name, _ in sound:
        shown_by = [
            *(["the attacks"] if areas[name] < FAIL_LEVEL else []),
            *(["who stands at the top of a ranking"] if scans[name] < CHANCE_LEVEL else []),
            *(["whose records are nearest to the rows that changed"] if shares[name] < FAIL_LEVEL else []),
        ]
        if shown_by:
            fails.append(f"the difference between the releases shows {_WHO[name]}, by {', and by '.join(shown_by)}")
    return fails


def _needed(found: ReleaseComparison) -> int:
    """Return the persons per arm with whom all attacks, without a leak, stay inside with power .8."""
    attacks = max((len(f.membership.areas) for f in found.arms_attacked.values()), default=N_ATTACKS)
    return needed_for_auc(MARGIN, power=power_of_each(attacks))


def _sound(found: ReleaseComparison) -> list[tuple[ArmName, ArmAttack]]:
    """Return the arms that do not differ from control without any release."""
    return [(name, f) for name, f in found.arms_attacked.items() if not found.shifted(name)]


def _corrected(p_values: Mapping[ArmName, list[float]]) -> dict[ArmName, float]:
    """Return the smallest p-value of each arm, corrected for all of them."""
    keys = [name for name, of_arm in p_values.items() for _ in of_arm]
    corrected = holm([p for of_arm in p_values.values() for p in of_arm])
    return {
        name: min((p for arm, p in zip(keys, corrected, strict=True) if arm == name), default=1.0)
        for name in p_values
    }


def _unclear(found: ReleaseComparison, confidence: float) -> list[str]:
    needed = _needed(found)
    unclear = [
        f"{n} {_WHO[name]} are too few; {needed} would be enough" for name, n in found.sizes.items() if n < needed
    ]
    if found.sizes and found.n_compared < needed:
        unclear.append(
            f"{found.n_compared} control persons whom neither generator saw are too few; "
            f"{math.ceil(needed / (1 - found.set_aside))} would be enough"
        )
    for name in found.arms_attacked:
        if found.shifted(name):
            unclear.append(f"{_WHO[name]} differ from control by more than chance; give control of the same time")
        elif found.sizes[name] >= needed and not is_inside(found.aucs[name], MARGIN):
            unclear.append(
                f"the interval of the attacks on {_WHO[name]} reaches over its limit with {found.aucs[name].n} "
                f"persons; about {2 * found.aucs[name].n} would decide"
            )
    if found.sizes and not found.arms_attacked and not unclear:
        unclear.append(f"a release of fewer than {MIN_SYNTHETIC} rows cannot be attacked")
    return unclear + _unclear_rows(found, confidence)


def _unclear_rows(found: ReleaseComparison, confidence: float) -> list[str]:
    unclear = []
    if not use_separate_randomness(found.overlap, found.seeds, confidence=confidence):
        rows = needed_for_zero_events(LIMIT, confidence=confidence)
        unclear.append(
            f"{found.overlap.near} of {found.overlap.n} long rows stand in the release before; give the digests of "
            f"both seeds, or {rows} rows of {MIN_WORDS} words of which none does"
        )
    if found.overlap.near > 0 and {"left", "records_removed"} & set(found.sizes):
        unclear.append(
            f"records were taken back and {found.overlap.near} rows of the release before are still there; nothing "
            "shows that none was made from them: write them anew"
        )
    return unclear


def _details(found: ReleaseComparison, confidence: float) -> dict[str, Any]:
    n = min([*found.sizes.values(), found.n_compared]) if found.sizes else 0
    scans = _scan_p(found)
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
        "power": power(n, _needed(found), detectable_auc(n, confidence=confidence) if n > 0 else None),
    }
