"""Making canaries: no text of train, fair coins, labels, near-identical rows, and refused arguments."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from audits.attacks.canaries import kinds
from audits.attacks.canaries.kinds import FAMILIES, _unusable, make_canaries
from audits.attacks.canaries.word_pool import BUILT_IN_WORDS
from audits.core.errors import InputError
from audits.core.types import Table, persons
from audits.text.normalise import tokens

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def train(people):
    table = people(70, seed=1, prefix="t")
    return replace(table, labels=tuple("aaab"[i % 4] if i % 9 else "c" for i in range(len(table))))


@pytest.fixture(scope="module")
def reference(people):
    table = people(80, seed=2, prefix="r")
    return replace(table, labels=tuple("ab"[i % 2] for i in range(len(table))))


@pytest.fixture(scope="module")
def planted(train, reference):
    return make_canaries(train, reference, 120, RNG(0))


def runs_of(texts, k=8):
    return {tuple(w[i : i + k]) for w in map(tokens, texts) for i in range(len(w) - k + 1)}


def test_each_canary_is_a_person_with_its_number_of_rows(planted, train):
    names, person = persons(planted.table.groups)
    assert len(names) == len(planted.family) == len(planted.inserted) == 120
    assert not set(names) & set(train.groups)
    assert planted.family == tuple(FAMILIES[i % 4] for i in range(120))
    rows = np.bincount(person)
    outlier = np.array(planted.family) == "outlier"
    assert Counter(rows[outlier].tolist()) == {1: 10, 4: 10, 16: 10}
    assert set(rows[~outlier].tolist()) == {1}


def test_insert_contains_exactly_the_inserted_persons(planted):
    names, person = persons(planted.table.groups)
    wanted = [i for i, p in enumerate(person) if planted.inserted[p]]
    assert planted.insert.texts == tuple(planted.table.texts[i] for i in wanted)
    assert set(planted.insert.groups) == {n for n, is_in in zip(names, planted.inserted, strict=True) if is_in}
    assert planted.insert.labels == tuple(planted.table.labels[i] for i in wanted)


def test_coins_are_fair_and_independent_of_the_family(train, monkeypatch):
    monkeypatch.setattr(kinds, "FAMILIES", ("semantic", "outlier"))
    monkeypatch.setattr(kinds, "REPEATS", (1, 2))
    planted = make_canaries(train, None, 1500, RNG(4))
    assert stats.binomtest(int(planted.inserted.sum()), 1500, 0.5).pvalue > 1e-3
    of_outliers = planted.inserted[np.array(planted.family) == "outlier"]
    assert stats.binomtest(int(of_outliers.sum()), len(of_outliers), 0.5).pvalue > 1e-3


def test_no_run_of_eight_words_of_train_and_no_ending_twice(planted, train):
    assert not runs_of(planted.table.texts) & runs_of(train.texts)
    first = np.unique(persons(planted.table.groups)[1], return_index=True)[1]
    endings = [tuple(tokens(planted.table.texts[i])[-8:]) for i in first]
    assert len(set(endings)) == len(endings)


def test_reference_rows_that_repeat_train_are_not_used(train, reference, monkeypatch):
    texts = (*reference.texts[:3], *train.texts)
    mixed = Table(texts=texts, labels=None, groups=tuple(map(str, range(len(texts)))), has_groups=True)
    monkeypatch.setattr(kinds, "FAMILIES", ("suffix", "semantic"))
    planted = make_canaries(train, mixed, 40, RNG(1))
    assert not runs_of(planted.table.texts) & runs_of(train.texts)
    begun = {text.split()[0] for text in planted.table.texts}
    assert begun == {text.split()[0] for text in reference.texts[:3]}


def test_labels_follow_the_stated_rule(planted, reference):
    first = np.unique(persons(planted.table.groups)[1], return_index=True)[1]
    found = {family: Counter() for family in FAMILIES}
    for p, i in enumerate(first):
        found[planted.family[p]][planted.table.labels[i]] += 1
    assert set(found["outlier"]) == {"b", "c"}  # train's largest class is a
    assert all(set(found[family]) == {"a", "b", "c"} for family in ("suffix", "semantic", "sampled"))
    beginnings = {label: set() for label in "ab"}
    for text, label in zip(reference.texts, reference.labels, strict=True):
        beginnings[label].add(tuple(text.split()[:12]))
    for p, i in enumerate(first):
        label = planted.table.labels[i]
        if planted.family[p] == "suffix" and label != "c":
            assert tuple(planted.table.texts[i].split()[:12]) in beginnings[label]


def test_tables_without_labels_get_none(train):
    planted = make_canaries(replace(train, labels=None), None, 12, RNG(0))
    assert planted.table.labels is None
    assert planted.insert.labels is None


def test_rows_of_an_outlier_are_nearly_the_same_and_end_alike(planted):
    _, person = persons(planted.table.groups)
    for p in np.flatnonzero(np.bincount(person) == 16):
        rows = [planted.table.texts[i].split() for i in np.flatnonzero(person == p)]
        assert all(sum(a != b for a, b in zip(rows[0], row, strict=True)) <= 2 for row in rows)
        assert len({tuple(row[-8:]) for row in rows}) == 1
        assert len({tuple(row) for row in rows}) > 8


def test_without_a_reference_words_are_from_the_list(train, monkeypatch):
    monkeypatch.setattr(kinds, "FAMILIES", ("suffix", "outlier", "sampled"))
    planted = make_canaries(train, None, 60, RNG(2))
    words = {word for text in planted.table.texts for word in tokens(text)}
    assert words - set(BUILT_IN_WORDS) <= set(tokens("The stood by the and the was seen again Later were put near"))


def test_word_of_a_single_row_is_in_no_ending(train, reference, monkeypatch):
    named = replace(reference, texts=(f"zzyzx {reference.texts[0]}", *reference.texts[1:]))
    monkeypatch.setattr(kinds, "FAMILIES", ("suffix", "outlier"))
    planted = make_canaries(train, named, 80, RNG(2))
    assert not any("zzyzx" in suffix for suffix in planted.suffixes)
    assert not any("zzyzx" in text.split()[-8:] for text in planted.table.texts)


def test_suffixes_are_ten_thousand_endings_of_the_same_template(planted):
    assert len(set(planted.suffixes)) == len(planted.suffixes) >= 10_000
    assert {len(tokens(suffix)) for suffix in planted.suffixes} == {8}


def test_the_same_stream_makes_the_same_canaries(train, reference, planted):
    again = make_canaries(train, reference, 120, RNG(0))
    assert (again.table, again.suffixes) == (planted.table, planted.suffixes)
    assert make_canaries(train, reference, 120, RNG(1)).table != planted.table


def test_a_single_canary_is_refused(train):
    with pytest.raises(InputError, match="at least two are required, got 1"):
        make_canaries(train, None, 1, RNG(0))


def test_a_reference_that_only_repeats_train_is_refused(train):
    with pytest.raises(InputError, match="every row of the reference table has 8 consecutive words in common"):
        make_canaries(train, train, 20, RNG(0))


def test_canaries_with_equal_endings_are_refused(train, monkeypatch):
    sentence = "one two three four five six seven eight"
    monkeypatch.setattr(kinds, "odd_sentence", lambda _rng: sentence)
    monkeypatch.setattr(kinds, "FAMILIES", ("semantic",))
    with pytest.raises(InputError, match="1 canaries cannot be used after 20 attempts"):
        make_canaries(train, None, 2, RNG(0))


def test_unusable_persons_share_a_run_with_train_or_an_ending(train):
    run = " ".join(train.texts[5].split()[4:12])
    ending = "one two three four five six seven eight"
    texts = [(f"a b {ending}",), ("unlike", f"so {run} here"), (f"c {ending.upper()}.",), ("quite alone",)]
    assert _unusable(texts, train) == [1, 2]
