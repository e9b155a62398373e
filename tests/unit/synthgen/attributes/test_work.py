import pytest

from synthgen.attributes.work import find_work, occupations


def test_names_are_longest_first_and_once():
    names = occupations()
    assert len(set(names)) == len(names) > 100
    assert [len(n) for n in names] == sorted((len(n) for n in names), reverse=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She works as a wedding photographer and repairs accordions.", ["photographer"]),
        ("He works part-time as a payroll representative, in town", ["payroll representative"]),
        ("Occupation: truck driver", ["truck driver"]),
        ("a retired school teacher", ["teacher", "retired"]),
        ("He is an engineer.", ["engineer"]),
        ("a 77-year-old oyster farmer", ["farmer"]),
        ("Soc: pest controller; had polio", ["pest controller"]),
        ("She is retired.", ["retired"]),
        ("unemployed", ["unemployed"]),
        ("The nurse saw him; the doctor too.", []),  # the staff, not the patient
        ("He is a patient man.", []),
    ],
)
def test_by_hand(text, expected):
    assert [f.value for f in find_work(text)] == expected
