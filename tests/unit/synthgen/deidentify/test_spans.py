import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify.engines import find_identifiers
from synthgen.deidentify.planted import FALSE_FRIENDS, plant, wrapped
from synthgen.deidentify.spans import KINDS, Span, read, without_overlaps

SENTENCES = [part for note in plant(6) for part in note.text.replace("\n", " ").split(". ")]
LENGTH = 23
SPANS = st.lists(
    st.builds(Span, st.integers(0, LENGTH), st.integers(0, LENGTH), st.sampled_from(KINDS)), max_size=8, unique=True
)


def test_overlap_keeps_the_kind_of_higher_priority():
    date, phone, name = Span(2, 12, "date"), Span(0, 14, "phone"), Span(12, 20, "name")
    assert without_overlaps([name, phone, date], LENGTH) == [date, name]


def test_overlap_keeps_the_longer_then_first_span():
    assert without_overlaps([Span(0, 3, "name"), Span(2, 9, "name")], LENGTH) == [Span(2, 9, "name")]
    assert without_overlaps([Span(4, 8, "name"), Span(2, 6, "name")], LENGTH) == [Span(2, 6, "name")]


def test_adjacent_spans_are_kept_and_empty_spans_dropped():
    first, second = Span(0, 5, "name"), Span(5, 9, "name")
    assert without_overlaps([second, first, Span(3, 3, "email")], LENGTH) == [first, second]


def test_overlap_rejects_unknown_kind():
    with pytest.raises(ValueError, match="not in tuple"):
        without_overlaps([Span(0, 1, "nonsense")], LENGTH)


@given(SPANS)
def test_kept_spans_are_ordered_disjoint_and_maximal(spans):
    kept = without_overlaps(spans, LENGTH)
    assert all(a.end <= b.start for a, b in pairwise(kept))
    assert set(kept) <= set(spans)
    for span in set(spans) - set(kept):
        assert span.start >= span.end or any(k.start < span.end and span.start < k.end for k in kept)


@given(SPANS, st.randoms(use_true_random=False))
def test_result_does_not_depend_on_the_order_of_spans(spans, random):
    shuffled = random.sample(spans, len(spans))
    assert without_overlaps(shuffled, LENGTH) == without_overlaps(spans, LENGTH)


# the identifier is in braces
FOUND = [
    "seen, MRN {\u0664\u0664\u0665\u0660\u0660\u0661\u0662} today",
    "born {\u0661\u0662/\u0660\u0663/\u0661\u0669\u0666\u0661} now",
    "NHS {943\u2011476\u20115919} given",
    "ring {020\u20137946\u20130958} now",
    "pay {DE89-3704-0044-0532-0130-00} by then",
    "pay {DE89\u20103704\u20100044\u20100532\u20100130\u201000} by then",
    "card {\u0664\u0664\u0665\u0660\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661} here",
    "write to {ann.lee\uff20mail.org} or",
    "write to {ann.lee@mail\uff0eorg} or",
    "MRN {4\u03014\u03015\u03010\u03010\u03011\u0301} seen",
    "MRN {44\u200b50\u200b012} seen",
    "MRN\u00a0{4450012} seen",
    "SSN {536\u221290\u22124399} on file",
    "born {１２／０３／１９６１} in town",
    "MRN {\U0001d7d2\U0001d7d2\U0001d7d3\U0001d7ce\U0001d7ce} seen",
    "MRN {४४५००१२} seen",
    "see Dr. {Ｓｍｉｔｈ} today",
    "aged {９４} and well",
    "file {445001234567} lies there",
    "MRN_{4450012} seen",
]


@pytest.mark.parametrize("marked", FOUND)
def test_identifier_is_found_in_any_script_and_spelling(marked):
    text, identifier = marked.replace("{", "").replace("}", ""), marked.partition("{")[2].partition("}")[0]
    assert identifier in [text[span.start : span.end] for span in find_identifiers(text, ())]


def test_declared_name_is_found_with_combining_accents():
    text = "Then Jose\u0301 and Mu\u0308nzenbergs went"
    spans = find_identifiers(text, ["José Münzenbergs"])
    assert [text[s.start : s.end] for s in spans] == ["Jose\u0301", "Mu\u0308nzenbergs"]


@given(st.text(max_size=40) | st.text(alphabet=st.characters(max_codepoint=127), max_size=40))
def test_reading_positions_are_ordered_and_plain_ascii_is_unchanged(text):
    reading = read(text)
    assert reading.text == text or not text.isascii() or re.search(r"\s{2}|[^\S ]", text)
    assert len(reading.text) == len(reading.starts) == len(reading.ends)
    assert list(reading.starts) == sorted(reading.starts)
    assert all(0 <= a < b <= len(text) for a, b in zip(reading.starts, reading.ends, strict=True))


def test_written_span_of_normalized_text():
    assert read("x ﬁ\u03014y").written(Span(2, 5, "other")) == Span(2, 5, "other")


@given(st.lists(st.sampled_from([*FALSE_FRIENDS, *SENTENCES]), min_size=2, max_size=12))
def test_wrapped_text_gives_the_same_spans(sentences):
    text = " ".join(sentences)
    assert find_identifiers(wrapped(text), ()) == find_identifiers(text, ())


def test_the_middle_of_a_very_long_word_is_not_read_and_positions_stay():
    word = "a" * 700 + "b" * 700
    reading = read(f"x {word} 12")
    assert reading.text == f"x {'a' * 500}{'b' * 500} 12"
    start = reading.text.index("12")
    assert reading.written(Span(start, start + 2, "other")) == Span(1403, 1405, "other")
