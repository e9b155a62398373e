import pytest

from synthgen.coherence.persons import age, sex

TWO_SEXES = [
    "A 45-year-old man has gout. She takes colchicine.",
    "Mr [NAME]. She has been troubled by pain.",
    "Dear Mrs Lee\nI saw this 70-year-old man today.",
    "Sex: F. 61 y/o M with cough.",
    "I saw this lady in clinic. He feels well.",
    "A 30-year-old woman. Her prostate was enlarged.",
    "A 30-year-old man. He is pregnant and well.",
    "A 45-year-old MALE. SEX: FEMALE",
    "A 30-year-old man presents with vaginal bleeding for two weeks.",
]
ONE_SEX = [
    "A 45-year-old man has gout. His wife called. She is worried.",
    "A 2-year-old boy. His mother is well. She had a vaginal delivery.",
    "A 45-year-old woman, a patient of Mr. Lee, has gout.",
    "A 50-year-old woman. Her husband has prostate cancer.",
    "Temp 98.6 F, T 101.2F. A 45-year-old man with a 16 F Foley catheter.",
    "A 45-year-old man. He told the woman at the desk.",
    "A 45-year-old woman with PsA.",
    "A 45-year-old woman. Discussed with Mr Patel. Mr Patel will see her. She is on the waiting list of Mr Brown.",
    "A 30-year-old woman. The baby boy weighed 3 kg. She gave birth to a boy. He weighs 3 kg.",
    "A 30-year-old woman brings her 4-year-old boy.",
    "He has a cough. He is a 61 y/o M.",
    "A 40-year-old man. No pregnancy test was done.",
    "The patient has a cough.",
    "",
]


@pytest.mark.parametrize("text", TWO_SEXES)
def test_signs_of_both_sexes_contradict(text):
    (found,) = sex(text)
    assert found.rule == "sex"
    assert text[slice(*found.at)].strip()
    assert found.against is not None


@pytest.mark.parametrize("text", ONE_SEX)
def test_another_person_or_a_negation_is_no_contradiction(text):
    assert list(sex(text)) == []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("A 45-year-old man has gout. This 62-year-old man rests.", True),
        ("A 45-year-old man. The 46-year-old patient rests.", False),  # a birthday may lie between the sentences
        ("A 45-year-old man. His 12-year-old son, a boy, is well.", False),
        ("A 45-year-old man. He had surgery at 12 years old.", False),
        ("A woman in her sixties. The 63-year-old woman rests.", False),
    ],
)
def test_two_ages_of_the_person_contradict(text, is_found):
    assert (list(age(text)) != []) is is_found
