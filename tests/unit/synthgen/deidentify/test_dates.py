from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify.dates import find_dates, shift_date

FORMATS = ["%m/%d/%Y", "%Y-%m-%d", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%m/%d/%y", "%d-%b-%Y", "%b %d, %Y"]


@pytest.mark.parametrize(
    ("value", "days", "expected"),
    [
        ("2021-02-27", 3, "2021-03-02"),
        ("3/9/2020", 30, "4/8/2020"),
        ("03/09/20", 30, "04/08/20"),
        ("25.12.2019", 10, "04.01.2020"),
        ("March 5, 2021", -10, "February 23, 2021"),
        ("Mar. 5, 2021", 31, "Apr. 5, 2021"),
        ("1st of May 1999", 1, "2nd of May 1999"),
        ("12 JAN 2022", -1, "11 JAN 2022"),
        ("June 2020", 60, "August 2020"),
        ("July 30", 3, "August 2"),
    ],
)
def test_a_moved_date_is_written_as_it_was(value, days, expected):
    assert find_dates(f"seen {value}, then") != []
    assert shift_date(value, days) == expected


@given(
    st.dates(date(1971, 1, 1), date(2038, 12, 31)),
    st.dates(date(1971, 1, 1), date(2038, 12, 31)),
    st.integers(-365, 365),
    st.sampled_from(FORMATS),
)
def test_distances_between_dates_are_kept(one, two, days, form):
    # whether 10 is written with a leading zero cannot be told, so 9 may come back as 9 or 09
    # nor whether May is short for itself, so that its neighbours come back short
    forms = {day: form.replace("%B", "%b") if day.month == 5 else form for day in (one, two)}
    moved = [
        datetime.strptime(shift_date(day.strftime(form), days), forms[day]).date()  # noqa: DTZ007
        for day in (one, two)
    ]
    assert moved == [day + timedelta(days=days) for day in (one, two)]


@pytest.mark.parametrize(
    "text", ["BP 120/80", "13/13/2020", "2021-02-30", "24/26 mg", "1.2.3", "version 2020-1", "T-score -2.5"]
)
def test_what_is_no_date_is_left_alone(text):
    assert find_dates(text) == []


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="not a date"):
        shift_date("last Tuesday", 3)
