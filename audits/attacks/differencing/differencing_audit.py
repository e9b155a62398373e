"""Differencing audit: decide whether two releases of one source reveal whose records changed between them.

There are four kinds of change: persons joined; persons left; records were added to persons who stayed; records of
persons who stayed were removed. The audit first tests whether the releases share too many synthetic rows. In this
case, they have a common seed, or rows were kept. For each kind of change, attacks then try to distinguish the persons
whose records were added or removed (changed persons) from control persons, whom neither generator saw
(`release_change.py`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audits.attacks.differencing import release_change
from audits.attacks.differencing.release_change import LIMIT, MIN_WORDS, Change, ChangeAttack, RowOverlap, Seeds
from audits.core import stats
from audits.core.errors import NotMeasurable
from audits.core.holdout import MIN_SYNTHETIC, REFERENCE_SHARE
from audits.core.rates import exact
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, holm
from audits.core.two_sided import envelope, exact_share, is_inside, power
from audits.core.types import AuditInputs, AuditResult, Estimate, Rng, Verdict

MARGIN = 0.10  # largest allowed distance of an AUC or a share from one half
N_ATTACKS = 5  # number of attacks on one kind of change that is assumed if no attack was made
_DESCRIPTIONS: Mapping[Change, str] = {
    "joined": "persons who joined",
    "left": "persons who left",
    "records_added": "persons who stayed and to whom records were added",
    "records_removed": "persons who stayed and of whom records were removed",
}


class Differencing:
    """Test whether the difference between this release and the previous release reveals the changed persons.

    `audits explain differencing` describes the attack and the verdicts. A membership score says how strongly a
    synthetic table suggests that a record was in train. For each score, an attack ranks persons by the difference of
    the score between the releases; the stacked attack combines all differences. Persons who stayed are scored on
    their added or removed records only. A long row has at least 20 words.

    Metrics (auc, scan_p and new_rows_share are absent if no kind of change was attacked):

    - auc: the AUC furthest from one half among all attacks and kinds of change. The interval covers the intervals of
      all these AUCs. A value of .5 is safe.
    - scan_p: smallest p-value of the scan tests of all scores and kinds of change, corrected for the number of tests.
      A scan test looks for too many or too few changed persons at the top of a ranking.
    - new_rows_share: of the synthetic rows that only one release has, the share that is nearest to a changed person,
      among equally many changed and control persons. The metric is the share furthest from one half among all
      encoders and kinds of change. A value of .5 is safe.
    - shared_rows: number of long rows of this release that are equal to a row of the previous release.
    - near_rows: number of long rows of this release that are equal to a row of the previous release, or a near copy
      (`release_change.NEAR`) of one.

    `details.power.smallest_leak` is the smallest distance of an AUC from one half that is detected with power .8, or
    None if there are no persons to compare. No epsilon follows from the AUCs, because persons do not join at random.

    Privacy: reads all texts of both releases and tables; per-record scores stay in memory.
    Randomness: see `release_change.attack_changes`.
    Reference: the scores are those of `audits/attacks/membership/scores.py`. The detection of a common seed by shared
        rows was designed for this project.
    """

    name = "differencing"

    def run(self, inputs: AuditInputs, rng: Rng, confidence: float) -> AuditResult:
        """Return how well the difference reveals the changed persons, and the verdict.

        Raises:
            NotMeasurable: no previous release was given; the reference table has too few records; or a train or
                control table has no person ids (unless shared rows or equal seeds make the audit fail).
            InputError: no word occurs in two records of the compared persons.
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
                "have a person column that identifies each person by the same id"
            )
        changed = release_change.changed_records(inputs.train, previous.train) if has_persons else {}
        controls = release_change.unseen_controls(inputs.control, inputs.train, previous.train)
        attacks = release_change.attack_changes(inputs, previous.synthetic, changed, controls, overlap, rng)
        comparison = ReleaseComparison(
            overlap=overlap,
            seeds=seeds,
            n_changed={name: len(set(table.groups)) for name, table in changed.items()},
            n_controls=len(set(controls.groups)),
            reference_share=0.0 if inputs.reference is not None else REFERENCE_SHARE,
            attacks=attacks,
            aucs={name: attack.membership.auc(confidence) for name, attack in attacks.items()},
        )
        return _judge(comparison, confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseComparison:
    """All measurements that the verdict depends on."""

    overlap: RowOverlap
    seeds: Seeds
    n_changed: Mapping[Change, int]  # number of changed persons of each kind of change that occurred
    n_controls: int  # number of control persons whom neither generator saw
    reference_share: float  # share of these control persons that becomes the reference and is not compared
    attacks: Mapping[Change, ChangeAttack]  # result of `attack_changes`
    aucs: Mapping[Change, Estimate]  # for each kind of change in `attacks`: the AUC furthest from one half

    @property
    def n_compared(self) -> int:
        """Number of control persons who are compared with changed persons."""
        return self.n_controls - round(self.reference_share * self.n_controls)

    @property
    def n_needed(self) -> int:
        """Number of changed and of control persons with which a change without a leak passes with probability .8."""
        n_attacks = max((len(attack.membership.areas) for attack in self.attacks.values()), default=N_ATTACKS)
        return stats.needed_for_auc(MARGIN, power=stats.power_of_each(n_attacks))

    def has_shift(self, name: Change) -> bool:
        """Return whether the real texts of changed and of control persons differ significantly."""
        shift = self.attacks[name].shift
        return shift is not None and not shift.low <= 0.5 <= shift.high

    def scan_p(self) -> dict[Change, float]:
        """Return for each attacked kind of change the smallest p-value of its scan tests, corrected for all tests."""
        return _corrected({n: [scan.p for scan in a.membership.scans.values()] for n, a in self.attacks.items()})


def _judge(comparison: ReleaseComparison, confidence: float) -> AuditResult:
    rows = comparison.overlap
    near = exact_share(rows.near, rows.n, confidence=confidence) if rows.n > 0 else None
    metrics = _metrics(comparison, confidence)
    fails, unclear = _fails(comparison), _unclear(comparison, confidence)
    verdict: Verdict = "fail" if fails else "insufficient" if unclear else "pass"
    auc = metrics.get("auc")
    passed = (
        "No record changed between the releases, and they do not share enough rows to suspect a common seed."
        if not comparison.n_changed
        else "The difference between the releases does not reveal the persons who changed."
    )
    return AuditResult(
        name="differencing",
        verdict=verdict,
        status="measured",
        estimate=auc if auc is not None else near,
        threshold=(0.5 - MARGIN, 0.5 + MARGIN) if auc is not None else rows.limit,
        direction="two_sided" if auc is not None else "lower_is_safer",
        metrics=metrics,
        details=_details(comparison, confidence),
        reason="; ".join(fails or unclear) or passed,
    )


def _metrics(comparison: ReleaseComparison, confidence: float) -> dict[str, Estimate]:
    metrics = {
        "shared_rows": exact(comparison.overlap.equal, confidence=confidence, n=comparison.overlap.n),
        "near_rows": exact(comparison.overlap.near, confidence=confidence, n=comparison.overlap.n),
    }
    if comparison.attacks:
        metrics["auc"] = envelope(list(comparison.aucs.values()))
        n = sum(len(attack.people.is_train) for attack in comparison.attacks.values())
        metrics["scan_p"] = exact(min(comparison.scan_p().values()), confidence=confidence, n=n)
    shares = [share for attack in comparison.attacks.values() for share in attack.shares.values()]
    if shares:
        metrics["new_rows_share"] = envelope([share.estimate(confidence) for share in shares])
    return metrics


def _fails(comparison: ReleaseComparison) -> list[str]:
    """Return the reasons for the verdict fail: shared randomness, and kinds of change that an attack reveals.

    Attacks on a kind of change with a shift (`has_shift`) do not count.
    """
    fails = []
    rows = comparison.overlap
    if rows.proves_shared_randomness(comparison.seeds):
        fails.append(
            "both releases were drawn with the same seed"
            if comparison.seeds == "equal"
            else f"{rows.near} of {rows.n} long rows also occur in the previous release, so the releases have a "
            "common seed or rows were kept"
        )
    scan_p = comparison.scan_p()
    comparable = {name: attack for name, attack in comparison.attacks.items() if not comparison.has_shift(name)}
    auc_p = _corrected({n: [a.p_beyond(MARGIN) for a in c.membership.areas.values()] for n, c in comparable.items()})
    share_p = _corrected({n: [s.p_beyond(MARGIN) for s in c.shares.values()] for n, c in comparable.items()})
    for name in comparable:
        shown_by = [
            *(["the AUC of an attack"] if auc_p[name] < FAIL_LEVEL else []),
            *(["the persons at the top of a ranking"] if scan_p[name] < CHANCE_LEVEL else []),
            *(["the persons nearest to the changed rows"] if share_p[name] < FAIL_LEVEL else []),
        ]
        if shown_by:
            fails.append(
                f"the difference between the releases reveals {_DESCRIPTIONS[name]}, as shown by "
                f"{' and '.join(shown_by)}"
            )
    return fails


def _corrected(p_values: Mapping[Change, list[float]]) -> dict[Change, float]:
    """Return each change's smallest p-value after Holm's correction for all p-values; 1 if the change has none."""
    corrected = iter(holm([p for of_change in p_values.values() for p in of_change]))
    return {name: min([next(corrected) for _ in of_change], default=1.0) for name, of_change in p_values.items()}


def _unclear(comparison: ReleaseComparison, confidence: float) -> list[str]:
    """Return the reasons for the verdict insufficient; they only count if `_fails` is empty."""
    needed = comparison.n_needed
    unclear = [
        f"{n} {_DESCRIPTIONS[name]} are too few; {needed} would be enough"
        for name, n in comparison.n_changed.items()
        if n < needed
    ]
    if comparison.n_changed and comparison.n_compared < needed:
        unclear.append(
            f"{comparison.n_compared} control persons whom neither generator saw are too few; "
            f"{math.ceil(needed / (1 - comparison.reference_share))} would be enough"
        )
    for name in comparison.attacks:
        if comparison.has_shift(name):
            unclear.append(
                f"{_DESCRIPTIONS[name]} differ significantly from control in their own texts, so a leak cannot be "
                "measured; provide control persons from the same time and place"
            )
        elif comparison.n_changed[name] >= needed and not is_inside(comparison.aucs[name], MARGIN):
            n = comparison.aucs[name].n
            unclear.append(
                f"the AUC interval of the attacks on {_DESCRIPTIONS[name]} exceeds its limit with {n} persons; about "
                f"{2 * n} are needed for a verdict"
            )
    if comparison.n_changed and not comparison.attacks and not unclear:
        unclear.append(f"a release has fewer than {MIN_SYNTHETIC} rows, which are too few for the attacks")
    rows = comparison.overlap
    if not rows.excludes_shared_randomness(comparison.seeds, confidence=confidence):
        unclear.append(_common_rows(rows, comparison.seeds, confidence))
    if rows.near > 0 and {"left", "records_removed"} & set(comparison.n_changed):
        unclear.append(
            f"records were removed, and {rows.near} rows of the previous release remain that may have been made from "
            "the removed records; generate these rows again"
        )
    return unclear


def _common_rows(rows: RowOverlap, seeds: Seeds, confidence: float) -> str:
    shared = f"{rows.near} of {rows.n} long rows also occur in the previous release"
    if seeds == "different":
        return f"{shared}, although the seeds differ; generate these rows again"
    if rows.n == 0:
        return (
            f"no row has {MIN_WORDS} words or more, so a common seed is possible; provide the digests of both seeds"
        )
    n_rows = stats.needed_for_zero_events(LIMIT, confidence=confidence)
    return (
        f"{shared}, so a common seed is possible; provide the digests of both seeds, or make {n_rows} rows of at "
        f"least {MIN_WORDS} words; none of these rows may be in the previous release"
    )


def _details(comparison: ReleaseComparison, confidence: float) -> dict[str, Any]:
    n = min([*comparison.n_changed.values(), comparison.n_compared]) if comparison.n_changed else 0
    scan_p = comparison.scan_p()
    return {
        "claim_scope": "person",
        "seeds": comparison.seeds,
        "change": "measured" if comparison.attacks else "not_measurable",
        "n_persons_by_arm": dict(comparison.n_changed),
        "n_control_persons": comparison.n_compared,
        "long_rows": comparison.overlap.n,
        "long_rows_repeated_by_chance": comparison.overlap.by_chance,
        "shared_rows_limit": comparison.overlap.limit,
        "arms": {
            name: {
                "auc": [comparison.aucs[name].value, comparison.aucs[name].low, comparison.aucs[name].high],
                "attacks": {score: area.value for score, area in attack.membership.areas.items()},
                "scan_p": scan_p[name],
                "new_rows_share": {e: [share.value, *share.ends(confidence)] for e, share in attack.shares.items()},
                "shift_auc": attack.shift and [attack.shift.value, attack.shift.low, attack.shift.high],
            }
            for name, attack in comparison.attacks.items()
        },
        "power": power(n, comparison.n_needed, stats.detectable_auc(n, confidence=confidence) if n > 0 else None),
    }
