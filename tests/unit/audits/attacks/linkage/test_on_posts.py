"""The linkage audit on real text, posts of 20 Newsgroups by author: leaks fail, fresh people pass."""

import numpy as np
import pytest

from audits.attacks.linkage.linkage_audit import Linkage
from audits.core.types import AuditInputs, Table

pytestmark = [pytest.mark.corpus, pytest.mark.slow]
N = 700


def split(posts, seed):
    """Return the posts of 700 authors each for train, control and the synthetic table."""
    authors = sorted(posts)
    np.random.default_rng(seed).shuffle(authors)
    tables = []
    for start in range(0, 3 * N, N):
        rows = [(text, author) for author in authors[start : start + N] for text in posts[author]]
        texts, groups = zip(*rows, strict=True)
        tables.append(Table(texts=texts, labels=None, groups=groups, has_groups=True))
    return tables


def verdict(synthetic, train, control, seed=0):
    inputs = AuditInputs(synthetic=synthetic, train=train, control=control)
    return Linkage().run(inputs, np.random.default_rng(seed), 0.95)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fresh_people_pass(posts, seed):
    train, control, fresh = split(posts, seed)
    assert verdict(fresh, train, control, seed).verdict == "pass"


def test_half_of_the_words_of_train_fails(posts, retexted, word_dropout):
    train, control, _ = split(posts, 1)
    result = verdict(retexted(train, [t or "x" for t in word_dropout(train.texts, 0.5)]), train, control)
    assert result.verdict == "fail"
    assert result.estimate.low > 0.5


def test_permuted_second_halves_fail_by_inversion(posts, retexted):
    train, control, _ = split(posts, 2)
    words = [text.split() for text in train.texts]
    ends = [w[(len(w) + 1) // 2 :] for w in words]
    order = np.random.default_rng(3).permutation(len(words))
    texts = [" ".join([*w[: (len(w) + 1) // 2], *ends[i]]) for w, i in zip(words, order, strict=True)]
    result = verdict(retexted(train, texts), train, control)
    assert result.verdict == "fail"
    assert result.metrics["inversion"].low > 0.2
    assert result.estimate.high < 0.07
