"""Measure for one encoder how often the parents found are train persons, and test these shares against margins."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from audits.attacks.parent_recovery.noise_tolerant_attack import (
    ParentRecall,
    both_train,
    find_parent_pairs,
    first_share,
    parent_recall,
    train_share,
)
from audits.core.holdout import Arms
from audits.core.stats import FAIL_LEVEL, POWER, Scan, needed_for_share, power_of_each, scan_test
from audits.core.two_sided import is_inside
from audits.core.types import AuditInputs, persons
from audits.embeddings.distances import Share
from audits.embeddings.encoders import Encoded

MARGINS = (0.03, 0.05, 0.10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTest:
    """A share, its null value under random roles, and the margin around the null (None if there are too few rows)."""

    what: str
    share: Share
    null: float
    margin: float | None

    def is_within(self, margin: float | None, confidence: float) -> bool:
        """Return whether the whole interval lies within a margin around the null."""
        excess = self.share.estimate(confidence, less=self.null)
        return margin is not None and self.share.n > 0 and is_inside(excess, margin, centre=0.0)

    def p_beyond(self, margin: float) -> float:
        """Return the two-sided p-value of the hypothesis that the share lies within a margin around the null."""
        return self.share.p_beyond(margin, null=self.null)

    def smallest_leak(self, n_shares: int, confidence: float) -> float | None:
        """Return the smallest distance from the null at which the audit does not pass, with power .8.

        The audit does not pass if the interval exceeds the margin d, or if the share differs significantly from the
        null and exceeds the strictest margin d_0. With the standard error e:

            min(d - (z_confidence - z_.8) e,  max(d_0, (z_(1 - .05 / (2 n_shares)) + z_.8) e))
        """
        if self.margin is None:
            return None
        z, z_power = float(stats.norm.ppf(confidence)), float(stats.norm.ppf(POWER))
        z_each = float(stats.norm.ppf(1 - FAIL_LEVEL / (2 * n_shares)))
        leaving = self.margin - (z - z_power) * self.share.error
        return min(leaving, max(MARGINS[0], (z_each + z_power) * self.share.error))


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderShares:
    """Results of one encoder: three shares, the scan over persons and, with a lineage, the recall of true parents."""

    encoder: str
    train: ShareTest
    first: ShareTest
    both: ShareTest
    scan: Scan
    recall: ParentRecall | None

    @property
    def shares(self) -> tuple[ShareTest, ...]:
        """The three shares."""
        return self.train, self.first, self.both


def encoder_shares(
    encoded: Encoded, people: Arms, inputs: AuditInputs, n_shares: int, rng: np.random.Generator
) -> EncoderShares:
    """Return the results of one encoder; `n_shares` is the number of shares tested in the whole audit."""
    found = find_parent_pairs(encoded, people, rng)
    both, both_null = both_train(found, people, rng)

    def share_test(what: str, share: Share, null: float) -> ShareTest:
        return ShareTest(what=what, share=share, null=null, margin=margin_of(share, n_shares))

    return EncoderShares(
        encoder=encoded.name,
        train=share_test("the two persons between whom records lie", train_share(found, people), 0.5),
        first=share_test("the nearer of the two persons", first_share(found, people), 0.5),
        both=share_test("records that lie between two train persons", both, both_null),
        scan=scan_test(found.nearness[people.is_train], found.nearness[~people.is_train]),
        recall=None
        if inputs.lineage is None
        else parent_recall(found, people, inputs.lineage, persons(inputs.train.groups)[1]),
    )


def margin_of(share: Share, n_shares: int) -> float | None:
    """Return the strictest margin that the independent rows behind a share support, or None.

    Rows support a margin d if all safe shares of the audit together lie within d with power .8:

        n >= ((z_.95 + z_(1 - .2 / (2 · n_shares))) / (2 d))²

    The widest margin is also supported if this share alone would lie within it. The confidence of the run is not
    used, because a run with a higher confidence would otherwise get a wider margin.
    """
    power = power_of_each(n_shares)
    for margin in MARGINS:
        if share.n >= needed_for_share(margin, power=power):
            return margin
    return MARGINS[-1] if share.n >= needed_for_share(MARGINS[-1]) else None
