import pytest

from synthgen.attributes.lexicon import value_of
from synthgen.coherence.values import IN_MG, IN_UNITS, implausible


def test_the_doses_are_of_drugs_of_the_dictionary():
    assert [drug for drug in (*IN_MG, *IN_UNITS) if value_of("medication", drug) != drug] == []
    assert all(8 * low <= high for low, high in (*IN_MG.values(), *IN_UNITS.values()))


@pytest.mark.parametrize(
    "text",
    [
        "BP 80/120.", "Blood pressure was 900/80.", "HR: 500 bpm.", "Temperature 60 degrees C.", "SpO2 140 %.",
        "Temperature 12 F.", "GCS 50.", "levothyroxine 500 mg once daily", "metformin 50 g", "Synthroid 5 mg",
        "Potassium 40 mmol/L.", "Weight 900 kg", "BMI of 300", "lisinopril 2,000 mg", "Heart rate was 500.",
        "Respiratory rate of 200.", "gabapentin 30 mg once daily", "dalteparin 50,000 units", "Metformin 5 mg",
        "A 59-year-old. Gabapentin 30 mg.", "risperidone 90 mg once daily",
        "amlodipine/lisinopril 2,000 mg",
        "BP 120/80. Gabapentin 30 mg.", "diclofenac 4 g", "olanzapine 300 mg",
        "Lantus 2,000 units", "levothyroxine 2 mcg", "Heparin 900000 IU",
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
        "Potassium 20-40 mEq", "gabapentin 10 mg/kg", "gabapentin 5 mg per kg", "dalteparin 5,000 units",
        "hydrocodone-acetaminophen 5 mg-325 mg", "amlodipine/valsartan 5 mg", "gabapentin 30 mg, a girl of 9 months",
        "A 9-year-old. Gabapentin 30 mg daily.", "enalapril 0.05 mg IV", "drops of gabapentin 30 mg",
        "metformin 9 mg·kg",
        "risperidone 90 mg injection", "baclofen 0.02 mg through the pump", "Voltaren gel 4 g",
        "Voltaren 4 g of gel",
        "insulin 12 units", "Vitamin D 50,000 units", "metformin 0.5 g", "acetaminophen 500 mg", "Lantus 10 IU",
        "levothyroxine sodium 50 mcg",
    ],
)  # fmt: skip
def test_a_possible_value_is_not_found(text):
    assert list(implausible(text)) == []
