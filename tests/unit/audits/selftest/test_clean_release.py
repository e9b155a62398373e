"""The population of the self-test: persons stay whole, clean rows repeat nobody, and removal ignores roles."""

from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.memorization.search import CEILING_TOKENS
from audits.core.errors import InputError
from audits.core.holdout import MIN_PERSONS
from audits.core.types import AuditInputs, Table
from audits.selftest.clean_release import as_synthetic, copyable, draw_population, repeating_rows, stack_tables
from audits.text.normalise import tokens


def population(train, control, seed=0, **more):
    inputs = AuditInputs(synthetic=control, train=train, control=control, **more)
    return draw_population(inputs, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def tables(people):
    return people(31, seed=1, prefix="t"), people(70, seed=2, prefix="h")


def test_persons_stay_whole_and_apart(tables):
    train, control = tables
    people = population(train, control)
    assert people.train == train
    texts = dict(zip(control.texts, control.groups, strict=True))
    fresh = {texts[t] for t in people.unseen.texts}
    assert len(set(people.control.groups)) == 47
    assert people.n_unseen == len(fresh) == 23
    assert fresh.isdisjoint(people.control.groups)
    assert len(people.unseen) + len(people.control) == len(control)
    assert not people.unseen.has_groups
    assert len(set(people.unseen.groups)) == len(people.unseen)


def test_seed_decides_the_split_and_larger_tables_are_sampled(tables, monkeypatch):
    assert population(*tables).unseen.texts == population(*tables).unseen.texts
    assert population(*tables).unseen.texts != population(*tables, seed=1).unseen.texts
    monkeypatch.setattr("audits.selftest.clean_release.MAX_PERSONS", 30)
    people = population(*tables)
    assert [len(set(t.groups)) for t in (people.train, people.control)] == [30, 30]
    assert people.n_unseen == 15


def test_rows_that_repeat_any_person_are_removed(tables):
    train, control = tables
    fresh = set(population(train, control).unseen.texts)
    quoting = [i for i, t in enumerate(control.texts) if t in fresh][:6]
    other = next(i for i, t in enumerate(control.texts) if t not in fresh)

    def numbered(n):
        return " ".join(f"{word} {n}" for word in ("bako", "dera", "fimi", "golu", "hope", "jati", "kusa"))

    texts = list(control.texts)
    texts[other] += " Call 0171 555 0199."
    train = replace(train, texts=(*train.texts[:5], f"{numbered(7)} {train.texts[5]}", *train.texts[6:]))
    texts[quoting[4]] += f" {numbered(8)}"
    quoted = ((train.texts[3], 13), (texts[other], 13), (train.texts[4], 12))
    repeated = [*(" ".join(text.split()[:n]) for text, n in quoted), "call 0171-555-0199"]
    texts[quoting[5]] += " (01715550199)"  # the audit also finds the number without the word "Call" before it
    for row, what in zip(quoting[:4], repeated, strict=True):
        texts[row] += " " + what
    people = population(train, replace(control, texts=tuple(texts)))
    left_out = {i for i in range(len(texts)) if texts[i] not in people.control.texts + people.unseen.texts}
    assert left_out == {quoting[i] for i in (0, 1, 3, 4, 5)}
    assert people.n_repeating == 5


def test_reply_that_quotes_line_by_line_is_removed(tables):
    train, control = tables
    fresh = set(population(train, control).unseen.texts)
    row = next(i for i, t in enumerate(control.texts) if t in fresh)
    words = train.texts[3].split()
    lines = [" ".join(words[i : i + 8]) for i in range(0, len(words), 8)]
    quoting = "ks> " + " ks> ".join(lines)
    assert max(len(line.split()) for line in lines) < 13
    texts = (*control.texts[:row], f"{quoting} {control.texts[row]}", *control.texts[row + 1 :])
    people = population(train, replace(control, texts=texts))
    assert texts[row] not in people.control.texts + people.unseen.texts


def test_row_with_the_code_of_another_person_is_removed(tables):
    train, control = tables
    fresh = set(population(train, control).unseen.texts)
    rows = [i for i, t in enumerate(control.texts) if t in fresh][:2]
    train = replace(train, texts=(f"{train.texts[0]} The chip is an Am85C30-10JC.", *train.texts[1:]))
    texts = list(control.texts)
    for row, chip in zip(rows, ("AM85C30 + 10JC", "AM85C38-16PC"), strict=True):
        texts[row] += f" Mine is an {chip}."
    people = population(train, replace(control, texts=tuple(texts)))
    kept = people.control.texts + people.unseen.texts
    assert [texts[row] in kept for row in rows] == [False, True]


def test_swapped_roles_remove_the_same_rows(tables):
    """If removal depended on who is in train, it would disclose train persons."""
    train, control = tables
    first = population(train, control)
    quotes = [" ".join(t.split()[:20]) for t in (train.texts[0], first.control.texts[0])]
    texts = [f"{t} {quotes[i % 2]}" if i in {3, 5, 8} else t for i, t in enumerate(first.unseen.texts)]
    pair = (first.train, first.control)
    unseen = replace(first.unseen, texts=tuple(texts))
    found = [repeating_rows(*roles, unseen, None)[0] for roles in (pair, pair[::-1])]
    assert found[0].nonzero()[0].tolist() == [3, 5, 8]
    assert (found[0] == found[1]).all()


def test_own_run_equals_slow_search(people):
    train = people(21, seed=5, prefix="t", rows=(1, 1))
    shared = " ".join(train.texts[0].split()[:10])
    changed = (f"{shared} {' '.join(train.texts[7].split()[:20])}", f"{shared} bako dera.")
    train = replace(train, texts=(*train.texts[:7], *changed, *train.texts[9:]))
    got = population(train, people(62, seed=6, prefix="h"))
    groups, texts = got.train.groups + got.control.groups, got.train.texts + got.control.texts
    pool = list(zip(groups, map(tokens, texts), strict=True))

    def contains(words, run):
        return any(words[i : i + len(run)] == run for i in range(len(words) - len(run) + 1))

    for row in (0, 7, 8):
        group, words = pool[row]
        runs = [words[i:j] for i in range(len(words)) for j in range(i + 13, min(len(words), i + 64) + 1)]
        own = [len(r) for r in runs if not any(g != group and contains(w, r) for g, w in pool)]
        assert got.own_run[row] == max(own, default=0)
    assert set(copyable(got)) == {i for i, n in enumerate(got.own_run) if n >= CEILING_TOKENS}


def test_too_few_and_only_repeating_control_persons_are_refused(people):
    with pytest.raises(InputError, match=f"control has 57 persons, but the self-test requires {3 * MIN_PERSONS}"):
        population(people(21, seed=1, prefix="t"), people(57, seed=2, prefix="h"))
    train, control = (people(n, seed=s, prefix=p, rows=(1, 1)) for n, s, p in ((21, 1, "t"), (60, 2, "h")))
    train = replace(train, texts=(" ".join(control.texts), *train.texts[1:]))
    with pytest.raises(InputError, match="cannot build a release without leaks"):
        population(train, control)


def test_vectors_are_removed_and_tables_stacked(tables):
    train, control = (replace(t, vectors={"x": np.zeros((len(t), 3), dtype=np.float32)}) for t in tables)
    people = population(train, control, reference=tables[0])
    assert [t.vectors for t in (people.train, people.control, people.unseen)] == [{}, {}, {}]
    assert people.inputs(people.unseen).reference is tables[0]
    labelled = replace(train, labels=("a",) * len(train))
    assert stack_tables(labelled, control).labels is None
    assert stack_tables(labelled, labelled).labels == ("a",) * 2 * len(train)
    groups = tuple(f"synthetic row {i}" for i in range(len(train)))
    assert as_synthetic(labelled) == Table(texts=train.texts, labels=labelled.labels, groups=groups, has_groups=False)


def test_a_release_has_texts_in_plain_layout():
    table = Table(texts=("two  blanks\u200b here ", "plain"), labels=None, groups=("a", "b"), has_groups=True)
    assert as_synthetic(table).texts == ("two blanks here", "plain")
