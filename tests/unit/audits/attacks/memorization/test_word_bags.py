import math
from collections import Counter

import numpy as np
import pytest

from audits.attacks.memorization import word_bags as module
from audits.attacks.memorization.near_copies import OwnedRecords
from audits.attacks.memorization.word_bags import N_LENGTHS, word_bags
from audits.text.shared_runs import TokenNumbers, number_rows

TEXTS = [" ".join(f"{letter}{i}" for i in range(20)) for letter in "abcdefgh"]
OTHER, SAME = 1, 1 + N_LENGTHS  # records of 13 to 29 words, in another or in the same order


def found(made, real=TEXTS, owner=None, *, own=None, n_synthetic=None):
    vocabulary = TokenNumbers({"0": 0})
    rows, records = (number_rows(map(str.split, texts), vocabulary) for texts in (made, real))
    owner = np.arange(len(real)) if owner is None else np.array(owner)
    own = np.arange(len(records.tokens)) if own is None else np.array(own)
    owned = OwnedRecords(records, owner, int(owner.max()) + 1, own)
    return word_bags(rows, owned, len(made) if n_synthetic is None else n_synthetic)


def test_shares_equal_an_exhaustive_computation(monkeypatch):
    for name, value in (("LOWEST", 0.2), ("BLOCK_ROWS", 2), ("BLOCK_PAIRS", 3), ("INDEXED", 0.85)):
        monkeypatch.setattr(module, name, value)
    rng = np.random.default_rng(3)
    alphabet = [*"abcdefghijklmn"]
    made, real = ([" ".join(rng.choice(alphabet, size)) for size in rng.integers(8, 16, n)] for n in (9, 7))
    made = [f"{text} z" for text in made]  # a word that no record has
    owner = [0, 1, 2, 3, 4, 5, 0]
    df = {}
    for text, who in zip(real, owner, strict=True):
        for word, n in Counter(text.split()).items():
            for k in range(n):
                df.setdefault((word, k), set()).add(who)

    def weight(words):
        return sum(math.log2(6 / max(1, len(df.get((w, k), ())))) for w, n in words.items() for k in range(n))

    expected = np.zeros(6)
    for text, who in zip(real, owner, strict=True):
        for row in made:
            x, s = Counter(text.split()), Counter(row.split())
            share = weight(x & s) / max(weight(x), weight(s))
            if share >= 0.2:
                expected[who] = max(expected[who], share)
    result = found(made, real, owner)
    assert np.count_nonzero(expected) > 3
    assert result.best.max(axis=1) == pytest.approx(expected)
    assert result.best.max(axis=1) == pytest.approx(
        [result.share[result.owner == k].max(initial=0) for k in range(6)]
    )


def test_blocks_do_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(7)
    alphabet = [f"{a}{b}" for a in "abcdef" for b in "uvwxyz"]
    made, real = ([" ".join(rng.choice(alphabet, size)) for size in rng.integers(8, 40, n)] for n in (25, 30))
    made[::3] = [" ".join(rng.permutation(text.split())) for text in real[: len(made[::3])]]
    made[4] = real[20] = ""
    owner = [2 * (i % 23) + 1 for i in range(30)]  # the owner numbers have gaps
    own = [i for i in range(sum(len(text.split()) for text in real)) if i % 5 > 0]
    whole = found(made, real, owner, own=own, n_synthetic=13)
    assert len(set(whole.kind.tolist())) > 3
    for name, value in (("BLOCK_ROWS", 4), ("BLOCK_PRODUCTS", 20), ("BLOCK_TOKENS", 60), ("BLOCK_PAIRS", 3)):
        monkeypatch.setattr(module, name, value)
    again = found(made, real, owner, own=own, n_synthetic=13)
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))
    triples = list(zip(whole.row.tolist(), whole.owner.tolist(), whole.kind.tolist(), strict=True))
    assert triples == sorted(set(triples))


ORDERS = {
    "same": (lambda words: words, SAME, 1.0),
    "reversed": (lambda words: words[::-1], OTHER, 1.0),
    "three columns": (lambda words: words[::3] + words[1::3] + words[2::3], OTHER, 1.0),
    "five words changed": (lambda words: [*"vwxyz", *words[5:][::-1]], OTHER, 0.75),
    "half": (lambda words: words[:10], SAME, 0.5),
    "doubled": (lambda words: [w for word in words for w in (word, word)], SAME, 0.5),
    "in pairs from the end": (lambda words: [w for i in range(18, -1, -2) for w in words[i : i + 2]], SAME, 1.0),
}


@pytest.mark.parametrize("order", ORDERS)
def test_rows_with_the_words_of_a_record_are_found_in_any_order(order):
    change, kind, share = ORDERS[order]
    result = found(["none of these", " ".join(change(TEXTS[3].split()))])
    assert (result.row.tolist(), result.owner.tolist(), result.kind.tolist()) == ([1], [3], [kind])
    assert result.share == pytest.approx([share])
    assert result.best[3, kind] == pytest.approx(share)
    assert np.count_nonzero(result.best) == 1


def test_numbers_planted_rows_short_records_and_words_of_all_do_not_count():
    with_numbers = [f"0 {text} 0" for text in TEXTS]
    assert found([f"0 0 0 {TEXTS[0]}"], with_numbers).share == pytest.approx([1.0])
    assert found([TEXTS[0], TEXTS[1]], n_synthetic=1).best.any(axis=1).tolist() == [True] + [False] * 7
    assert len(found(["one two three"], [*TEXTS, "one two three"]).row) == 0
    assert len(found([]).row) == len(found(["a b"], ["", ""]).row) == 0
    assert len(found([" ".join("abcdefghi")], [" ".join("abcdefghi")] * 3).row) == 0


def test_common_text_counts_only_if_it_is_at_most_half_of_the_record():
    real = [f"{text} {' '.join(text.upper().split())}" for text in TEXTS]
    reversed_half = " ".join(TEXTS[5].split()[::-1])
    for n_own, share in ((20, 0.5), (19, 19 / 20)):
        own = [i for k in range(8) for i in range(40 * k, 40 * k + n_own)]
        assert found([reversed_half], real, own=own).share == pytest.approx([share])


def test_each_length_class_has_its_own_values():
    sizes = (8, 12, 13, 29, 30, 63, 64)
    real = [" ".join(f"{size}w{i}" for i in range(size)) for size in sizes]
    result = found([" ".join(text.split()[::-1]) for text in real], real)
    assert result.kind.tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_the_highest_share_of_train_is_given_per_row():
    result = found([" ".join(TEXTS[0].split()[::-1]), TEXTS[7]])
    by_row = result.of_rows(3, n_train=7)
    assert by_row.shape == (3, 2 * N_LENGTHS)
    assert np.flatnonzero(by_row).tolist() == [OTHER]
