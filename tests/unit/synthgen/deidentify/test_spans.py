from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify.engines import RuleEngine
from synthgen.deidentify.spans import KINDS, Span, read, without_overlaps

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


def test_spans_that_touch_both_count_and_empty_ones_never():
    assert without_overlaps([Span(5, 9, "name"), Span(0, 5, "name"), Span(3, 3, "email")], LENGTH) == [
        Span(0, 5, "name"),
        Span(5, 9, "name"),
    ]


def test_overlap_rejects_unknown_kind():
    with pytest.raises(ValueError, match="not in tuple"):
        without_overlaps([Span(0, 1, "nonsense")], LENGTH)


@given(SPANS)
def test_what_is_kept_is_in_order_apart_and_as_much_as_fits(spans):
    kept = without_overlaps(spans, LENGTH)
    assert all(a.end <= b.start for a, b in pairwise(kept))
    assert set(kept) <= set(spans)
    for span in set(spans) - set(kept):
        assert span.start >= span.end or any(k.start < span.end and span.start < k.end for k in kept)


@given(SPANS, st.randoms(use_true_random=False))
def test_the_order_of_the_finds_does_not_matter(spans, random):
    shuffled = random.sample(spans, len(spans))
    assert without_overlaps(shuffled, LENGTH) == without_overlaps(spans, LENGTH)


FOUND = [
    ("seen, MRN \u0664\u0664\u0665\u0660\u0660\u0661\u0662 today", "\u0664\u0664\u0665\u0660\u0660\u0661\u0662"),
    (
        "born \u0661\u0662/\u0660\u0663/\u0661\u0669\u0666\u0661 now",
        "\u0661\u0662/\u0660\u0663/\u0661\u0669\u0666\u0661",
    ),
    ("NHS 943\u2011476\u20115919 given", "943\u2011476\u20115919"),
    ("ring 020\u20137946\u20130958 now", "020\u20137946\u20130958"),
    ("pay DE89-3704-0044-0532-0130-00 by then", "DE89-3704-0044-0532-0130-00"),
    (
        "pay DE89\u20103704\u20100044\u20100532\u20100130\u201000 by then",
        "DE89\u20103704\u20100044\u20100532\u20100130\u201000",
    ),
    (
        "card \u0664\u0664\u0665\u0660\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661 here",
        "\u0664\u0664\u0665\u0660\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661",
    ),
    ("write to ann.lee\uff20mail.org or", "ann.lee\uff20mail.org"),
    ("write to ann.lee@mail\uff0eorg or", "ann.lee@mail\uff0eorg"),
    ("MRN 4\u03014\u03015\u03010\u03010\u03011\u0301 seen", "4\u03014\u03015\u03010\u03010\u03011\u0301"),
    ("MRN 44\u200b50\u200b012 seen", "44\u200b50\u200b012"),
    ("MRN\u00a04450012 seen", "4450012"),
    ("SSN 536\u221290\u22124399 on file", "536\u221290\u22124399"),
    ("born １２／０３／１９６１ in town", "１２／０３／１９６１"),
    (
        "MRN \U0001d7d2\U0001d7d2\U0001d7d3\U0001d7ce\U0001d7ce seen",
        "\U0001d7d2\U0001d7d2\U0001d7d3\U0001d7ce\U0001d7ce",
    ),
    ("MRN ४४५००१२ seen", "४४५००१२"),
    ("see Dr. Ｓｍｉｔｈ today", "Ｓｍｉｔｈ"),
    ("aged ９４ and well", "９４"),
    ("file 445001234567 lies there", "445001234567"),
    ("MRN_4450012 seen", "4450012"),
]


@pytest.mark.parametrize(("text", "identifier"), FOUND)
def test_an_identifier_is_found_whatever_characters_it_is_written_in(text, identifier):
    assert identifier in [text[span.start : span.end] for span in RuleEngine().find(text, ())]


def test_a_declared_name_is_found_with_its_accents_apart():
    text = "Then Jose\u0301 and Mu\u0308nzenbergs went"
    spans = RuleEngine().find(text, ["José Münzenbergs"])
    assert [text[s.start : s.end] for s in spans] == ["Jose\u0301", "Mu\u0308nzenbergs"]


@given(st.text(max_size=40))
def test_places_are_in_order_and_of_one_length(text):
    reading = read(text)
    assert len(reading.text) == len(reading.starts) == len(reading.ends)
    assert list(reading.starts) == sorted(reading.starts)
    assert all(0 <= a < b <= len(text) for a, b in zip(reading.starts, reading.ends, strict=True))


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=40))
def test_ascii_is_read_as_it_is(text):
    assert read(text).text == text


def test_where_a_span_stands():
    assert read("x ﬁ\u03014y").written(Span(2, 5, "other")) == Span(2, 5, "other")
