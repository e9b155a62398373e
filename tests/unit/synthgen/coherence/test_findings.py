import pytest

from synthgen.coherence.findings import denied, laterality


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("He has left knee pain. Examination shows right knee pain.", True),
        ("Fracture of the left hip. Right hip fracture.", True),
        ("He has left knee pain. Left knee pain is worse on stairs.", False),
        ("He has left knee pain. No right knee pain.", False),
        ("He has left knee pain. Two years ago he had right knee pain.", False),
        ("Left knee pain. Right knee swelling.", False),
        ("Left hip fracture was fixed in May. Right hip fracture was fixed in June.", False),
        ("He has left knee pain and right knee pain.", False),
        ("Left knee pain and right knee pain. Right knee pain is worse on stairs.", False),
        ("Left knee pain and right hip pain. Right knee pain.", True),
        ("Bilateral knee pain. Right knee pain on stairs. Left knee pain at rest.", False),
    ],
)
def test_the_same_finding_on_both_sides_contradicts(text, is_found):
    assert (list(laterality(text)) != []) is is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("She reports cough and fever. She denies cough.", True),
        ("The history is of weakness. No weakness.", True),
        ("She reports cough. No fever.", False),
        ("She previously reported cough. She denies cough now.", False),
        ("She reports severe chest pain. No chest pain at rest.", False),
        ("She reports swelling of the left hand. No swelling.", False),
        ("Cough was discussed. She denies cough.", False),
        ("She reports cough. Her husband denies cough.", False),
        ("She reports bleeding. No bleeding from the gums.", False),
    ],
)
def test_a_symptom_that_is_stated_and_denied_contradicts(text, is_found):
    assert (list(denied(text)) != []) is is_found
