import pytest

from synthgen.attributes.lexicon import value_of
from synthgen.coherence.treatment import treatment, uses


def test_the_table_has_only_names_of_the_dictionaries():
    assert [drug for drug in uses() if value_of("medication", drug) != drug] == []
    assert [c for of_drug in uses().values() for c in of_drug if value_of("condition", c) != c] == []


@pytest.mark.parametrize(
    ("text", "drug"),
    [
        ("She takes metformin for asthma.", "metformin"),
        ("She takes levothyroxine 50 mcg daily for hypertension.", "levothyroxine"),
        ("His epilepsy is treated with lisinopril.", "lisinopril"),
        ("We have made a diagnosis of hyperthyroidism. We have started levothyroxine.", "levothyroxine"),
        ("Diagnosis of migraine. He was started on metformin 500 mg.", "metformin"),
    ],
)
def test_a_drug_for_a_condition_that_it_does_not_treat_contradicts(text, drug):
    (found,) = treatment(text)
    assert text[slice(*found.at)] == drug


@pytest.mark.parametrize(
    "text",
    [
        "She takes metformin for type 2 diabetes and albuterol for asthma.",
        "Her asthma is treated with albuterol, and she takes metformin.",
        "Diagnosis of migraine. She has diabetes. He was started on metformin.",
        "Diabetes since 2010. Diagnosis of migraine. He was started on metformin.",
        "Diagnosis of migraine. He was started on ibuprofen.",  # given for many conditions
        "She does not take metformin for asthma.",
        "Propranolol for hyperthyroidism, and propranolol for migraine.",
        "Botulinum toxin for overactive bladder, metoprolol for migraine, folic acid for rheumatoid arthritis.",
        "",
    ],
)
def test_a_fitting_or_unrelated_drug_is_no_contradiction(text):
    assert list(treatment(text)) == []
