"""Facts found in hand-written clinical notes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.linkage.clinical_fields import quasi_identifiers, sensitive_attributes


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("A 67-year-old woman with migraine.", {"age:60", "sex:f", "complaint:migraine"}),
        (
            "Mr. Doe is 45 and attends cardiology for angina; seen 2024-03-09.",
            {"age:40", "sex:m", "department:cardiology", "complaint:angina", "month:3"},
        ),
        ("04/12/2022 | MRN: 1 | 50 M | asthma", {"age:50", "sex:m", "complaint:asthma", "month:4"}),
        ("Pt (93 y/o F), f/u gout, 19 Jan 2021", {"age:90", "sex:f", "complaint:gout", "month:1"}),
        ("whom I saw on November 01, 2024. Age 7.", {"age:0", "month:11"}),
        ("She says he told her husband. 98 degrees", {"sex:f"}),
        ("he told her", set()),
        ("The committee met.", set()),
    ],
)
def test_quasi_identifiers(text, items):
    assert quasi_identifiers(text) == items


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("Takes Metformin 500 mg and warfarin.", {"drug:metformin", "drug:warfarin", "dose:500 mg"}),
        ("carbidopa-levodopa 25/250 mg", {"drug:levodopa", "dose:25/250 mg"}),
        (
            "vedolizumab 300 mg; bisoprolol 1.25 mg",
            {"drug:vedolizumab", "drug:bisoprolol", "dose:300 mg", "dose:1.25 mg"},
        ),
        ("LDL 103 mg/dL", {"lab:ldl 20"}),
        ("LDL of 102.", {"lab:ldl 20"}),
        ("LDL 180", {"lab:ldl 22"}),
        ("He is a former smoker.", {"smoking:former"}),
        ("Denies tobacco use; drinks 4 beers a week", {"smoking:never", "alcohol:some"}),
        ("HIV positive, hepatitis C, depression", {"infection:hiv", "infection:hepatitis c", "mind:depression"}),
        ("Mother had breast cancer. Father well.", {"family:mother breast", "family:mother cancer"}),
        (
            "Allergic to penicillin and sulfa.",
            {"allergy:penicillin", "allergy:sulfa", "drug:penicillin", "drug:sulfa"},
        ),
        ("In April the cholesterol program was closed.", set()),
    ],
)
def test_sensitive_attributes(text, items):
    assert sensitive_attributes(text) == items


@given(st.text(max_size=80))
def test_any_text_can_be_read(text):
    for find in (quasi_identifiers, sensitive_attributes):
        assert find(text) == find(f"  {text}\n")
        assert all(item.partition(":")[2] for item in find(text))


def test_upper_case_has_the_same_facts():
    note = "Mrs. Doe, age 52, hypertension. On Lisinopril 10 mg. Smoker. Father - stroke."
    assert sensitive_attributes(note) == sensitive_attributes(note.upper()) != frozenset()
    known = {"sex:f", "age:50", "complaint:hypertension", "complaint:stroke"}
    assert quasi_identifiers(note) == quasi_identifiers(note.upper()) == known
