"""The audits on posts of 20 Newsgroups, with authors as persons: leaks fail and clean releases pass."""

import random
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pyarrow.parquet as pq
import pytest

from audits.attacks.identifiers.identifiers_audit import Identifiers
from audits.attacks.memorization.memorization_audit import Memorization
from audits.attacks.memorization.search import FLOOR_TOKENS, own_runs, pooled
from audits.attacks.memorization.whole_records import copies_of_one, record_keys, row_keys
from audits.core.types import AuditInputs, Table
from audits.runner.run import run
from audits.selftest.clean_release import as_synthetic
from audits.text.normalise import tokens
from audits.text.shared_runs import TokenNumbers, number_rows, runs_alone

pytestmark = [pytest.mark.corpus, pytest.mark.slow]


@pytest.fixture(scope="module")
def posts(corpus_folder):
    table = pq.read_table(corpus_folder / "newsgroups20" / "train.parquet", columns=["text", "label", "group"])
    by_author = {}
    for row in table.to_pylist():
        by_author.setdefault(row["group"], []).append(row)
    return by_author


def table_of(posts, authors):
    rows = [row for author in authors for row in posts[author]]
    texts, labels, groups = (tuple(str(row[key]) for row in rows) for key in ("text", "label", "group"))
    return Table(texts=texts, labels=labels, groups=groups, has_groups=True)


def split(posts, seed, n=500):
    """Return inputs whose synthetic table is a clean release, and the posts of all n other authors.

    Replies quote posts, so many authors repeat posts of train and control. These authors are removed from the clean
    release, whether they quote train or control, so the removal reveals nothing about train.
    """
    authors = sorted(posts)
    random.Random(seed).shuffle(authors)
    train, control, others = authors[:n], authors[n : 2 * n], authors[2 * n : 3 * n]
    rows, seen, unseen = table_of(posts, others), table_of(posts, train), table_of(posts, control)
    vocabulary = TokenNumbers()
    written, pool = (number_rows(map(tokens, t), vocabulary) for t in (rows.texts, seen.texts + unseen.texts))
    short_posts, one_owner = record_keys(seen.texts + unseen.texts), np.zeros(len(pool.starts) - 1, dtype=np.int64)
    runs = runs_alone(written, pool, one_owner, public=1)  # runs shared with any author of train or control
    # rows that quote a post line by line, with a prefix before each line
    line_by_line = own_runs(rows.texts, pooled(AuditInputs(synthetic=rows, train=seen, control=unseen)))[1]
    quoted = copies_of_one(row_keys(rows.texts, short_posts).short, short_posts.short, one_owner)
    quoting = {rows.groups[i] for i in (*runs.row[runs.length >= FLOOR_TOKENS], *np.flatnonzero(line_by_line))}
    quoting |= {rows.groups[i] for i in quoted.row}
    fresh = table_of(posts, [author for author in others if author not in quoting])
    return AuditInputs(synthetic=as_synthetic(fresh), train=seen, control=unseen), as_synthetic(rows)


@pytest.fixture(scope="module")
def splits(posts):
    """Return a function that splits the authors at random with a seed; every split is made once."""
    return cache(partial(split, posts))


@pytest.fixture(scope="module")
def clean(posts):
    return split(posts, 0, n=1000)[0]


def verdict(attack, inputs):
    return attack.run(inputs, np.random.default_rng(0), 0.95)


def test_clean_release_passes_on_another_split(splits):
    result = verdict(Memorization(), splits(1)[0])
    assert result.verdict == "pass", result.reason
    assert result.metrics["hard_hits"].value == 0


def test_authors_who_quote_each_other_are_insufficient(splits):
    inputs, everybody = splits(1)
    result = verdict(Memorization(), replace(inputs, synthetic=everybody))
    assert result.verdict == "insufficient", result.reason
    assert "may quote a train person" in result.reason


def test_copies_of_one_in_a_hundred_fail(clean, retexted):
    copied = [t for t in clean.train.texts if len(t.split()) > 40][:: len(clean.train) // 10]
    assert 5 <= len(copied) <= 12
    synthetic = retexted(clean.synthetic, [*clean.synthetic.texts[: 1000 - len(copied)], *copied])
    result = verdict(Memorization(), replace(clean, synthetic=synthetic))
    assert result.verdict == "fail"
    assert 1 <= result.metrics["hard_hits"].value <= len(copied)


def test_copies_with_word_dropout_fail(splits, retexted, word_dropout):
    inputs, _ = splits(1)
    some = inputs.train.texts[:30]  # the search time grows with the number of copied rows
    texts = [t for t in word_dropout(some, 0.1) if t.strip()]
    assert verdict(Memorization(), replace(inputs, synthetic=retexted(inputs.train, texts))).verdict == "fail"


def test_one_planted_record_number_fails(splits, retexted, first_rows):
    """Posts contain no record numbers, so one is added to a train row and to a synthetic row."""
    clean, _ = splits(1)
    train = replace(clean.train, texts=(f"{clean.train.texts[0]} MRN 40718823", *clean.train.texts[1:]))
    few = first_rows(clean.synthetic, 400)
    before = verdict(Identifiers(), replace(clean, train=train, synthetic=few))
    assert before.metrics["hard_hits"].value == 0
    assert before.verdict != "fail"
    synthetic = retexted(few, [*few.texts[:-1], "ref. 4071-8823 as agreed"])
    after = verdict(Identifiers(), replace(clean, train=train, synthetic=synthetic))
    assert after.metrics["hard_hits"].value == 1
    assert after.verdict == "fail"


def test_sixty_authors_are_insufficient(posts):
    inputs, _ = split(posts, 3, n=60)
    result = verdict(Memorization(), inputs)
    assert result.verdict == "insufficient"
    assert "299" in result.reason


def test_all_audits_pass_on_a_clean_release(clean):
    report = run(clean, names=["memorization", "neighbours", "membership"])
    assert [r.verdict for r in report.results] == ["pass"] * 3, [r.reason for r in report.results]
