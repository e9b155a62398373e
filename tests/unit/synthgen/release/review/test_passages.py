from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from synthgen.release.review.passages import SHARED, Passage, TextPiece, cut, occurrences, shared_passages

WORDS = st.lists(st.sampled_from(["ate", "bun", "cup", "dog", "elk"]), max_size=14).map(" ".join)


def texts(text, passages):
    return [text[p.start : p.end] for p in passages]


def test_shared_passages_are_the_longest_stretches_in_both_texts():
    a = "Today she takes LISINOPRIL 10 mg, once daily. She walks."
    b = "He said: she takes lisinopril 10 mg - but never walks. She walks."
    mine, theirs = shared_passages(a, b)
    assert texts(a, mine) == ["she takes LISINOPRIL 10 mg"]
    assert texts(b, theirs) == ["she takes lisinopril 10 mg"]
    assert {p.kind for p in mine} == {SHARED}
    assert shared_passages(a, b, 6) == ([], [])
    assert texts(a, shared_passages(a, b, 2)[0]) == ["she takes LISINOPRIL 10 mg", "She walks"]


@given(WORDS, WORDS, st.integers(1, 6))
def test_exactly_the_words_of_common_runs_are_marked(a, b, n):
    mine, theirs = shared_passages(a, b, n)
    assert (theirs, mine) == shared_passages(b, a, n)
    of_a, of_b = a.split(), b.split()
    runs = {tuple(of_b[i : i + n]) for i in range(len(of_b) - n + 1)}
    marked = {i + k for i in range(len(of_a) - n + 1) if tuple(of_a[i : i + n]) in runs for k in range(n)}
    places = [i * 4 for i in range(len(of_a))]  # each word has three letters and a space
    assert [i for i, at in enumerate(places) if any(p.start <= at < p.end for p in mine)] == sorted(marked)


def test_only_whole_words_are_occurrences_and_longer_strings_come_first():
    text = "Ann Lee, born 1.2.1950, has angina. Anna Lee-Ann. ann (Lee)"
    wanted = [("name", "Ann"), ("name", "Lee"), ("full name", "Ann Lee"), ("date", "1.2.1950"), ("name", "")]
    found = occurrences(text, wanted)
    assert list(zip(texts(text, found), [p.kind for p in found], strict=True)) == [
        *(("Ann Lee", "full name"), ("1.2.1950", "date"), ("Lee", "name"), ("Ann", "name"), ("Lee", "name"))
    ]
    assert occurrences(text, []) == []
    assert texts("call (0)5+. now", occurrences("call (0)5+. now", [("phone", "(0)5+.")])) == ["(0)5+."]


def test_later_passages_decide_and_invisible_characters_are_shown():
    text = "one two\u202e\r\nthree\tfour"
    found = cut(text, [Passage(0, 7, SHARED), Passage(4, 9, "name")])
    assert found == [
        TextPiece("one ", SHARED),
        TextPiece("two\N{REPLACEMENT CHARACTER}", "name"),
        TextPiece("\nthree four"),
    ]
    assert cut("", []) == []


@given(st.text(st.characters(categories=["L", "N", "Zs"]), max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_the_pieces_are_the_text(text, ends):
    found = cut(text, [Passage(a, b, "k") for a, b in pairwise(ends)])
    assert "".join(piece.text for piece in found) == text
    assert all(a.kind != b.kind for a, b in pairwise(found))
