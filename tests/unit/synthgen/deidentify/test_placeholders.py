import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify import with_placeholders
from synthgen.deidentify.dates import find_dates
from synthgen.deidentify.patterns import find_patterns


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("MRN 61825022, seen today.", "MRN [RECORD NUMBER], seen today."),
        ("Call (555) 010-4477 or write to a.b@example.org.", "Call [PHONE] or write to [EMAIL]."),
        ("SSN: 078-05-1120; see https://example.org/x", "SSN: [SSN]; see [URL]"),
        ("Lives at 12 Mill Road, aged 93.", "Lives at [STREET], aged 93."),
        (
            "Dear Dr. Clarke, I saw Mrs Laura Nakamura; Emma drove her.",
            "Dear Dr. [NAME], I saw Mrs [NAME]; [NAME] drove her.",
        ),
        ("BP 120/80, sats 98%, metformin 500 mg, 03/11/2021, Parkinson's disease, back 2024-08-12.", None),
        ("Dear Colleague,\nHISTORY OF PRESENT ILLNESS\nCrohn disease, Murphy sign negative.", None),
        ("no number at all", None),
    ],
)
def test_invented_identifiers_become_the_name_of_their_field(written, expected):
    assert with_placeholders(written) == (written if expected is None else expected)


@given(st.text(alphabet="MRN 0123456789-.@aAe/:+()", max_size=80))
def test_nothing_that_a_pattern_finds_is_left_and_a_second_time_changes_nothing(text):
    once = with_placeholders(text)
    left = [span for span in find_patterns(once) if span.kind != "age"]
    dates = find_dates(once)
    assert all(any(start < span.end and span.start < end for start, end in dates) for span in left)
    assert with_placeholders(once) == once
