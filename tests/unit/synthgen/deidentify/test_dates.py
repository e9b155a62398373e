from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify.dates import date_order, find_dates, shift_date
from synthgen.deidentify.deidentify import MAX_SHIFT_DAYS, MIN_SHIFT_DAYS

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
def test_shifted_date_keeps_its_format(value, days, expected):
    assert find_dates(f"seen {value}, then") != []
    assert shift_date(value, days) == expected


@given(
    st.dates(date(1971, 1, 1), date(2038, 12, 31)),
    st.dates(date(1971, 1, 1), date(2038, 12, 31)),
    st.integers(-365, 365),
    st.sampled_from(FORMATS),
)
def test_shifted_dates_keep_their_distance(one, two, days, form):
    # a full "May" equals its abbreviation, so a date shifted from May has an abbreviated month
    forms = {day: form.replace("%B", "%b") if day.month == 5 else form for day in (one, two)}
    for day in (one, two):
        moved = datetime.strptime(shift_date(day.strftime(form), days), forms[day])  # noqa: DTZ007
        assert moved.date() == day + timedelta(days=days)


@pytest.mark.parametrize(
    "text", ["BP 120/80", "13/13/2020", "2021-02-30", "24/26 mg", "1.2.3", "version 2020-1", "T-score -2.5"]
)
def test_other_numbers_are_not_dates(text):
    assert find_dates(text) == []


def test_shift_of_an_unknown_form_is_an_error():
    with pytest.raises(ValueError, match="not a date"):
        shift_date("last Tuesday", 3)


@pytest.mark.parametrize(
    "value",
    [
        *("2021-11-30T08:15", "january 5, 2022", "JANUARY 5, 2022", "27.10.23", "03/2021", "Mar-2021", "Sept '21"),
        *("Tues 6/13", "January the 5th, 2022", "2022-Jan-05", "14th of September", "5/Jan/2022", "June 3-5, 2021"),
    ],
)
def test_dates_are_found_in_any_shape_and_shifted_in_it(value):
    text = f"seen {value}, then"
    assert max((end - start, text[start:end]) for start, end in find_dates(text))[1] == value
    moved = shift_date(value, 45)
    assert moved != value
    assert [c.isdecimal() for c in moved if not c.isalpha()][:1] == [c.isdecimal() for c in value if not c.isalpha()][
        :1
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Admitted 3/7 and discharged 3/11.", ["3/7", "3/11"]),
        ("Follow up Tues 6/13 at 10", ["Tues 6/13"]),
        ("hx for 3/7, review 2/52", []),
        ("Pain 7/10, power 4/5, murmur 2/6, on 3/10 pain", []),
        ("available 24/7, vision 20/20, BP 120/80", []),
        ("may 5 mg in march 3", []),
        ("Pain 7/10 at 2200, Braden 12/23, GCS 03/15, power 4/5 10:30", []),
        ("22/9 T 37.8, 23/9 T 38.4, 24/9 afebrile", ["22/9", "23/9", "24/9"]),
        ("Vitals 03/14 2200; 8/19 wound clean; 2/17 nodes positive", ["03/14", "8/19"]),
        ("Hospital course 1/29/22-2/4/22; ids 1970-1985", ["1/29/22", "2/4/22"]),
        ("Labs of 5-11 reviewed; range 5-11", ["5-11"]),
        ("Insulin 12-14-16 units", []),
        ("due on the 21st, on the 3rd floor", ["21st"]),
        ("Booster early December. In May she; she may, in may", ["December", "May"]),
        ("landed 29/12 13:50, pN1b (3/22), nodes 2/12 10:30", ["29/12"]),
        ("fell on St Patrick's Day; Christmas tree rash", ["St Patrick's Day"]),
    ],
)
def test_short_dates_need_a_context(text, expected):
    assert [text[start:end] for start, end in sorted(find_dates(text))] == expected


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("05Jun2019", "20Jul2019"),
        ("20230415", "20230530"),
        ("twenty-third of January", "eighth of March"),
        ("6 to 13 September", "21 to 28 October"),
        ("2nd and 16th Oct", "16th and 30th Nov"),
        ("December", "January"),
        ("21st", "6th"),
        ("5-11", "6-25"),
        ("Christmas Day 2019", "8 February 2020"),
        ("Halloween", "15 December"),
    ],
)
def test_forms_without_year_month_or_digits_are_shifted(value, moved):
    assert shift_date(value, 45) == moved


def test_no_shift_of_a_person_leaves_a_date_as_it_is():
    for value in ("14 March", "April", "21st", "3/14", "Jul 2021", "20230415", "9 to 12 May"):
        assert value not in {
            shift_date(value, sign * d) for d in range(MIN_SHIFT_DAYS, MAX_SHIFT_DAYS) for sign in (1, -1)
        }


def test_order_of_day_and_month_is_inferred_once():
    texts = ["Admitted 05/11/2023, operated 12/11/2023,", "discharged 14/11/2023"]
    assert date_order(texts) == "day-first"
    assert date_order(["05/11/2023", "11/14/2023"]) == "month-first"
    assert date_order([]) == "month-first"
    moved = [shift_date(value, 40, "day-first") for value in ("05/11/2023", "12/11/2023", "14/11/2023")]
    assert moved == ["15/12/2023", "22/12/2023", "24/12/2023"]


@given(
    st.dates(date(1990, 1, 1), date(2030, 12, 31)),
    st.integers(31, 365),
    st.sampled_from(["day-first", "month-first"]),
)
def test_intervals_and_weekdays_are_kept_in_either_order(day, days, order):
    form = "%d/%m/%Y" if order == "day-first" else "%m/%d/%Y"
    if day.day > 12 or order == "month-first" or day.day == day.month:
        moved = datetime.strptime(shift_date(day.strftime(form), days, order), form).date()  # noqa: DTZ007
        assert moved == day + timedelta(days=days)
    named = day.strftime("%a %d %b %Y")
    moved_named = datetime.strptime(shift_date(named, days, order), "%a %d %b %Y")  # noqa: DTZ007
    assert moved_named.date() == day + timedelta(days=days)
    assert shift_date(named, days, order)[:3] == (day + timedelta(days=days)).strftime("%a")
