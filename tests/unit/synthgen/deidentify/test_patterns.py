from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify.patterns import find_dates, find_patterns, shift_date
from synthgen.deidentify.spans import KINDS


def found(text, kind):
    spans = sorted({s for s in find_patterns(text) if s.kind == kind}, key=lambda s: s.start)
    return [text[s.start : s.end] for s in spans]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("email", "a@b.org, c.d+e@mail.example.co.uk; @here a@b", ["a@b.org", "c.d+e@mail.example.co.uk"]),
        ("url", "(http://x.y/z) www.example.org. xhttp://no", ["http://x.y/z", "www.example.org."]),
        ("iban", "GB82WEST12345698765432 GB83WEST12345698765432", ["GB82WEST12345698765432"]),
        ("card", "378282246310005, 3782 822463 10005; 378282246310006", ["378282246310005", "3782 822463 10005"]),
        ("card", "4111 1111 1111 1111 12/25 or 378282246310005 123", ["4111 1111 1111 1111", "378282246310005"]),
        ("iban", "DE٨٩ ٣٧٠٤ ٠٠٤٤ ٠٥٣٢ ٠١٣٠ ٠٠ here", ["DE٨٩ ٣٧٠٤ ٠٠٤٤ ٠٥٣٢ ٠١٣٠ ٠٠"]),
        ("iban", "BE68 5390 0754 7034 paid by be68539007547034 is", ["BE68 5390 0754 7034", "be68539007547034"]),
        ("card", "4111-1111-1111-1111 4111-1111-1111-1112", ["4111-1111-1111-1111"]),
        ("ssn", "123-45-6789 1123-45-6789 123-45-67890", ["123-45-6789"]),
        ("nhs_number", "9434765919 943 476 5918", ["9434765919"]),
        ("ip", "10.0.0.255 10.0.0.256 1.2.3.4.5", ["10.0.0.255"]),
        ("ip", "2001:db8:0:0:0:0:0:1", ["2001:db8:0:0:0:0:0:1"]),
        ("record_number", "MRN is 00482913; case 12; account ABCD", ["00482913"]),
        ("phone", "5550142 or tel: 5550142, 200-3000 mg", ["5550142"]),
        ("phone", "+1 212 555 0142 x12", ["+1 212 555 0142 x12"]),
        ("street", "12 Mill Pond Road, Apt 4b and 12 mill road", ["12 Mill Pond Road, Apt 4b"]),
        ("place", "New Haven, CT 06510-1234", ["New Haven, CT 06510-1234"]),
        ("postal_code", "PA 16801", ["16801"]),
        ("postal_code", "zip code: 16801", ["16801"]),
        ("age", "93 yo, 89 yo, 129M, 130 years, 93/60", ["93", "129"]),
        ("age", "aged 104, turned 90, age of 91%", ["104", "90"]),
        ("age", "she is 95 and well", ["95"]),
        ("record_number", "policy number: K-8841/22", ["K-8841/22"]),
        # wrong lengths and alphabets
        ("nhs_number", "943476591", []),
        ("iban", "GB82", []),
        ("iban", "ГБ82WEST12345698765432", []),
        # digits of other scripts
        ("phone", "tel ٥٥٥٠١٤٢", ["٥٥٥٠١٤٢"]),
        ("card", "٤١١١ ١١١١ ١١١١ ١١١١", ["٤١١١ ١١١١ ١١١١ ١١١١"]),
        ("nhs_number", "٩٤٣٤٧٦٥٩١٩", ["٩٤٣٤٧٦٥٩١٩"]),
    ],
)
def test_patterns_worked_examples(kind, text, expected):
    assert found(text, kind) == expected


def test_overlapping_spans_are_all_returned():
    assert {s.kind for s in find_patterns("SSN 123-45-6789")} >= {"ssn", "phone"}


@given(st.text(st.sampled_from("0123456789 .-/:@+()ABab#"), max_size=80))
def test_spans_lie_in_the_text_and_have_a_known_kind(text):
    assert all(0 <= s.start < s.end <= len(text) and s.kind in KINDS for s in find_patterns(text))


@pytest.mark.parametrize(
    ("kind", "value"),
    [("card", "4111111111111111"), ("nhs_number", "9434765919"), ("iban", "GB82 WEST 1234 5698 7654 32")],
)
def test_check_digits_are_verified(kind, value):
    assert found(value, kind) == [value]
    for i, character in enumerate(value):
        if character.isdigit():
            changed = value[:i] + str((int(character) + 1) % 10) + value[i + 1 :]
            assert found(changed, kind) == []


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
