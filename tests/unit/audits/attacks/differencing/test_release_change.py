"""What changed between two releases, and whether their difference follows it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.differencing.kept_rows import row_overlap
from audits.attacks.differencing.release_change import (
    ARMS,
    attack_arms,
    changed_records,
    concatenate_arms,
    unseen_controls,
)
from audits.core.holdout import hold_out
from audits.core.stats import auc
from audits.core.types import AuditInputs, Table

RNG = np.random.default_rng


def table(records):
    return Table(
        texts=tuple(text for _, text in records),
        labels=tuple("ab"[i % 2] for i in range(len(records))),
        groups=tuple(group for group, _ in records),
        has_groups=True,
        vectors={"e": np.zeros((len(records), 3), dtype=np.float32)},
    )


def records(found):
    return {name: list(zip(t.groups, t.texts, strict=True)) for name, t in found.items()}


def test_records_are_sorted_by_whether_their_person_stayed():
    then = table([("ann", "x"), ("bo", "y"), ("cy", "z"), ("cy", "w"), ("di", "v")])
    now = table([("ann", "x"), ("cy", "z"), ("cy", "new"), ("eve", "u"), ("eve", "t"), ("di", "v")])
    found = changed_records(now, then)
    assert records(found) == {
        "joined": [("eve", "u"), ("eve", "t")],
        "left": [("bo", "y")],
        "records_added": [("cy", "new")],
        "records_removed": [("cy", "w")],
    }
    assert tuple(found) == ARMS
    assert all(t.labels is None and not t.vectors for t in found.values())


RECORDS = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from("uvwxyz")), min_size=1, max_size=12, unique=True
)


@given(RECORDS, RECORDS)
def test_turning_time_round_turns_the_arms_round(now, then):
    turned = dict(zip(ARMS, ("left", "joined", "records_removed", "records_added"), strict=True))
    there, back = (records(changed_records(table(a), table(b))) for a, b in ((now, then), (then, now)))
    assert {turned[name]: rows for name, rows in there.items()} == back
    assert sum(map(len, there.values())) == len(set(now) ^ set(then))


def test_nothing_changes_where_records_are_the_same_in_another_order():
    rows = [("ann", "x"), ("bo", "y"), ("ann", "z")]
    assert changed_records(table(rows), table(rows[::-1])) == {}


def test_control_persons_whom_a_generator_saw_are_no_control():
    control = table([("ann", "x"), ("zoe", "q"), ("bo", "y"), ("zoe", "r")])
    left = unseen_controls(control, table([("bo", "y")]), table([("ann", "x")]))
    assert left.groups == ("zoe", "zoe")


def test_a_person_of_two_arms_is_two():
    found = changed_records(table([("ann", "x"), ("ann", "z")]), table([("ann", "x"), ("ann", "y")]))
    assert concatenate_arms(found).groups == ("records_added\0ann", "records_removed\0ann")
    assert concatenate_arms(found).texts == ("z", "y")


@pytest.fixture(scope="module")
def arms_attacked(people, retexted, word_dropout):
    """Return what follows 60 persons who joined and were copied, and 50 who left and were not."""
    stay, joined, left, control = (
        people(n, seed=i + 40, prefix=p, rows=(1, 2))
        for i, (n, p) in enumerate([(40, "t"), (60, "n"), (50, "l"), (90, "h")])
    )
    fresh, then = (people(n, seed=i + 60, prefix=p, rows=(1, 1)) for i, (n, p) in enumerate([(120, "u"), (110, "s")]))
    copies = word_dropout(joined.texts, 0.3)
    now = retexted(fresh, [*copies, *fresh.texts[len(copies) :]])

    def both(a, b):
        return replace(a, texts=a.texts + b.texts, groups=a.groups + b.groups)

    changed = changed_records(both(stay, joined), both(stay, left))
    parts = hold_out(AuditInputs(synthetic=now, train=concatenate_arms(changed), control=control), RNG(0))
    return attack_arms(changed, parts, then, row_overlap(now, then), RNG(1))


def test_the_difference_follows_those_who_were_copied_and_no_others(arms_attacked):
    areas = {
        name: auc(f.membership.pooled[f.people.is_train], f.membership.pooled[~f.people.is_train])
        for name, f in arms_attacked.items()
    }
    assert areas["joined"] > 0.95
    assert 0.3 < areas["left"] < 0.7
    assert min(s.p for s in arms_attacked["joined"].membership.scans.values()) < 1e-9


def test_the_rows_that_are_new_lie_at_those_who_were_copied(arms_attacked):
    assert all(share.value > 0.7 for share in arms_attacked["joined"].shares.values())
    assert all(0.3 < share.value < 0.7 for share in arms_attacked["left"].shares.values())
    assert set(arms_attacked["left"].shares) == {"words", "characters"}


def test_each_arm_is_compared_with_the_same_control(arms_attacked):
    assert [(name, f.people.n_train, f.people.n_control) for name, f in arms_attacked.items()] == [
        ("joined", 60, 72),
        ("left", 50, 72),
    ]
    assert all(f.shift is not None and f.shift.low <= 0.5 <= f.shift.high for f in arms_attacked.values())
