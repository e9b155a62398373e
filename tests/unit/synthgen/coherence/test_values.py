import pytest

from synthgen.attributes.lexicon import value_of
from synthgen.coherence.values import MOST_MG, implausible


def test_the_doses_are_of_drugs_of_the_dictionary():
    assert [drug for drug in MOST_MG if value_of("medication", drug) != drug] == []


@pytest.mark.parametrize(
    "text",
    [
        "BP 80/120.", "Blood pressure was 900/80.", "HR: 500 bpm.", "Temperature 60 degrees C.", "SpO2 140 %.",
        "Temperature 12 F.", "GCS 50.", "levothyroxine 500 mg once daily", "metformin 50 g", "Synthroid 5 mg",
        "Potassium 40.", "Weight 900 kg", "BMI of 300", "lisinopril 2,000 mg",
    ],
)  # fmt: skip
def test_an_impossible_value_is_found(text):
    assert [found.rule for found in implausible(text)] == ["implausible"]


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80.", "BP 220/130, HR 140.", "Temperature 98.6 degrees F.", "Temp 39.5 C", "SpO2 88%.", "GCS 3.",
        "levothyroxine 500 mcg", "metformin 1000 mg twice daily", "metformin 1 g", "Potassium chloride 40 meq",
        "Pain is 11 out of 10.", "HbA1c 53 mmol/mol", "unknownol 90000 mg", "HR 72/min.",
    ],
)  # fmt: skip
def test_a_possible_value_is_not_found(text):
    assert list(implausible(text)) == []
