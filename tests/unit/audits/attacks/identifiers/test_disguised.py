import pytest

from audits.attacks.identifiers.disguised import judge_disguised
from audits.attacks.identifiers.patterns import read_content
from audits.attacks.identifiers.recorded import OtherOccurrences, SyntheticOccurrences, index_identifiers
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import read_people, read_pool, read_synthetic

ANN, CY = 0, 1
SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)


@pytest.fixture
def judged(module_at):
    """Return a function that judges texts against identifiers of (person, texts): one of train, some of control."""
    tables = module_at("tests/unit/audits/attacks/identifiers/test_tables.py")

    def judge(made, lists, seen=()):
        from audits.core.types import AuditInputs

        inputs = AuditInputs(
            synthetic=tables.table(*made), train=tables.table("a"), control=tables.table("b", "c", "d", "e")
        )
        people = read_people(inputs)
        recorded = index_identifiers([texts for _, texts in lists], [owner for owner, _ in lists])
        returns = SyntheticOccurrences(recorded)
        synthetic = read_synthetic(made, returns)
        for text in made:
            returns.read(read_content(text))
        others = OtherOccurrences(recorded, returns)
        pool = read_pool(people, synthetic, others)
        return judge_disguised(made, (recorded, returns, others), pool, people, SURPRISAL, seen)

    return judge


def test_a_number_in_words_is_a_leak_once(judged):
    found = judged(["no four eight two one three three seven seven"], [(ANN, ["48213377"])])
    assert found.hard == 1
    assert "known number, digits" in [place.kind for place in found.places[0]]


def test_what_was_found_openly_is_not_counted_again(judged):
    assert judged(["48213377"], [(ANN, ["48213377"])], seen=["48213377"]).hard == 0


def test_a_number_of_control_is_no_leak_and_a_desks_phone_is_exempt(judged):
    made = ["call five five five oh one two three four five six"]
    assert judged(made, [(CY, ["555 012 3456"])]).hard == 0
    assert judged(made, [(ANN, ["555 012 3456"]), (CY, ["555 012 3456"])]).hard == 0
    assert judged(made, [(ANN, ["555 012 3456"])]).hard == 1


def test_a_name_backwards_is_a_leak_unless_names_of_control_return_so(judged):
    lists = [(ANN, ["Emily Quistgaard"]), (CY, ["Theodric Vanhoutte"]), (CY + 1, ["Ottoline Brackenridge"])]
    made = ["draagtsiuq ylime", "ettuohnav cirdoeht", "egdirnekcarb enilotto"]
    assert [judged(made[:n], lists).hard for n in (1, 2, 3)] == [1, 1, 0]
