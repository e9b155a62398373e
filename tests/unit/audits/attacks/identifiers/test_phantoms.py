import pytest

from audits.attacks.identifiers.phantoms import beyond_phantoms


@pytest.mark.parametrize(
    ("train", "others", "is_leak"),
    [(0, 0, False), (1, 0, True), (1, 1, True), (1, 2, False), (5, 2, False), (12, 2, True), (30, 30, False)],
)
def test_two_of_control_explain_as_many_of_train(train, others, is_leak):
    assert beyond_phantoms(train, others, 0.5, few=2) == is_leak


def test_by_hand():
    """P[Bin(9, 1/2) >= 8] = 10 / 512 = .0195, P[Bin(10, 1/2) = 10] = .00098."""
    assert not beyond_phantoms(8, 1, 0.5, few=1)
    assert beyond_phantoms(10, 0, 0.5, few=0)
