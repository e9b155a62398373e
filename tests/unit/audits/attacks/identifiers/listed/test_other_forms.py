import pytest

from audits.attacks.identifiers.listed.other_forms import OtherForm, judge_other_forms
from audits.attacks.identifiers.locations import Place
from audits.attacks.identifiers.ownership import Owners

ANN, BO, CY, PUBLIC = 0, 1, 2, 6  # Ann and Bo are train persons, 2 to 5 control persons


@pytest.fixture
def judged(people_of):
    """Return a function that judges one occurrence for each set of owners, in consecutive rows."""

    def judge(*owners, by_chance=(), **options):
        found = [OtherForm(Owners(of_one), row, [(3, 7)]) for row, of_one in enumerate(owners)]
        return judge_other_forms(found, by_chance, people_of(["made"]), "known name", **options)

    return judge


def test_occurrences_of_train_alone_are_leaks(judged):
    leaks = judged([ANN], [ANN, CY], [CY], [BO, PUBLIC], [ANN, BO])
    assert leaks.persons == {ANN, BO}
    assert leaks.places == {0: [Place(3, 7, "known name", [ANN])], 4: [Place(3, 7, "known name", [ANN, BO])]}


@pytest.mark.parametrize("options", [{"by_chance": [CY + 1]}, {"minimum": 1}, {"minimum": 0, "share": 0.1}])
def test_no_occurrence_is_a_leak_if_as_many_other_persons_are_found(judged, options):
    assert judged([ANN], [CY], **options) == ({}, set())


def test_a_test_without_other_persons_depends_on_the_share(judged):
    assert judged([ANN], minimum=0, share=0.001).persons == {ANN}
    assert not judged([ANN], minimum=0, share=0.5).persons
