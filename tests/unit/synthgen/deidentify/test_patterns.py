import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify.patterns import find_patterns
from synthgen.deidentify.spans import KINDS


def found(text, kind):
    spans = sorted({s for s in find_patterns(text) if s.kind == kind}, key=lambda s: (s.start, s.end))
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
        ("street", "12 Mill Pond Road, Apt 4b and 12 mill road", ["12 Mill Pond Road, Apt 4b", "Mill Pond Road"]),
        ("place", "New Haven, CT 06510-1234", ["New Haven, CT 06510-1234"]),
        ("postal_code", "PA 16801", ["16801"]),
        ("postal_code", "zip code: 16801", ["16801"]),
        ("age", "93 yo, 89 yo, 129M, 130 years, 93/60", ["93", "129"]),
        ("age", "aged 104, turned 90, age of 91%", ["104", "90"]),
        ("age", "she is 95 and well", ["95"]),
        ("record_number", "policy number: K-8841/22", ["K-8841/22"]),
        ("record_number", "Medicare card 2951 38274 1-2, account 12 34", ["2951 38274 1", "2951 38274 1-2"]),
        ("record_number", "seen 7718204 bed 12, SNOMED 73211009, 7718200 IU", ["7718204"]),
        ("record_number", "interpreter ID 48812, old number RX-90315, IDDM 48812", ["48812", "RX-90315"]),
        ("record_number", "username tbelmonte61, username unknown", ["tbelmonte61"]),
        ("record_number", "Ur 11.2 Cr 148", []),
        ("phone", "-0.75 x 170, ext 4417", ["4417"]),
        (
            "age",
            "Mother, ninety-three, lives; Nakagawa Yoshiko, 101, came; Heart Rate, 101, irregular",
            ["ninety-three", "101"],
        ),
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
    assert {s.kind for s in find_patterns("SSN 123-45-6789")} >= {"ssn", "record_number"}


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


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("record_number", "unit no 44512, group 5512-A; DEA BA1234563.", ["44512", "5512-A", "BA1234563"]),
        ("record_number", "Medicare id 1EG4-TE5-MK73, GMC 7012345", ["1EG4-TE5-MK73", "7012345"]),
        (
            "record_number",
            "plate ABC-1234, S/N 88213, FIN 123456, CSN 9912345",
            ["ABC-1234", "88213", "123456", "9912345"],
        ),
        ("record_number", "claim 5512345, Pt ID#7734021, MRN:\n7734021", ["5512345", "7734021", "7734021"]),
        ("record_number", "COVID-19, CA-125 35, NCT01234567, group 2, plan 2021, L4-L5", []),
        ("ip", "fe80::1ff:fe23:4567:890a at 08:15:30", ["fe80::1ff:fe23:4567:890a"]),
        ("phone", "VS: 98.4 87 132/78; Cr 1.2 1.4 1.9 2.3; I/O 1200 1350 2400; I/O 500 450 1000", []),
        ("phone", "0113 496 0000; pager 4471, tel 555-0173", ["0113 496 0000", "4471", "555-0173"]),
        ("postal_code", "5000 OR 10000 units, in Dunmore, PA 18512", ["18512"]),
        ("age", "She is ninety-four years old, aged one hundred and two", ["ninety-four", "one hundred and two"]),
        ("age", "T 98 F, HR 94 M, for 92% of", []),
        ("url", "myclinic.example.org/p/okonkwo used", ["myclinic.example.org/p/okonkwo"]),
        ("email", "john dot smith at gmail dot com", ["john dot smith at gmail dot com"]),
        (
            "place",
            "Lives in Harrogate; St. Mary's Hospital; Pain Clinic; lives in Texas",
            ["Harrogate", "St. Mary's Hospital"],
        ),
    ],
)
def test_identifiers_and_their_neighbours(kind, text, expected):
    assert sorted(set(found(text, kind)), key=text.index) == sorted(set(expected), key=text.index)
