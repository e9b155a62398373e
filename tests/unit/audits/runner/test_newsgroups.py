"""Both statistical audits on real text: leaks fail, clean releases pass, few persons are insufficient."""

import re
from copy import deepcopy

import numpy as np
import pytest

from audits.attacks.membership.membership_audit import Membership
from audits.attacks.neighbours.neighbours_audit import Neighbours
from audits.core.holdout import HoldoutTables
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table
from audits.embeddings.encoders import encode_tables, encode_words
from audits.embeddings.similarity import highest

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

AUDITS = (Neighbours, Membership)


def split(posts, seed, *, n_train=700, n_control=900, n_rows=1300):
    """Return train, control and a clean release of further authors with at most n_rows rows."""
    authors = sorted(posts)
    np.random.default_rng(seed).shuffle(authors)
    ends = (0, n_train, n_train + n_control, len(authors))
    tables = []
    for start, end, limit in zip(ends[:-1], ends[1:], (None, None, n_rows), strict=True):
        rows = [(text, author) for author in authors[start:end] for text in posts[author]][:limit]
        texts, groups = zip(*rows, strict=True)
        tables.append(Table(texts=texts, labels=None, groups=groups, has_groups=True))
    return tables


def verdicts(synthetic, train, control, seed=0):
    """Return the result of each audit; the tables are encoded once for both."""
    inputs, rng = AuditInputs(synthetic=synthetic, train=train, control=control), np.random.default_rng(seed)
    tables = encode_tables(inputs, rng)
    return [audit(lambda *_: tables).run(inputs, deepcopy(rng), 0.95) for audit in AUDITS]


@pytest.mark.parametrize("leak", ["verbatim", "dropout", "mix"])
def test_leaks_fail(posts, retexted, word_dropout, mixed, leak):
    train, control, _ = split(posts, 1)
    texts = {
        "verbatim": lambda: train.texts,
        "dropout": lambda: [t or "x" for t in word_dropout(train.texts, 0.3)],
        "mix": lambda: mixed(train.texts, 1300),
    }[leak]()
    for result in verdicts(retexted(train, texts), train, control):
        assert result.verdict == "fail", result.name
        assert result.estimate.low > 0.6, result.name


def test_clean_releases_pass_four_times_in_five(posts):
    found = []
    for seed in range(5):
        # a fifth of control is the reference
        train, control, fresh = split(posts, seed, n_train=1100, n_control=1450)
        found.append([result.verdict for result in verdicts(fresh, train, control, seed)])
    assert all(of_audit.count("pass") >= 4 for of_audit in zip(*found, strict=True)), found


def test_dropping_the_tenth_most_like_train_fails(posts):
    train, control, fresh = split(posts, 2, n_rows=2600)
    parts = HoldoutTables(synthetic=fresh, train=train, control=control, reference=fresh, reference_is_control=False)
    encoded = encode_words(parts)
    keep = np.argsort(highest(encoded.synthetic, encoded.train, 1)[:, 0])[: int(0.9 * len(fresh))]
    assert [result.verdict for result in verdicts(take(fresh, keep), train, control)] == ["fail", "fail"]


def test_sixty_persons_are_insufficient(posts):
    train, control, fresh = split(posts, 3, n_train=60, n_control=60, n_rows=200)
    for result in verdicts(fresh, train, control):
        assert result.verdict == "insufficient", result.name
        assert re.search(r"\d+ train (persons )?and \d+ control persons", result.reason)
