"""Guesses of the hidden part of a record from the synthetic rows nearest to its known part."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from audits.attacks.linkage.attribute_inference import (
    Guesses,
    Secrets,
    field_secrets,
    guess_by_vote,
    guess_most_frequent,
    person_trials,
    profile_neighbours,
    profile_secrets,
    word_secrets,
)
from audits.attacks.linkage.view_retrieval import NearestRows
from audits.core.holdout import HoldoutTables
from audits.core.types import Table


def rows(*items, width):
    table = np.zeros((len(items), width))
    for i, row in enumerate(items):
        table[i, list(row)] = 1
    return sparse.csr_matrix(table)


def found(numbers, similarities):
    return NearestRows(rows=np.array(numbers), similarities=np.array(similarities, dtype=np.float32))


def secrets_of(stated, known, target, bits):
    width = len(bits)
    return Secrets(
        stated=rows(*stated, width=width),
        stated_by_reference=rows(*stated, width=width),
        known=rows(*known, width=width),
        target=rows(*target, width=width),
        bits=np.array(bits),
        n_persons=np.arange(1, width + 1),
    )


def test_rows_vote_by_similarity_and_bits():
    """Rows 0, 1, 2 have items {0, 1}, {1, 2}, {3}; item 1 is known."""
    secrets = secrets_of([{0, 1}, {1, 2}, {3}], [{1}], [{2}], [4.0, 9.0, 5.0, 8.0])
    one, three = (guess_by_vote(found([[0, 1, 2]], [[0.5, 0.375, 0.125]]), secrets, k, np.arange(4)) for k in (1, 3))
    assert (one.correct[0], one.confidence[0]) == (False, pytest.approx(1.0 * 4 * 0.5))
    assert three.correct[0] == False  # noqa: E712 - item 0 has .5 · 4 = 2, item 2 .375 · 5 = 1.875, item 3 .125 · 8 = 1
    assert three.confidence[0] == pytest.approx(0.5 * 4 * 0.5)
    dearer = secrets_of([{0, 1}, {1, 2}, {3}], [{1}], [{2}], [4.0, 9.0, 6.0, 8.0])
    turned = guess_by_vote(found([[0, 1, 2]], [[0.5, 0.375, 0.125]]), dearer, 3, np.arange(4))
    assert turned.correct[0]
    assert turned.confidence[0] == pytest.approx(0.375 * 6 * 0.5)


def test_without_a_similar_row_or_an_unknown_item_there_is_no_guess():
    secrets = secrets_of([{0}, {1}], [{0}, set(), set()], [{1}, {1}, set()], [3.0, 2.0])
    answered = guess_by_vote(found([[0], [1], [1]], [[0.5], [-0.25], [0.5]]), secrets, 1, np.arange(2))
    assert list(answered.correct) == [False, False, False]
    assert list(answered.confidence) == [0, 0, 1]
    assert list(answered.is_trial) == [True, True, False]


def test_equal_votes_are_decided_by_the_given_ranks():
    secrets = secrets_of([{0, 1}], [set()], [{1}], [3.0, 3.0])
    near = found([[0]], [[0.5]])
    assert not guess_by_vote(near, secrets, 1, np.array([0, 1])).correct[0]
    assert guess_by_vote(near, secrets, 1, np.array([1, 0])).correct[0]


def test_guess_by_vote_agrees_with_brute_force():
    rng = np.random.default_rng(3)
    n, m, width = 40, 17, 12
    stated, known, hidden = (
        [set(np.flatnonzero(rng.random(width) < 0.2)) for _ in range(size)] for size in (m, n, n)
    )
    target = [h - k for h, k in zip(hidden, known, strict=True)]
    bits, ties = rng.random(width) + 0.5, rng.permutation(width)
    near = found(np.stack([rng.permutation(m)[:6] for _ in range(n)]), -np.sort(-rng.normal(size=(n, 6)), axis=1))
    answered = guess_by_vote(near, secrets_of(stated, known, target, bits), 4, ties)
    for i in range(n):
        weights = [max(0.0, float(s)) for s in near.similarities[i, :4]]
        near_rows = list(zip(weights, near.rows[i, :4], strict=True))
        total = sum(weights) or 1.0
        votes = {
            item: bits[item] * sum(w for w, r in near_rows if item in stated[r]) / total
            for item in set(range(width)) - known[i]
        }
        best = max((v, -ties[item], item) for item, v in votes.items())
        assert answered.correct[i] == (best[0] > 0 and best[2] in target[i])
        assert answered.confidence[i] == pytest.approx(best[0] * weights[0])


def test_trial_of_a_person_is_the_most_confident_record():
    guesses = Guesses(
        is_trial=np.array([True, True, False, True, True, False]),
        correct=np.array([True, False, True, True, False, True]),
        confidence=np.array([0.25, 0.5, 0.75, 0.5, 0.5, 1.0]),
    )
    trials = person_trials(guesses, np.array([0, 0, 0, 2, 2, 5]))
    assert list(trials.person) == [0, 2]  # the record of person 5 is no trial
    assert list(trials.correct) == [False, True]
    assert list(trials.confidence) == [0.5, 0.5]


def n_targets(secrets):
    return list(np.diff(secrets.target.indptr))


def table(*texts, prefix):
    return Table(texts=texts, labels=None, groups=tuple(f"{prefix}{i}" for i in range(len(texts))), has_groups=True)


@pytest.fixture
def parts():
    return HoldoutTables(
        synthetic=table("one two three rare1 rare9 four", prefix="s"),
        train=table("one two three rare1 one four", "one two rare2 four common rare2", prefix="t"),
        control=table("common one two rare3 common three", prefix="h"),
        reference=table("common one", "two one common", "three common one", prefix="r"),
        reference_is_control=False,
    )


def test_word_targets_occur_only_in_the_second_half(parts):
    secrets = word_secrets(parts)
    assert n_targets(secrets) == [2, 1, 2]  # rare1, four; four, because rare2 is known; rare3, three
    # nobody has rare9; one, two and common are used by more than half of the six persons
    assert sorted(secrets.n_persons) == [1, 1, 1, 2, 3]
    assert secrets.bits == pytest.approx(-np.log2(secrets.n_persons / 6))
    assert secrets.stated.sum() == 3
    assert len(secrets.of_at_most(1).bits) == 3


def test_baselines_are_made_without_the_synthetic_table(parts):
    secrets = word_secrets(parts)
    assert secrets.stated_by_reference.shape[0] == 3
    near, ties = found([[0]] * 3, [[0.5]] * 3), np.arange(len(secrets.bits))
    by_reference = guess_by_vote(near, secrets, 1, ties, reference=True)
    same = guess_by_vote(near, replace(secrets, stated=secrets.stated_by_reference), 1, ties)
    assert (by_reference.confidence == same.confidence).all()
    most = guess_most_frequent(secrets)
    assert list(most.is_trial) == [True, True, True]
    assert not most.confidence.any()


def test_targets_of_fields_and_profiles_are_facts():
    train = table(
        "A 44 year old woman with asthma takes aspirin and warfarin", "Mr. Doe on insulin takes it daily", prefix="t"
    )
    control = table("A 61 year old man with gout takes digoxin", prefix="h")
    parts = HoldoutTables(
        synthetic=table("She is on aspirin", prefix="s"),
        train=train,
        control=control,
        reference=table(*["nothing"] * 8, prefix="r"),
        reference_is_control=False,
    )
    stated = [frozenset({"drug:aspirin"})]
    assert n_targets(field_secrets(parts, stated)) == [2, 0, 1]  # insulin occurs in the first half
    profiles = [frozenset({"age:40", "sex:f"}), frozenset({"sex:m"}), frozenset({"age:60", "sex:m"})]
    target = profile_secrets(parts, stated, profiles)
    assert n_targets(target) == [2, 0, 1]  # one known fact is no profile
    assert target.stated.sum() == 1


def test_row_with_the_rarer_common_fact_is_nearer():
    rows_of = [frozenset(items) for items in ({"sex:f", "age:20"}, {"sex:m", "age:90"}, {"sex:m", "age:30"}, set())]
    reference = [frozenset({"sex:f", "age:20"})] * 3 + [frozenset({"sex:f", "age:30"})] * 3 + [frozenset({"sex:m"})]
    near = profile_neighbours([frozenset({"sex:f", "age:90"}), frozenset({"sex:m", "age:30"})], rows_of, reference)
    assert near.rows[0, 0] == 1
    assert near.rows[1, 0] == 2
    assert near.similarities[1, 0] == pytest.approx(1, abs=1e-6)
