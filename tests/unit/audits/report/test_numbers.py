import pytest

from audits.report.numbers import at_most, count, excerpt, label, least_of, listed, number, percent, several, spoken


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((None, "not measured"), (float("nan"), "not a finite number"), ("n/a", "n/a")),
        *(
            (0, "0"),
            (1717, "1,717"),
            (0.0, "0"),
            (0.61, "0.610"),
            (53.25, "53.25"),
            (-531.6, "-531.6"),
            (70000.04, "70,000.0"),
            (0.00042, "0.00042"),
            (1e-05, "0.00001"),
            (1 / 3000, "3.3e-04"),
            (-0.5, "-0.500"),
        ),
        ((0.47, 0.53), "0.470 to 0.530"),
    ],
)
def test_number(value, shown):
    assert number(value) == shown


def test_long_labels_are_shortened():
    assert (len(label("x" * 500)), label("x" * 60)) == (60, "x" * 60)


@pytest.mark.parametrize(
    ("value", "in_words", "least"),
    [
        (0, "0", 0),
        (1717, "1,717", 1717),
        ("1-9", "1 to 9", 1),
        ("500-1k", "500 to 1,000", 500),
        ("1k-2k", "1,000 to 2,000", 1000),
    ],
)
def test_buckets_in_words_and_their_lower_ends(value, in_words, least):
    assert (spoken(value), least_of(value)) == (in_words, least)


def test_percent_count_and_lists():
    assert [percent(share) for share in (0, 0.01, 0.105, 0.6366, 1)] == ["0%", "1%", "10.5%", "63.7%", "100%"]
    assert (count(1717), count("1k-2k")) == ("1,717", "1k-2k")
    assert [listed(items) for items in (("a",), ("a", "b"), ("a", "b", "c"))] == ["a", "a and b", "a, b and c"]
    assert listed(("a, b", "c", "d"), "; ") == "a, b; c; and d"


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        *((0, "0 of 100"), (0.01, "1 of 100"), (0.07, "7 of 100"), (0.625, "63 of 100"), (1, "100 of 100")),
        *((0.003, "3 of 1,000"), (0.0031, "4 of 1,000"), (0.00001, "1 of 1,000")),
    ],
)
def test_a_share_of_people_is_rounded_up(share, shown):
    assert at_most(share) == shown


def test_several_things():
    assert [several(n, "rule") for n in (0, 1, 1717)] == ["0 rules", "1 rule", "1,717 rules"]


def test_an_excerpt_keeps_lines_and_is_short():
    assert excerpt("one\ntwo\x1b\u2028three") == "one\ntwo\N{REPLACEMENT CHARACTER}\nthree"
    assert (len(excerpt("x" * 601)), excerpt("x" * 600)) == (600, "x" * 600)
