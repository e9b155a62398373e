import pytest

from synthgen.attributes.lexicon import value_of
from synthgen.coherence.values import MAX_MG, implausible


def test_the_doses_are_of_drugs_of_the_dictionary():
    assert [drug for drug in MAX_MG if value_of("medication", drug) != drug] == []


@pytest.mark.parametrize(
    "text",
    [
        "BP 80/120.", "Blood pressure was 900/80.", "HR: 500 bpm.", "Temperature 60 degrees C.", "SpO2 140 %.",
        "Temperature 12 F.", "GCS 50.", "levothyroxine 500 mg once daily", "metformin 50 g", "Synthroid 5 mg",
        "Potassium 40 mmol/L.", "Weight 900 kg", "BMI of 300", "lisinopril 2,000 mg", "Heart rate was 500.",
        "Respiratory rate of 200.",
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
        "radial pulse 2+", "over 1 hr at 5 mL", "diclofenac sodium 1% gel",
        "Sodium 2.4 g", "Vitamin K 100 mcg", "BMI 5th percentile", "HR = 0.75", "RR 1.5", "heart rate 0 at arrest",
        "Potassium 20-40 mEq", "levothyroxine sodium 50 mcg",
    ],
)  # fmt: skip
def test_a_possible_value_is_not_found(text):
    assert list(implausible(text)) == []
