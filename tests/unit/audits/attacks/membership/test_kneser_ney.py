from collections import Counter

import numpy as np
import pytest

from audits.attacks.membership.kneser_ney import ORDER, WordRows, calibrated_ratio, log_likelihood
from audits.text.ngrams import numbered_words


def slow(model, text, n_words):
    """Return the mean log-probability of the words of a text, from dictionaries of tuples."""
    grams = {k: Counter(tuple(t[i : i + k]) for t in model for i in range(len(t) - k + 1)) for k in range(1, 7)}
    counts = {ORDER: grams[ORDER]}
    for k in range(1, ORDER):
        counts[k] = Counter(longer[1:] for longer in grams[k + 1])

    def p(word, before):
        k = len(before) + 1
        lower = 1 / n_words if k == 1 else p(word, before[1:])
        follows = [c for gram, c in counts[k].items() if gram[:-1] == before]
        once, twice = (sum(c == i for c in counts[k].values()) for i in (1, 2))
        d = once / (once + 2 * twice) if once else 0.5
        if not follows:
            return lower
        return (max(counts[k].get((*before, word), 0) - d, 0) + d * len(follows) * lower) / sum(follows)

    logs = [np.log(p(w, tuple(text[max(0, i - ORDER + 1) : i]))) for i, w in enumerate(text)]
    return np.mean(logs)


def texts(seed, n, vocabulary=6, length=9):
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in rng.integers(vocabulary, size=rng.integers(1, length))) for _ in range(n)]


def test_the_model_equals_a_dictionary_implementation():
    model, queries = texts(1, 40), [*texts(2, 12), "w1 unknown w2"]
    (m, x), n = numbered_words([model, queries])
    expected = [slow([t.split() for t in model], t.split(), n) for t in queries]
    assert log_likelihood(WordRows(m, None), WordRows(x, None), n) == pytest.approx(expected)


def test_probabilities_of_all_words_sum_to_one():
    model = texts(3, 30)
    vocabulary = sorted({w for t in model for w in t.split()})
    (m, x), n = numbered_words([model, [f"w1 w2 {w}" for w in vocabulary]])
    by_text = 3 * log_likelihood(WordRows(m, None), WordRows(x, None), n)
    (_, start), _ = numbered_words([model, ["w1 w2"]])
    first_two = 2 * log_likelihood(WordRows(m, None), WordRows(start, None), n)
    assert np.exp(by_text - first_two).sum() == pytest.approx(1.0)


def test_with_classes_the_model_is_the_mean_of_both_models():
    model, queries = [*texts(4, 20), *texts(5, 20)], texts(6, 5)
    classes, mine = np.repeat([0, 1], 20), np.array([0, 1, 1, 0, 1])
    (m, x), n = numbered_words([model, queries])
    found = log_likelihood(WordRows(m, classes), WordRows(x, mine), n)
    alone = log_likelihood(WordRows(m, None), WordRows(x, None), n)
    assert not np.allclose(found, alone)
    words = [f"w{i}" for i in range(5)]
    of_class = [text.replace("w", f"c{c}w") for text, c in zip([*model, *words], [*classes, *mine], strict=True)]
    (m1, x1), _ = numbered_words([model, words])
    (m2, x2), _ = numbered_words([of_class[:40], of_class[40:]])
    both = log_likelihood(WordRows(m1, classes), WordRows(x1, mine), n)
    parts = [log_likelihood(WordRows(a, None), WordRows(b, None), n) for a, b in ((m1, x1), (m2, x2))]
    assert np.exp(both) == pytest.approx(np.exp(parts).mean(axis=0))
    same = log_likelihood(WordRows(m, np.zeros(40, dtype=np.int64)), WordRows(x, np.zeros(5, dtype=np.int64)), n)
    assert same == pytest.approx(alone)


def test_repeated_records_rank_above_others():
    real = [*texts(10, 15, vocabulary=40, length=20), *texts(11, 15, vocabulary=40, length=20)]
    (s, x, r), n = numbered_words([real[:15] * 2, real, texts(9, 60, vocabulary=40, length=20)])
    found = calibrated_ratio(WordRows(s, None), WordRows(x, None), WordRows(r, None), n)
    assert np.median(found[:15]) > np.median(found[15:]) + 2
    assert len(np.unique(found)) == 30


def test_scores_are_calibrated_on_the_reference_records_of_the_class():
    of_class = np.tile([0, 0, 1, 1], 30)
    rows = [t for pair in zip(texts(12, 60, 8, 14), texts(13, 60, 30, 14), strict=True) for t in pair]
    (s, x, r), n = numbered_words([rows[:40], rows[40:80], rows[80:]])
    classes = [of_class[part] for part in (slice(0, 40), slice(40, 80), slice(80, None))]
    tables = [WordRows(*one) for one in zip((s, x, r), classes, strict=True)]
    halves = [(np.arange(40) % 2 == i) for i in (0, 1)]
    kept = [np.array(rows[80:], dtype=object)[h].tolist() for h in halves]
    by_hand = np.zeros(40)
    (one, other, model, queries), same = numbered_words([*kept, rows[:40], rows[40:80]])
    assert same == n
    for z, of_domain, hz, hd in ((one, other, *halves), (other, one, *reversed(halves))):
        domain, wrote = WordRows(of_domain, classes[2][hd]), WordRows(model, classes[0])
        of_z, of_x = (
            log_likelihood(wrote, t, n) - log_likelihood(domain, t, n)
            for t in (WordRows(z, classes[2][hz]), WordRows(queries, classes[1]))
        )
        for c in (0, 1):
            like = of_z[classes[2][hz] == c]
            if len(like) < 10:
                like = of_z
            by_hand[classes[1] == c] += (of_x[classes[1] == c] - like.mean()) / like.std() / 2
    assert calibrated_ratio(*tables, n) == pytest.approx(by_hand)
