"""What was read from a hospital source is described in lines."""

from synthgen.plan.source_summary import documents_in_words

COUNTS = {
    "in": 12,
    "out": 9,
    "dropped": {"no person": 3},
    "remarks": {"other charset": 1},
    "profile": {"words": [10, 50, 90], "persons": 4, "notes_by_year": {"2021": 2, "2022": 7}},
}


def test_numbers_reasons_and_years():
    assert documents_in_words(COUNTS) == [
        "documents: 12 read, 9 notes of 4 persons used",
        "  not used: no person: 3",
        "  used with a remark: other charset: 1",
        "  notes by year: 2021: 2, 2022: 7",
    ]


def test_many_years_are_a_range_and_none_are_left_out():
    years = {str(1990 + i): i for i in range(20)}
    lines = documents_in_words({**COUNTS, "profile": {**COUNTS["profile"], "notes_by_year": years}})
    assert lines[-1] == "  notes by year: from 1990 to 2009, most in 2009"
    lines = documents_in_words({**COUNTS, "profile": {**COUNTS["profile"], "notes_by_year": {}}})
    assert lines[-1].startswith("  used with a remark")
