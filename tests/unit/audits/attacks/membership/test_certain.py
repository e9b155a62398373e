"""Leaks that an average hides, and the mirror table."""

import numpy as np
import pytest

from audits.attacks.membership.membership_audit import Membership
from audits.attacks.parent_recovery.parent_recovery_audit import ParentRecovery
from audits.core.types import AuditInputs, Lineage
from audits.gate.shipped import load_policy


def holds(policy, metric, result):
    rule = next(r for r in load_policy(policy).rules if r.metric == metric)
    end = getattr(result.metrics[metric.split(".")[1]], rule.bound)
    return end <= rule.limit if rule.op == "<=" else end >= rule.limit


@pytest.fixture(scope="module")
def town(people):
    sizes = {"train": 220, "control": 290, "fresh": 240}
    return {n: people(k, seed=i + 90, prefix=n, rows=(1, 1)) for i, (n, k) in enumerate(sizes.items())}


def judged(town, synthetic, **tables):
    inputs = AuditInputs(**{"synthetic": synthetic, "train": town["train"], "control": town["control"], **tables})
    return Membership().run(inputs, np.random.default_rng(1), 0.95)


@pytest.fixture(scope="module")
def release(town, retexted, word_dropout):
    """Return a function that writes a table of copies with dropped words, filled up with fresh persons."""

    def write(texts, rate):
        copied = word_dropout(texts, rate)
        return retexted(town["fresh"], [*copied, *town["fresh"].texts[len(copied) :]])

    return write


def test_copying_half_of_the_persons_violates_the_true_positive_rate(town, release):
    result = judged(town, release(town["train"].texts[::2], 0.2))
    assert 0.7 < result.details["attacks"]["words_top1"]["auc"] < 0.8
    assert result.metrics["tpr_at_fpr_5pct"].value > 0.45
    for policy in ("research", "hospital-external"):
        assert not holds(policy, "membership.tpr_at_fpr_5pct", result)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.3])
def test_the_true_positive_rate_detects_copies_that_the_auc_misses(town, release, share):
    result = judged(town, release(town["train"].texts[: round(share * 220)], 0.2))
    assert holds("research", "membership.auc", result)
    assert holds("research", "membership.tpr_at_fpr_5pct", result) == (share == 0)


def test_a_mirror_doubles_the_effect_of_a_leak(town, release):
    """A tenth of train is copied into the table, and a tenth of control into the mirror."""
    synthetic, mirror = release(town["train"].texts[:22], 0.4), release(town["control"].texts[:29], 0.4)
    alone, mirrored = judged(town, synthetic), judged(town, synthetic, mirror=mirror)
    assert "mirror_auc" not in alone.metrics
    assert mirrored.metrics["auc"] == alone.metrics["auc"]
    attack = "words_top1"
    assert mirrored.details["mirror"][attack] - 0.5 > 1.4 * (alone.details["attacks"][attack]["auc"] - 0.5)
    assert "relative to the mirror table" in mirrored.reason


def test_a_mirror_of_fresh_people_does_not_fail(town, people):
    result = judged(town, town["fresh"], mirror=people(200, seed=99, prefix="m", rows=(1, 1)))
    assert result.verdict != "fail"
    assert result.metrics["mirror_auc"].low < 0.5 < result.metrics["mirror_auc"].high


@pytest.mark.parametrize("policy", ["research", "hospital-external"])
def test_policies_require_the_lineage(town, policy):
    tables = {"synthetic": town["fresh"], "train": town["train"], "control": town["control"]}
    parents = tuple((i % 220, (i + 7) % 220) for i in range(240))
    known = Lineage(parents=parents, weights=((0.5, 0.5),) * 240)
    for lineage in (None, known):
        result = ParentRecovery().run(AuditInputs(**tables, lineage=lineage), np.random.default_rng(1), 0.95)
        assert holds(policy, "parent_recovery.lineage", result) == (lineage is not None)
