"""The differencing audit: do two releases of the same source betray who joined or left in between?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.core.errors import NotMeasurable
from audits.core.holdout import MIN_PERSONS, MIN_SYNTHETIC, REFERENCE_SHARE, hold_out
from audits.core.rates import exact
from audits.core.stats import (
    auc_delong,
    clopper_pearson,
    detectable_auc,
    holm,
    needed_for_auc,
    needed_for_zero_events,
)
from audits.core.two_sided import auc_estimate, is_inside, is_outside, power
from audits.core.types import AuditInputs, AuditResult, Estimate, Table, Verdict
from audits.differencing.kept_rows import (
    LIMIT,
    MIN_WORDS,
    Carried,
    Seeds,
    carried_rows,
    is_apart,
    is_common,
    seeds_of,
)
from audits.differencing.release_change import (
    ArmName,
    Followed,
    bare,
    changed_records,
    follow,
    one_table,
    strangers,
)

MARGIN = 0.10

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
    releases and subtracted; the attack is chosen and measured on different persons, as in `membership`.

    auc: of the arm that is furthest from one half; .5 is safe.
    scan_p: smallest p-value of the exact scans of all attacks and arms, corrected for how many there are.
    new_rows_share: of synthetic rows that only one release has, those whose nearest person is of the arm and not of
        control; of the encoder and arm furthest from one half.
    shared_rows: rows of at least 20 words that stand letter by letter in the release before.
    near_rows: those and the rows that nearly stand there (Jaccard of 5-token shingles at least .8).

    A hard failure: both releases had the same seed, or surely more than 1 % of the long rows nearly stand in the
    release before (or twice the share that a release repeats by itself, where that is more). It also fails where an
    AUC's or share's interval lies outside [.40, .60], corrected for their number, or a scan is significant. It passes
    when every AUC's interval lies inside with at least 104 persons in each arm and in control, and too few rows are
    shared to suspect a common seed; the shares can fail a release and clear none. Where not one record changed, there
    is nobody to betray: the change is not measurable, the numbers about it are missing, and the verdict rests on the
    shared rows alone.

    Two things hold a pass up. If an arm differs from control without any release (a later year, another ward), an
    attack sees the season and not the person. And if anybody left while long rows of the release before are still
    there, nothing shows that none of these was made from them: the parents of rows (`lineage`) name rows of the train
    table of now, which no longer holds who left, so they prove it for rows written anew and for no others.

    The smallest leak in `power` is an AUC so far from one half. It says nothing about epsilon, because who joins is
    not decided by a coin; where epsilon is claimed, `accounting` adds up the releases.

    Privacy: reads all texts of both releases and tables; per-record scores stay in memory.
    Random: persons set aside, one seed for the encoders, folds, draws and bootstrap of each arm.
    Cost: that of the membership audit for each of the two releases.
    Source: the scores as in `audits/membership/scores.py`; that a fixed seed shows the change by itself, ours.
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
        carried = carried_rows(inputs.synthetic, previous.synthetic)
        seeds = seeds_of(previous)
        named = inputs.train.has_groups and previous.train.has_groups and inputs.control.has_groups
        if not named and not is_common(carried, seeds, confidence=confidence):
            raise NotMeasurable(
                "who joined or left cannot be told: the train tables of both releases and control must name persons, "
                "in the same way"
            )
        changed = changed_records(inputs.train, previous.train) if named else {}
        controls = strangers(inputs.control, inputs.train, previous.train)
        followed = _follow(inputs, previous.synthetic, changed, controls, carried, rng)
        found = _Found(
            carried=carried,
            seeds=seeds,
            sizes={name: len(set(table.groups)) for name, table in changed.items()},
            n_controls=len(set(controls.groups)),
            set_aside=0.0 if inputs.reference is not None else REFERENCE_SHARE,
            followed=followed,
            aucs={name: _auc(f, rng, confidence) for name, f in followed.items()},
        )
        return _judge(found, confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """All that was measured.

    Args:
        carried: the rows both releases have.
        seeds: what is known of them.
        sizes: the persons of each arm that is not empty.
        n_controls: control persons whom neither generator saw.
        set_aside: the share of them that is fitted on.
        followed: of each arm of at least 20 persons.
        aucs: the same.
    """

    carried: Carried
    seeds: Seeds
    sizes: Mapping[ArmName, int]
    n_controls: int
    set_aside: float
    followed: Mapping[ArmName, Followed]
    aucs: Mapping[ArmName, Estimate]

    @property
    def n_compared(self) -> int:
        """Control persons that are left to compare with."""
        return self.n_controls - round(self.set_aside * self.n_controls)

    def shifted(self, name: ArmName) -> bool:
        """Return whether the arm differs from control without any release."""
        shift = self.followed[name].shift
        return shift is not None and not shift.low <= 0.5 <= shift.high


def _follow(
    inputs: AuditInputs,
    then: Table,
    changed: Mapping[ArmName, Table],
    controls: Table,
    carried: Carried,
    rng: np.random.Generator,
) -> Mapping[ArmName, Followed]:
    """Return what follows each arm that has persons enough to be attacked at all."""
    large = {name: table for name, table in changed.items() if len(set(table.groups)) >= MIN_PERSONS}
    too_few = len(set(controls.groups)) < MIN_PERSONS or min(len(inputs.synthetic), len(then)) < MIN_SYNTHETIC
    if not large or too_few:
        return {}
    parts = hold_out(
        AuditInputs(
            synthetic=bare(inputs.synthetic),
            train=one_table(large),
            control=controls,
            reference=None if inputs.reference is None else bare(inputs.reference),
        ),
        rng,
    )
    return follow(large, parts, then, carried, rng)


def _auc(followed: Followed, rng: np.random.Generator, confidence: float) -> Estimate:
    pooled, is_changed = followed.attacked.pooled, followed.people.is_train
    return auc_estimate(pooled[is_changed], pooled[~is_changed], rng, confidence=confidence)


def _judge(found: _Found, confidence: float) -> AuditResult:
    shared = _shared_share(found.carried, confidence)
    metrics = _metrics(found, confidence)
    fails = _fails(found, confidence)
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
        threshold=(0.5 - MARGIN, 0.5 + MARGIN) if area is not None else found.carried.limit,
        direction="two_sided" if area is not None else "lower_is_safer",
        metrics=metrics,
        details=_details(found, confidence),
        reason="; ".join(fails or unclear) or passed,
    )


def _shared_share(carried: Carried, confidence: float) -> Estimate | None:
    if carried.n == 0:
        return None
    low, high = clopper_pearson(carried.near, carried.n, confidence=confidence)
    return Estimate(value=carried.near / carried.n, low=low, high=high, confidence=confidence, n=carried.n)


def _scan_p(found: _Found) -> dict[ArmName, float]:
    """Return the smallest corrected p-value of each arm."""
    keys = [(name, a) for name, f in found.followed.items() for a in f.attacked.scans]
    corrected = holm([found.followed[name].attacked.scans[a].p for name, a in keys])
    return {
        name: min(p for (arm, _), p in zip(keys, corrected, strict=True) if arm == name) for name in found.followed
    }


def _metrics(found: _Found, confidence: float) -> dict[str, Estimate]:
    metrics = {
        "shared_rows": exact(found.carried.equal, confidence=confidence, n=found.carried.n),
        "near_rows": exact(found.carried.near, confidence=confidence, n=found.carried.n),
    }
    if found.followed:
        metrics["auc"] = max(found.aucs.values(), key=lambda e: max(e.high - 0.5, 0.5 - e.low))
        n = sum(len(f.people.is_train) for f in found.followed.values())
        metrics["scan_p"] = exact(min(_scan_p(found).values()), confidence=confidence, n=n)
    shares = [share for f in found.followed.values() for share in f.shares.values()]
    if shares:
        worst = max(shares, key=lambda s: abs(s.value - 0.5) + s.error)
        metrics["new_rows_share"] = worst.estimate(confidence)
    return metrics


def _fails(found: _Found, confidence: float) -> list[str]:
    fails = []
    if is_common(found.carried, found.seeds, confidence=confidence):
        fails.append(
            "both releases were drawn with the same seed"
            if found.seeds == "equal"
            else f"{found.carried.near} of {found.carried.n} long rows stand in the release before, as with a "
            "common seed or kept rows"
        )
    scans = _scan_p(found)
    n_shares = sum(len(f.shares) for f in found.followed.values())
    for name, followed in found.followed.items():
        if found.shifted(name):
            continue
        pooled, is_changed = followed.attacked.pooled, followed.people.is_train
        ends = auc_delong(
            pooled[is_changed], pooled[~is_changed], confidence=1 - (1 - confidence) / len(found.followed)
        )
        seen = [
            *(["the attacks"] if is_outside(ends, MARGIN) else []),
            *(["who stands at the top of a ranking"] if scans[name] < 1 - confidence else []),
            *(
                ["whose records are nearest to the rows that changed"]
                if any(is_outside(s.ends(1 - (1 - confidence) / n_shares), MARGIN) for s in followed.shares.values())
                else []
            ),
        ]
        if seen:
            fails.append(f"the difference between the releases shows {_WHO[name]}, by {', and by '.join(seen)}")
    return fails


def _unclear(found: _Found, confidence: float) -> list[str]:
    needed = needed_for_auc(MARGIN, confidence=confidence)
    unclear = [
        f"{n} {_WHO[name]} are too few; {needed} would be enough" for name, n in found.sizes.items() if n < needed
    ]
    if found.sizes and found.n_compared < needed:
        unclear.append(
            f"{found.n_compared} control persons whom neither generator saw are too few; "
            f"{math.ceil(needed / (1 - found.set_aside))} would be enough"
        )
    for name in found.followed:
        if found.shifted(name):
            unclear.append(f"{_WHO[name]} differ from control by more than chance; give control of the same time")
        elif found.sizes[name] >= needed and not is_inside(found.aucs[name], MARGIN):
            unclear.append(
                f"the interval of the attacks on {_WHO[name]} reaches over its limit with {found.aucs[name].n} "
                f"persons; about {2 * found.aucs[name].n} would decide"
            )
    if found.sizes and not found.followed and not unclear:
        unclear.append(f"a release of fewer than {MIN_SYNTHETIC} rows cannot be attacked")
    return unclear + _unclear_rows(found, confidence)


def _unclear_rows(found: _Found, confidence: float) -> list[str]:
    unclear = []
    if not is_apart(found.carried, found.seeds, confidence=confidence):
        rows = needed_for_zero_events(LIMIT, confidence=confidence)
        unclear.append(
            f"{found.carried.near} of {found.carried.n} long rows stand in the release before; give the digests of "
            f"both seeds, or {rows} rows of {MIN_WORDS} words of which none does"
        )
    if found.carried.near > 0 and {"left", "records_removed"} & set(found.sizes):
        unclear.append(
            f"records were taken back and {found.carried.near} rows of the release before are still there; nothing "
            "shows that none was made from them: write them anew"
        )
    return unclear


def _details(found: _Found, confidence: float) -> dict[str, Any]:
    n = min([*found.sizes.values(), found.n_compared]) if found.sizes else 0
    scans = _scan_p(found)
    return {
        "claim_scope": "person",
        "seeds": found.seeds,
        "change": "measured" if found.followed else "not_measurable",
        "n_persons_by_arm": dict(found.sizes),
        "n_control_persons": found.n_compared,
        "long_rows": found.carried.n,
        "long_rows_repeated_by_chance": found.carried.by_chance,
        "shared_rows_limit": found.carried.limit,
        "arms": {
            name: {
                "auc": [found.aucs[name].value, found.aucs[name].low, found.aucs[name].high],
                "attack_of_each_fold": list(f.attacked.chosen),
                "scan_p": scans[name],
                "new_rows_share": {e: [s.value, *s.ends(confidence)] for e, s in f.shares.items()},
                "shift_auc": None if f.shift is None else [f.shift.value, f.shift.low, f.shift.high],
            }
            for name, f in found.followed.items()
        },
        "power": power(
            n,
            needed_for_auc(MARGIN, confidence=confidence),
            detectable_auc(n, confidence=confidence) if n > 0 else None,
        ),
    }
