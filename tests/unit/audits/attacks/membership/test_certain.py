"""What an average hides: half of the persons found for certain under an AUC of .75; and the mirror."""

from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.membership.membership_audit import Membership
from audits.attacks.parent_recovery.parent_recovery_audit import ParentRecovery
from audits.core.types import AuditInputs, Lineage
from audits.gate.shipped import load_policy

RNG = np.random.default_rng


def rule(policy, metric):
    return next(r for r in load_policy(policy).rules if r.metric == metric)


def holds(policy, metric, result):
    asked = rule(policy, metric)
    end = getattr(result.metrics[metric.split(".")[1]], asked.bound)
    return end <= asked.limit if asked.op == "<=" else end >= asked.limit


@pytest.fixture(scope="module")
def town(people):
    sizes = {"train": 220, "control": 290, "fresh": 240}
    return {n: people(k, seed=i + 90, prefix=n, rows=(1, 1)) for i, (n, k) in enumerate(sizes.items())}


@pytest.fixture(scope="module")
def half_copied(town, retexted, word_dropout):
    """Return the result where every other train person is copied, and nobody else resembled."""
    copied = word_dropout(town["train"].texts[::2], 0.2)
    synthetic = retexted(town["fresh"], [*copied, *town["fresh"].texts[len(copied) :]])
    inputs = AuditInputs(synthetic=synthetic, train=town["train"], control=town["control"])
    return Membership().run(inputs, RNG(1), 0.95)


def test_half_of_the_persons_for_certain_is_an_auc_of_three_quarters(half_copied):
    nearest = half_copied.details["attacks"]["words_top1"]["auc"]
    assert 0.7 < nearest < 0.8
    assert half_copied.metrics["tpr_at_fpr_5pct"].value > 0.45


@pytest.mark.parametrize("policy", ["research", "hospital-external"])
def test_the_end_of_low_false_alarms_refuses_it(half_copied, policy):
    assert not holds(policy, "membership.tpr_at_fpr_5pct", half_copied)


@pytest.mark.parametrize("share", [0.25, 0.3])
def test_so_does_less_than_a_half_which_the_average_lets_go(town, retexted, word_dropout, share):
    n = round(share * 220)
    copied = word_dropout(town["train"].texts[:n], 0.2)
    synthetic = retexted(town["fresh"], [*copied, *town["fresh"].texts[n:]])
    inputs = AuditInputs(synthetic=synthetic, train=town["train"], control=town["control"])
    result = Membership().run(inputs, RNG(1), 0.95)
    assert holds("research", "membership.auc", result)
    assert not holds("research", "membership.tpr_at_fpr_5pct", result)


def test_fresh_people_are_within_what_research_allows(town):
    inputs = AuditInputs(synthetic=town["fresh"], train=town["train"], control=town["control"])
    result = Membership().run(inputs, RNG(1), 0.95)
    assert holds("research", "membership.auc", result)
    assert holds("research", "membership.tpr_at_fpr_5pct", result)


def test_without_persons_enough_the_number_is_missing_and_not_nought(town):
    few = replace(town["control"], texts=town["control"].texts[:110], groups=town["control"].groups[:110])
    inputs = AuditInputs(synthetic=town["fresh"], train=town["train"], control=few)
    assert "tpr_at_fpr_5pct" not in Membership().run(inputs, RNG(1), 0.95).metrics


def test_a_mirror_shows_a_leak_twice_over(town, retexted, word_dropout):
    """A tenth of either side is copied: into the table, and into what the generator writes from the other side."""

    def leaking(source, n):
        copied = word_dropout(source.texts[:n], 0.4)
        return retexted(town["fresh"], [*copied, *town["fresh"].texts[n:]])

    tables = {"synthetic": leaking(town["train"], 22), "train": town["train"], "control": town["control"]}
    alone = Membership().run(AuditInputs(**tables), RNG(1), 0.95)
    mirrored = Membership().run(AuditInputs(**tables, mirror=leaking(town["control"], 29)), RNG(1), 0.95)
    assert "mirror_auc" not in alone.metrics
    assert mirrored.metrics["auc"] == alone.metrics["auc"]
    attack = "words_top1"
    assert mirrored.details["mirror"][attack] - 0.5 > 1.4 * (alone.details["attacks"][attack]["auc"] - 0.5)
    assert "relative to the mirror table" in mirrored.reason


def test_a_mirror_of_fresh_people_shows_nothing(town, people):
    inputs = AuditInputs(
        synthetic=town["fresh"],
        train=town["train"],
        control=town["control"],
        mirror=people(200, seed=99, prefix="m", rows=(1, 1)),
    )
    result = Membership().run(inputs, RNG(1), 0.95)
    assert result.verdict != "fail"
    assert result.metrics["mirror_auc"].low < 0.5 < result.metrics["mirror_auc"].high


@pytest.mark.parametrize("policy", ["research", "hospital-external"])
def test_without_the_ledger_of_parents_there_is_no_release(town, policy):
    tables = {"synthetic": town["fresh"], "train": town["train"], "control": town["control"]}
    parents = tuple((i % 220, (i + 7) % 220) for i in range(240))
    known = Lineage(parents=parents, weights=((0.5, 0.5),) * 240)
    without, with_ledger = (
        ParentRecovery().run(AuditInputs(**tables, lineage=lineage), RNG(1), 0.95) for lineage in (None, known)
    )
    assert not holds(policy, "parent_recovery.lineage", without)
    assert holds(policy, "parent_recovery.lineage", with_ledger)
