import math

import numpy as np
import pytest

from audits.attacks.memorization import near_copies as module
from audits.attacks.memorization.near_copies import OwnedRecords, in_pieces, near_copies
from audits.text import shared_runs
from audits.text.shared_runs import TokenNumbers, number_rows

TEXTS = [" ".join(f"{letter}{i}" for i in range(80)) for letter in "abcdefgh"]


def numbered(made, real, owner, own=None):
    """Return the synthetic rows and the records."""
    vocabulary = TokenNumbers()
    rows, records = number_rows(map(str.split, made), vocabulary), number_rows(map(str.split, real), vocabulary)
    own = np.arange(len(records.tokens)) if own is None else np.array(own)
    return rows, OwnedRecords(records, np.array(owner), max(owner) + 1, own)


def found(made, real=TEXTS, owner=range(8), *, n_real=None, own=None, n_tokens=2):
    rows, records = numbered(made, real, list(owner), own)
    return near_copies(rows, records, len(made) if n_real is None else n_real, n_tokens)


def pieces(made, real=TEXTS):
    return in_pieces(*numbered(made, real, list(range(8))), [7])


def pairs(text, apart=1):
    words = text.split()
    return {(word, words[i + n]) for n in range(1, apart + 1) for i, word in enumerate(words) if i + n < len(words)}


def test_shares_equal_an_exhaustive_computation(monkeypatch):
    monkeypatch.setattr(module, "MIN_BITS", 1.0)
    monkeypatch.setattr(module, "NEAR", 0.0)
    monkeypatch.setattr(module, "BLOCK_ROWS", 2)
    rng = np.random.default_rng(3)
    made, real = ([" ".join(rng.choice(list("abcdef"), 12)) for _ in range(n)] for n in (5, 7))
    owner = [0, 1, 2, 3, 4, 5, 0]
    have = {}
    for text, who in zip(real, owner, strict=True):
        for pair in pairs(text):
            have.setdefault(pair, set()).add(who)
    weight = {pair: math.log2(6 / len(who)) for pair, who in have.items()}
    result = found(made, real, owner)
    slow = [
        max(
            sum(weight[p] for p in pairs(x) & pairs(s, 8)) / sum(weight[p] for p in pairs(x))
            for x, who in zip(real, owner, strict=True)
            if who == k
            for s in made
        )
        for k in range(6)
    ]
    assert result.best == pytest.approx(slow)
    assert result.best == pytest.approx([result.share[result.owner == k].max() for k in range(6)])


def test_parts_and_blocks_do_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(5)
    made, real = ([" ".join(f"w{i}" for i in rng.integers(0, 300, 60)) for _ in range(n)] for n in (30, 40))
    made[::4] = [" ".join(text.split()[:45]) for text in real[: len(made[::4])]]
    made[2] = real[20] = ""
    owner = [2 * (i % 33) + 1 for i in range(40)]  # the owner numbers have gaps
    own = [i for i in range(39 * 60) if i % 7 > 0]
    monkeypatch.setattr(module, "MIN_BITS", 30.0)

    def results():
        near = [found(made, real, owner, n_real=17, own=own, n_tokens=n) for n in (1, 2, 3)]
        return [*near, in_pieces(*numbered(made, real, owner, own), [7])]

    whole = results()
    assert all(len(of.row) > 0 for of in whole)
    for name, value in (("BLOCK_ROWS", 7), ("BLOCK_PRODUCTS", 50)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(shared_runs, "PART_TOKENS", 100)
    for one, other in zip(whole, results(), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_records_that_all_owners_have_are_not_in_pieces():
    rows, records = numbered(TEXTS[:2], TEXTS[:1] * 8, list(range(8)))
    result = in_pieces(rows, records, [])
    assert (result.best.tolist(), len(result.row)) == ([0.0] * 8, 0)


def test_a_copy_with_every_tenth_word_changed_keeps_four_fifths():
    words = TEXTS[3].split()
    words[9::10] = ["x"] * len(words[9::10])
    result = found([TEXTS[1][:20], " ".join(words)])
    assert (result.row.tolist(), result.owner.tolist()) == ([1], [3])
    assert result.share == pytest.approx([64 / 79])


def test_planted_rows_short_records_and_empty_tables_do_not_count():
    result = found([TEXTS[2], TEXTS[4]], [*TEXTS, "one two three"], list(range(9)), n_real=1)
    assert np.flatnonzero(result.best).tolist() == [2]
    assert result.row.tolist() == [0, 1]
    assert found([]).best.tolist() == [0.0] * 8
    assert found(["a b"], ["c"], [0]).best.tolist() == [0.0]
    assert len(found(["one two three"], [*TEXTS, "one two three"], list(range(9))).row) == 0


def test_common_words_do_not_count():
    """The second half of each record is common text; the row contains the whole first half."""
    real = [f"{text} {' '.join(text.split()[::-1])}" for text in TEXTS]
    own = [i for k in range(8) for i in range(160 * k, 160 * k + 80)]
    assert found([TEXTS[5]], real, own=own).share == pytest.approx([79 / 80])


def interleaved(*texts, n=1):
    """Return the words of the texts, n of each in turn."""
    cut = [[" ".join(t.split()[i : i + n]) for i in range(0, len(t.split()), n)] for t in texts]
    return " ".join(part for parts in zip(*cut, strict=True) for part in parts)


def test_inserted_words_do_not_hide_a_copy():
    with_numbers = " ".join(f"{i} {word}" for i, word in enumerate(TEXTS[0].split()))
    for made, owners in (
        (interleaved(*TEXTS[1:3]), {1, 2}),
        (interleaved(*TEXTS[1:5], n=2), {1, 2, 3, 4}),
        (with_numbers, {0}),
    ):
        result = found([made])
        assert set(result.owner.tolist()) == owners
        assert result.share.min() > 0.65
    too_far = " x x x x x x x x ".join(TEXTS[0].split())
    assert found([too_far]).best.max() == 0


def test_single_words_match_in_any_order():
    words = TEXTS[2].split()
    triples = [w for i in range(0, len(words), 3) for w in reversed(words[i : i + 3])]
    columns, sorted_words = [w for i in range(4) for w in words[i::4]], sorted(words)
    thinned = [w for i, w in enumerate(words) if i % 4 != 3]
    for made, share in ((triples, 1.0), (columns, 1.0), (sorted_words, 1.0), (thinned, 0.75)):
        result = found([" ".join(made), TEXTS[5][:30]], n_tokens=1)
        assert result.owner.tolist() == [2]
        assert result.share == pytest.approx([share])


def cut_up(text, n):
    words = text.split()
    return [" ".join(words[i : i + n]) for i in range(0, len(words), n)]


@pytest.mark.parametrize("n", [4, 8, 20])
def test_a_record_in_pieces_is_found_over_the_rows(n):
    made = ["none of these words is in a record", *cut_up(TEXTS[3], n)]
    result = pieces(made)
    assert result.tokens == 3
    expected = sum(max(0, len(piece.split()) - 2) for piece in made[1:]) / 78
    assert result.best == pytest.approx([0, 0, 0, expected, 0, 0, 0, 0])
    assert expected >= 0.5
    assert (result.row.tolist(), set(result.owner.tolist())) == (list(range(1, len(made))), {3})


def test_pieces_are_longer_if_non_members_reach_as_much():
    # with pieces of three or five words, more than half of the record of the non-member is found
    assert pieces([*cut_up(TEXTS[3], 8), *cut_up(TEXTS[7], 8)]).tokens == 8
    assert pieces([*cut_up(TEXTS[3], 20), *TEXTS[7:]]).tokens == 13
    assert pieces(["a b c"], real=("",) * 8) is None


def test_runs_of_three_find_a_quote_with_a_mark_on_every_line():
    words = TEXTS[3].split()
    quoted = " ".join(" ".join(["GS>", *words[i : i + 9]]) for i in range(0, len(words), 9))
    result = found([TEXTS[1][:20], quoted], n_tokens=3)
    assert (result.row.tolist(), result.owner.tolist()) == ([1], [3])
    assert result.share == pytest.approx([sum(len(words[i : i + 9]) - 2 for i in range(0, 80, 9)) / 78])
