"""Estimate, before a run, whether each audit has enough persons, and the smallest leak that the audit detects."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from audits.attacks.linkage.attacks import MARGINS as LINKAGE_MARGINS
from audits.attacks.linkage.excess_risk import detectable_excess
from audits.attacks.membership.membership_audit import MARGIN, guessed_roles, needed_persons
from audits.core.coin_guesses import provable
from audits.core.holdout import REFERENCE_SHARE
from audits.core.stats import (
    FAIL_LEVEL,
    detectable_auc,
    detectable_share,
    needed_for_auc,
    needed_for_share,
    needed_for_zero_events,
)
from audits.gate.policy import Policy
from audits.gate.rule import confidence_of
from audits.runner.registry import NEEDS
from audits.selftest.clean_release import UNSEEN_SHARE
from synthgen.config import Config

PERSONS, RECORDS = "persons", "records"  # units that the audits count: see `unit_of`
USUAL_RATE = 0.2  # assumed accuracy of the linkage attacks on persons who are not in train
EXTRA_INPUT = {  # key: audit; value: the input that a run does not supply to this audit
    "canaries": "a canary build (`audits canaries`, then options `--canaries` and `--canary-build` of `audits run`)",
    "accounting": "the log of a DP mechanism (option `--mechanism` of `audits run`)",
    "differencing": "the previous release (options `--previous` and `--previous-train` of `audits run`)",
}
TOO_FEW = "TOO FEW"
LIKELY_ENOUGH = "enough for a verdict, unless many records are so similar that they count as fewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What an audit can show with the available units, which are persons or records."""

    n: int  # number of units that the audit tests; an upper limit if `has_dependent_units`
    unit: str  # name of the unit, such as "persons in each of train and control"
    n_needed: int  # number of units with which the audit passes with power 0.8 (linkage: 0.9) if there is no leak
    leak: str  # smallest leak that the audit detects with power 0.8, in words
    smallest_leak: float  # `leak` as a number, in the measure of the audit
    n_minimum: int | None = None  # smallest number of units with which a pass is possible; None: `n_needed`
    epsilon_ceiling: float | None = None  # largest epsilon that the attack can prove; None if the attack proves none
    has_dependent_units: bool = False  # whether similar units count as fewer units

    @property
    def can_pass(self) -> bool:
        """Whether the audit can pass with `n` units."""
        return self.n >= (self.n_needed if self.n_minimum is None else self.n_minimum)

    def to_text(self) -> str:
        """Return the estimate as text for a terminal."""
        sufficient = LIKELY_ENOUGH if self.has_dependent_units else "enough for a verdict"
        enough = sufficient if self.n >= self.n_needed else TOO_FEW
        leak = f"smallest detectable leak: {self.leak}"
        if self.epsilon_ceiling is not None:
            leak += f"; with this number, the audit can prove an epsilon of at most {self.epsilon_ceiling:.1f}"
        return f"{self.n} {self.unit}, {self.n_needed} needed for a pass: {enough}; {leak}"

    def to_json(self) -> dict[str, Any]:
        """Return the numbers of the estimate, under the names that the results of the audits use."""
        return {name: getattr(self, name) for name in ("n", "n_needed", "smallest_leak", "epsilon_ceiling")}


Estimates = Mapping[str, Reach | str]  # key: audit; value: its estimate, or a sentence that names its missing input


def unit_of(config: Config) -> str:
    """Return "persons"; if the source has no person ids, return "records", because each record counts as a person."""
    return PERSONS if config.source.has_persons else RECORDS


def with_unit(unit: str, reach: Estimates) -> Estimates:
    """Return the estimates with `unit` in place of "persons" in their texts."""

    def renamed(estimate: Reach) -> Reach:
        leak = estimate.leak.replace("person", unit.removesuffix("s"))
        return replace(estimate, unit=estimate.unit.replace(PERSONS, unit), leak=leak)

    return {name: one if isinstance(one, str) else renamed(one) for name, one in reach.items()}


def reach_of(
    policy: Policy, n_train: int, n_control: int, n_synthetic: int, confidence: float, attempt: int = 1
) -> Estimates:
    """Return an estimate for each audit of the policy, or a sentence that names the input that a run does not supply.

    `n_train` and `n_control` are numbers of persons, and `n_synthetic` is the number of synthetic records. If this is
    not the first audit of the control persons (`attempt` above 1), a higher confidence than `confidence` is required.
    """
    smaller, attacked = (
        min(n_train, n_control),
        min(n_train, max(0, n_control - max(1, round(REFERENCE_SHARE * n_control)))),
    )
    level, each = confidence_of(attempt, confidence), "persons in each of train and control"
    without_reference = "persons in the smaller of train and control (a fifth of control is the reference)"
    # `memorization` and `identifiers` pass only if the share of persons with a leak is below a limit of at most 1 %.
    # Proving this requires at least `n_for_one_percent` persons.
    n_for_one_percent = needed_for_zero_events(0.01, confidence=level)
    auc_above_half = detectable_auc(max(1, attacked), confidence=level)
    share_above_half = detectable_share(max(1, n_synthetic), confidence=level)
    excess = detectable_excess(max(1, attacked), USUAL_RATE, confidence=level) / (1 - USUAL_RATE)
    per_person = Reach(
        n=smaller, unit=each, n_needed=n_for_one_percent, leak="one person copied", smallest_leak=1 / max(1, n_train)
    )
    attributed = (
        f"the attack assigns {0.5 + share_above_half:.1%} of the synthetic records to train instead of control"
    )
    per_record = Reach(
        n=n_synthetic,
        unit="synthetic records",
        n_needed=needed_for_share(0.10),  # to distinguish a share of 60 % from 50 %
        leak=f"{attributed} (chance: 50 %)",
        smallest_leak=share_above_half,
        has_dependent_units=True,
    )
    estimates: dict[str, Reach] = {
        **dict.fromkeys(("memorization", "identifiers"), per_person),
        **dict.fromkeys(("neighbours", "parent_recovery"), per_record),
        "membership": Reach(
            n=attacked,
            unit=without_reference,
            n_needed=needed_persons(),
            n_minimum=needed_for_auc(MARGIN),
            leak=f"an AUC of {0.5 + auc_above_half:.3f}",
            smallest_leak=auc_above_half,
            # `provable` is for replacing one person; an epsilon for adding or removing one person is half as large
            epsilon_ceiling=provable(guessed_roles(attacked), alpha=FAIL_LEVEL) / 2,
        ),
        "linkage": Reach(
            n=attacked,
            unit=without_reference,
            n_needed=max(margins[-1][0] for margins in LINKAGE_MARGINS.values()),
            leak="of the persons about whom the attack is wrong if they are in control, it is right about "
            f"{excess:.1%} if they are in train",
            smallest_leak=excess,
        ),
    }
    audits = (*policy.required, *policy.measured)
    return {name: f"this audit needs {EXTRA_INPUT[name]}" if name in NEEDS else estimates[name] for name in audits}


def selftest_warning(policy: Policy, persons: Mapping[str, int], unit: str) -> str | None:
    """Return a warning if the calibration suite probably has too few control persons for the audit `membership`.

    The suite uses a third of the control persons as a clean release. Of the others, the audit uses a fifth as
    reference.
    """
    if "membership" not in policy.selftest:
        return None
    share = (1 - REFERENCE_SHARE) * (1 - UNSEEN_SHARE)
    n, needed = min(persons["train"], int(share * persons["control"])), needed_persons()
    if n >= needed:
        return None
    return (
        f"policy {policy.name}: the self-test has {n} {unit} in the smaller of train and control, and {needed} are "
        "needed for reliable verdicts of membership; without a verdict, the release is refused after the run. "
        f"Provide {needed} {unit} in train and {math.ceil(needed / share)} in control"
    )
