from dataclasses import replace

import pytest

from audits.report.risks import missed, most_at_risk, not_excluded


@pytest.fixture(scope="module")
def selftest(pages):
    """Return a function that returns the self-test gate with a given verdict."""
    exact = {"limit": 0, "interval": (0, 0, 0), "n": 4}
    gate = pages.row("selftest-linkage", "selftest.linkage_wrong.value", "<=", verdict="PASS", **exact)
    none = {"value": None, "low": None, "high": None, "n": None}
    return lambda verdict: replace(gate, verdict=verdict, **(none if verdict == "INSUFFICIENT" else {}))


def test_the_smallest_class_is_at_risk(pages):
    content = pages.content()
    attack = "1 attack had a bad result (telling which records were used)"
    smallest = "People of the smallest class, neurology, may be at higher risk"
    assert [*most_at_risk(content)] == [
        "It is not known who is most at risk.",
        f"{attack}, but this page does not show which people are exposed.",
        f"{smallest}, because its 188 texts were made from the fewest real records (60).",
    ]
    buckets = (("a", "1k-2k", 9, 9), ("b", "200-500", 9, 8), ("c", "500-1k", 9, 7))
    content = replace(content, audits=pages.audits()[:2])
    (text,) = most_at_risk(replace(content, balance=buckets))
    assert text.endswith(
        "class, b, may be at higher risk, because its 8 texts were made from the fewest real records (200 to 500)."
    )
    for balance in ((), buckets[:1]):
        assert [*most_at_risk(replace(content, balance=balance))] == ["This was not measured."]


@pytest.mark.parametrize(
    ("sizes", "classes", "fewest"),
    [
        ((60, 90, 60), "2 smallest classes, a and c", "60"),
        (("200-500", "500-1k", "200-500"), "2 smallest classes, a and c", "200 to 500"),
        ((9,) * 5 + (10,), "5 smallest classes, a, b, c and 2 more", "9"),
    ],
)
def test_classes_of_one_size_are_named_together(pages, sizes, classes, fewest):
    balance = tuple((name, size, 9, 9) for name, size in zip("abcdef", sizes, strict=False))
    (text,) = most_at_risk(replace(pages.content(), audits=(), balance=balance))
    assert text == (
        f"People of the {classes}, may be at higher risk, because each of these has the fewest real "
        f"records ({fewest})."
    )


def test_if_all_classes_have_one_size_none_is_the_smallest(pages):
    balance = tuple((name, "1k-2k", 9, 9) for name in "abc")
    (text,) = most_at_risk(replace(pages.content(), audits=(), balance=balance))
    assert text == "No class is the smallest: each of the 3 classes has 1,000 to 2,000 real records."


def test_attacks_that_succeed_and_members_that_are_found_are_at_risk(pages):
    found = {"metrics": {"membership.tpr_at_fpr_5pct": pages.estimate(0.075, 0.025)}}
    attack = {**pages.audits()[2], **found}
    parents = pages.audit("parent_recovery", "fail", pages.estimate(0.56, 0.1), (0.4, 0.6), "")
    text = " ".join(most_at_risk(replace(pages.content(), audits=(attack, parents))))
    assert text.startswith(
        "It is not known who is most at risk. 2 attacks had a bad result (telling which records were used; and "
        "finding the records behind a text), but this page does not show which people are exposed."
    )
    assert (
        "finds 5 to 10 of 100 people who were used, while it wrongly names 5 of 100 people who were not used." in text
    )
    assert "finds 5 of 100, so this attack may be no better than guessing." in text
    undecided = {**parents, "verdict": "insufficient"}
    assert "bad result" not in " ".join(most_at_risk(replace(pages.content(), audits=(undecided,))))


@pytest.mark.parametrize(
    ("low", "high", "numbers", "compared"),
    [
        (0.005, 0.131, "0 to 14", "may be no better"),
        (0.05, 0.06, "5 to 6", "may be no better"),
        (0.06, 0.131, "6 to 14", "is better"),
        (0.0, 0.04, "0 to 4", "is no better"),
    ],
)
def test_numbers_of_found_members_are_rounded_outwards_and_compared(pages, low, high, numbers, compared):
    found = {"metrics": {"membership.tpr_at_fpr_5pct": {"value": 0.03, "low": low, "high": high}}}
    text = " ".join(most_at_risk(replace(pages.content(), audits=({**pages.audits()[2], **found},))))
    assert f"finds {numbers} of 100 people" in text
    assert f"so this attack {compared} than guessing." in text


def test_a_published_seed_endangers_everyone(pages):
    for content in (pages.content(), pages.private_content(**pages.REFUSED)):
        text = " ".join(most_at_risk(replace(content, is_guessable=True)))
        assert text.startswith(
            "Everyone whose records were used. The secret of the run is not private, so somebody may guess it."
        )
        assert "same for every person" not in text
        assert "protect" not in text
    alone = replace(pages.content(), is_guessable=True, audits=(), balance=())
    assert len([*most_at_risk(alone)]) == 2
    assert "limits every leak" not in " ".join(missed(replace(pages.private_content(), is_guessable=True)))


def test_under_a_guarantee_the_limit_is_the_same_for_everybody(pages):
    for independent in (True, False):
        text = " ".join(most_at_risk(pages.private_content(independent=independent)))
        assert "The limit is the same for every person" in text
        assert "It does not protect people who are mentioned only in the records of others. A person with" in text
        assert "smallest class" not in text


def test_the_largest_leak_that_is_not_excluded_is_the_upper_end_of_the_interval(pages):
    content = pages.content()
    pairs = "in up to 64 of 100 pairs of a used and an unused person, an attacker picks the used one"
    nearest = "for up to 56 of 100 texts, the nearest real record is one that was used"
    assert not_excluded(content) == (
        "passages of up to 3 of 1,000 people were copied",
        f"{nearest}, and not one that was not used; without a leak, 50 of 100",
        f"{pairs}; by guessing, 50 of 100 (bad result)",
    )
    below = {**pages.audits()[0], "estimate": pages.estimate(-0.02, 0.01)}
    unsure = {**pages.audits()[1], "status": "inconclusive"}
    assert not_excluded(replace(content, audits=(below, unsure))) == ()
    tested = 'The attack "copied passages" tested at least 412 {0} used and at least 412 {0} not used.'
    last = "If the attacks work as intended, leaks of this size are still possible:"
    assert [*missed(content)][-3::2] == [tested.format("people who were"), last]
    without = replace(content, source=replace(content.source, has_persons=False))
    assert [*missed(without)][-3] == tested.format("records that were")
    assert "tested at least" not in " ".join(missed(replace(content, audits=pages.audits()[1:])))
    assert last not in [*missed(replace(content, audits=()))]


def test_what_was_not_tested_is_named(pages):
    first, *others = missed(pages.content())
    assert first.startswith("Not tested: names, numbers and rare words; finding the records behind a text; and")
    assert "copied passages" not in first
    assert others[0].startswith("No test records were planted, so it was not tested whether")
    assert others[1].startswith("The texts were not compared with an earlier release, if there is one.")
    canaries = pages.audit("canaries", "pass", None, None, "")
    assert others[0] not in [*missed(replace(pages.content(), audits=(canaries,)))]


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ((), "requires no self-test, in which the attacks must find a planted leak, so it is not"),
        (("PASS", "PASS"), "showed that the attacks notice known leaks"),
        (("PASS", "FAIL"), "The self-test failed: an attack missed a known leak, or"),
        (("INSUFFICIENT", "INSUFFICIENT"), "The self-test was not carried out"),
        (("PASS", "INSUFFICIENT"), "The self-test was not completed for every attack."),
    ],
)
def test_the_self_test_shows_whether_attacks_find_planted_leaks(pages, selftest, verdicts, words):
    content = replace(pages.content("refused"), gates=(*pages.GATES, *map(selftest, verdicts)))
    assert words in " ".join(missed(content))


def test_under_withheld_verdicts_nothing_is_said_about_sizes_of_leaks(pages):
    untested = "No test records were planted"
    for independent, words in ((True, "No result of an attack is published"), (False, "publishes only which rules")):
        content = pages.private_content(independent=independent)
        text = " ".join(missed(content))
        assert words in text
        assert "limits every leak of a protected person" in text
        assert (not_excluded(content), untested in text) == ((), False)
        assert untested in " ".join(missed(replace(content, private=True)))
