"""Both statistical audits on real text: leaks fail, clean releases pass, few persons are insufficient."""

import re

import numpy as np
import pytest

from audits.attacks.membership.membership_audit import Membership
from audits.attacks.neighbours.neighbours_audit import Neighbours
from audits.core.holdout import HoldoutTables
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table
from audits.embeddings.encoders import encode_words
from audits.embeddings.similarity import highest

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

AUDITS = [Neighbours(), Membership()]


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


def verdict(audit, synthetic, train, control, seed=0):
    inputs = AuditInputs(synthetic=synthetic, train=train, control=control)
    return audit.run(inputs, np.random.default_rng(seed), 0.95)


@pytest.mark.parametrize("audit", AUDITS, ids=lambda a: a.name)
@pytest.mark.parametrize("leak", ["verbatim", "dropout", "mix"])
def test_leaks_fail(posts, retexted, word_dropout, mixed, audit, leak):
    train, control, _ = split(posts, 1)
    texts = {
        "verbatim": lambda: train.texts,
        "dropout": lambda: [t or "x" for t in word_dropout(train.texts, 0.3)],
        "mix": lambda: mixed(train.texts, 1300),
    }[leak]()
    result = verdict(audit, retexted(train, texts), train, control)
    assert result.verdict == "fail"
    assert result.estimate.low > 0.6


@pytest.mark.parametrize("audit", AUDITS, ids=lambda a: a.name)
def test_clean_releases_pass_four_times_in_five(posts, audit):
    verdicts = []
    for seed in range(5):
        # a fifth of control is the reference
        train, control, fresh = split(posts, seed, n_train=1100, n_control=1450)
        verdicts.append(verdict(audit, fresh, train, control, seed).verdict)
    assert verdicts.count("pass") >= 4


@pytest.mark.parametrize("audit", AUDITS, ids=lambda a: a.name)
def test_dropping_the_tenth_most_like_train_fails(posts, audit):
    train, control, fresh = split(posts, 2, n_rows=2600)
    parts = HoldoutTables(synthetic=fresh, train=train, control=control, reference=fresh, reference_is_control=False)
    encoded = encode_words(parts)
    keep = np.argsort(highest(encoded.synthetic, encoded.train, 1)[:, 0])[: int(0.9 * len(fresh))]
    assert verdict(audit, take(fresh, keep), train, control).verdict == "fail"


@pytest.mark.parametrize("audit", AUDITS, ids=lambda a: a.name)
def test_sixty_persons_are_insufficient(posts, audit):
    train, control, fresh = split(posts, 3, n_train=60, n_control=60, n_rows=200)
    result = verdict(audit, fresh, train, control)
    assert result.verdict == "insufficient"
    assert re.search(r"\d+ train (persons )?and \d+ control persons", result.reason)
