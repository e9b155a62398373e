"""Comparison of two releases: shared rows, a common seed, changed records, and attacks by the difference."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.differencing.release_change import (
    CHANGES,
    LIMIT,
    attack_changes,
    changed_records,
    concatenate_changes,
    row_overlap,
    seeds_of,
    unseen_controls,
)
from audits.attacks.membership.attack import STACKED
from audits.core.stats import auc
from audits.core.types import AuditInputs, Previous, Table

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


def test_changed_records_are_sorted_by_kind_of_change():
    then = table([("ann", "x"), ("bo", "y"), ("cy", "z"), ("cy", "w"), ("di", "v")])
    now = table([("ann", "x"), ("cy", "z"), ("cy", "new"), ("eve", "u"), ("eve", "t"), ("di", "v")])
    found = changed_records(now, then)
    assert records(found) == {
        "joined": [("eve", "u"), ("eve", "t")],
        "left": [("bo", "y")],
        "records_added": [("cy", "new")],
        "records_removed": [("cy", "w")],
    }
    assert tuple(found) == CHANGES
    assert all(t.labels is None and not t.vectors for t in found.values())


RECORD = st.tuples(st.sampled_from("abcde"), st.sampled_from("uvwxyz"))
RECORDS = st.lists(RECORD, min_size=1, max_size=12, unique=True)


@given(RECORDS, RECORDS)
def test_exchanging_the_releases_exchanges_the_kinds_of_change(now, then):
    exchanged = dict(zip(CHANGES, ("left", "joined", "records_removed", "records_added"), strict=True))
    there, back = (records(changed_records(table(a), table(b))) for a, b in ((now, then), (then, now)))
    assert {exchanged[name]: rows for name, rows in there.items()} == back
    assert sum(map(len, there.values())) == len(set(now) ^ set(then))
    assert changed_records(table(now), table(now[::-1])) == {}


def test_control_persons_whom_a_generator_saw_are_excluded():
    control = table([("ann", "x"), ("zoe", "q"), ("bo", "y"), ("zoe", "r")])
    left = unseen_controls(control, table([("bo", "y")]), table([("ann", "x")]))
    assert left.groups == ("zoe", "zoe")


def test_person_of_two_arms_counts_as_two():
    found = changed_records(table([("ann", "x"), ("ann", "z")]), table([("ann", "x"), ("ann", "y")]))
    assert concatenate_changes(found).groups == ("records_added\0ann", "records_removed\0ann")
    assert concatenate_changes(found).texts == ("z", "y")


@pytest.fixture(scope="module")
def attacks(people, retexted, word_dropout):
    """Return the attacks on 60 persons who joined and were copied, and 50 who left and were not."""
    sizes = [(40, "t"), (60, "n"), (50, "l"), (90, "h")]
    stay, joined, left, control = (people(n, seed=i + 40, prefix=p, rows=(1, 2)) for i, (n, p) in enumerate(sizes))
    fresh, then = (people(n, seed=i + 60, prefix=p, rows=(1, 1)) for i, (n, p) in enumerate([(120, "u"), (110, "s")]))
    copies = word_dropout(joined.texts, 0.3)
    now = retexted(fresh, [*copies, *fresh.texts[len(copies) :]])

    def both(a, b):
        return replace(a, texts=a.texts + b.texts, groups=a.groups + b.groups)

    changed = changed_records(both(stay, joined), both(stay, left))
    inputs = AuditInputs(synthetic=now, train=stay, control=control)
    return attack_changes(inputs, then, changed, control, row_overlap(now, then), RNG(1))


def test_difference_reveals_the_copied_persons_and_no_others(attacks):
    pooled = {name: (f.membership.scores[STACKED], f.people.is_train) for name, f in attacks.items()}
    areas = {name: auc(scores[is_train], scores[~is_train]) for name, (scores, is_train) in pooled.items()}
    assert areas["joined"] > 0.95
    assert 0.3 < areas["left"] < 0.7
    assert min(s.p for s in attacks["joined"].membership.scans.values()) < 1e-9


def test_new_rows_are_nearest_to_the_copied_persons(attacks):
    assert all(share.value > 0.7 for share in attacks["joined"].shares.values())
    assert all(0.3 < share.value < 0.7 for share in attacks["left"].shares.values())
    assert set(attacks["left"].shares) == {"words", "characters"}


def test_all_changes_are_compared_with_the_same_control(attacks):
    sizes = {name: (f.people.n_train, f.people.n_control) for name, f in attacks.items()}
    assert sizes == {"joined": (60, 72), "left": (50, 72)}
    assert all(f.shift is not None and f.shift.low <= 0.5 <= f.shift.high for f in attacks.values())


WORDS = [f"word{i}" for i in range(900)]


def rows_of(texts):
    return table([(f"s{i}", text) for i, text in enumerate(texts)])


def written(n, *, seed, words=30):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=words)) for _ in range(n)]


def test_long_rows_are_compared_without_case_and_spaces():
    then = [*written(5, seed=1), "no complaints today"]
    now = [then[0], then[1].upper(), f"  {then[2].replace(' ', '   ')}", "no complaints today", *written(3, seed=2)]
    overlap = row_overlap(rows_of(now), rows_of(then))
    assert (overlap.n, overlap.equal, overlap.near) == (6, 3, 3)
    assert overlap.is_new.tolist() == [False] * 4 + [True] * 3
    assert overlap.is_gone.tolist() == [False, False, False, True, True, False]
    assert overlap.by_chance == 0.0
    assert overlap.limit == LIMIT


def test_row_with_two_changed_words_is_near_and_not_equal():
    then = written(4, seed=1, words=60)
    now = [then[0].rsplit(" ", 2)[0] + " other end", *written(6, seed=2)]
    overlap = row_overlap(rows_of(now), rows_of(then))
    assert (overlap.equal, overlap.near) == (0, 1)
    assert overlap.is_gone.tolist() == [False, True, True, True]


def test_row_of_twenty_words_is_long():
    texts = written(1, seed=1, words=19) + written(1, seed=2, words=20)
    assert row_overlap(rows_of(texts), rows_of(texts)).n == 1


def test_rows_repeated_within_a_release_raise_the_limit():
    template = written(1, seed=9)[0]
    now, then = ([*[template] * k, *written(40 - k, seed=s)] for k, s in ((4, 1), (6, 2)))
    overlap = row_overlap(rows_of(now), rows_of(then))
    assert overlap.by_chance == pytest.approx(6 / 40)
    assert overlap.limit == pytest.approx(12 / 40)
    assert not overlap.proves_shared_randomness("unknown")


@pytest.mark.parametrize(
    ("n", "shared", "seeds", "common", "apart"),
    [
        (320, 0, "unknown", False, True),
        (320, 0, "different", False, True),
        (320, 0, "equal", True, False),
        (298, 0, "unknown", False, False),  # 299 rows without a shared one prove a share of at most 1 %
        (299, 0, "unknown", False, True),
        (60, 0, "different", False, True),
        (60, 1, "different", False, False),
        (60, 1, "unknown", False, False),
        (60, 5, "different", True, False),
        (0, 0, "unknown", False, False),
        (0, 0, "different", False, True),
    ],
)
def test_common_seed_is_proven_or_excluded_or_neither(n, shared, seeds, common, apart):
    now, then = written(n, seed=1), written(50, seed=2)
    now = [*then[:shared], *now[shared:]]
    overlap = row_overlap(rows_of([*now, "short"]), rows_of(then))
    assert (overlap.n, overlap.equal) == (n, shared)
    assert overlap.proves_shared_randomness(seeds) == common
    assert overlap.excludes_shared_randomness(seeds, confidence=0.95) == apart


@pytest.mark.parametrize(("now", "seeds"), [("a", "equal"), ("b", "different"), (None, "unknown")])
def test_seeds_are_known_only_if_both_digests_are_given(now, seeds):
    tables = {"synthetic": rows_of(["s"]), "train": rows_of(["t"])}
    assert seeds_of(Previous(**tables, seed_digest="a", seed_digest_now=now)) == seeds
    assert seeds_of(Previous(**tables, seed_digest=None, seed_digest_now=now)) == "unknown"


def test_independent_rows_of_a_small_vocabulary_stay_below_the_limit():
    rng = np.random.default_rng(0)
    now, then = ([" ".join(rng.choice(["pain", "none"], size=20)) for _ in range(700)] for _ in range(2))
    overlap = row_overlap(rows_of(now), rows_of(then))
    assert overlap.equal / overlap.n < LIMIT
    assert not overlap.proves_shared_randomness("unknown")
