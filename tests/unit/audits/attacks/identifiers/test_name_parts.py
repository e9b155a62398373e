"""A long word of a recorded name tells of its person, unless others have it or chance or control explain it."""

import pytest

from audits.attacks.identifiers.name_parts import leaked_parts
from audits.attacks.identifiers.recorded import index_identifiers
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import read_people

SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)
ANN, BO, CY = 0, 1, 2  # Ann and Bo are of train, Cy and the next of control
NAME = (ANN, ["Marguerite Quistgaardsen"])


@pytest.fixture
def parts(module_at):
    """Return a function that gives the parts of names of (person, names) that stand in texts."""
    tables = module_at("tests/unit/audits/attacks/identifiers/test_tables.py")

    def found(made, lists, *, train=("a", "b"), control=("c", "d", "e", "f"), known=()):
        from audits.core.types import AuditInputs

        inputs = AuditInputs(
            synthetic=tables.table(*made), train=tables.table(*train), control=tables.table(*control)
        )
        recorded = index_identifiers([names for _, names in lists], [owner for owner, _ in lists])
        return leaked_parts(made, recorded, read_people(inputs), SURPRISAL, set(known))

    return found


@pytest.mark.parametrize(
    "written", ["Quistgaardsen", "M. Quistgaardsen", "Marguerite Jane Quistgaardsen", "of the QUISTGAARDSEN family"]
)
def test_a_rare_surname_tells_of_its_person(parts, written):
    assert parts([f"seen by {written} today"], [NAME])[("quistgaardsen",)] == [ANN]


def test_what_others_have_tells_of_nobody(parts):
    made = ["seen by Quistgaardsen today"]
    assert parts(made, [NAME, (CY, ["Ottoline Quistgaardsen"])]) == {}
    assert parts(made, [NAME], control=("c", "near Quistgaardsen street", "e", "f")) == {}
    assert parts(made, [NAME], train=("Quistgaardsen came", "b")) == {("quistgaardsen",): [ANN]}
    assert parts(made, [NAME], known=(ANN,)) == {}
    assert parts(["seen by Ann today"], [(ANN, ["Ann Lee"])]) == {}
    assert parts(["seen by quistgaardsen"], []) == {}


def test_where_names_of_control_return_so_they_explain_it(parts):
    made = ["quistgaardsen", "brackenridges", "vanhouttesteen"]
    control = [(CY, ["Ottoline Brackenridges"]), (CY + 1, ["Theodric Vanhouttesteen"])]
    assert [len(parts(made[:n], [NAME, *control])) for n in (1, 2, 3)] == [1, 1, 0]
