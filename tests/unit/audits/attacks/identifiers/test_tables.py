from audits.attacks.identifiers.patterns import Entity
from audits.attacks.identifiers.recorded import Occurrences, index_identifiers
from audits.attacks.identifiers.tables import rare_words, read_people, read_pool, read_synthetic
from audits.core.types import AuditInputs, Table


def table(*texts, groups=None):
    return Table(texts=texts, labels=None, groups=groups or tuple(texts), has_groups=True)


def read(made, train, control, reference=None, set_aside=None):
    inputs = AuditInputs(synthetic=made, train=train, control=control, reference=reference, set_aside=set_aside)
    people, occurrences = read_people(inputs), Occurrences(index_identifiers([], []))
    synthetic = read_synthetic(made.texts, occurrences)
    return people, synthetic, read_pool(people, synthetic, occurrences)


def test_owners_are_numbered_train_control_public_and_set_aside():
    number = "MRN 48213377"
    made, train, control = table(number), table("a", number, groups=("t", "u")), table(number, "b", "c")
    people, synthetic, pool = read(made, train, control, table(number), table("x " + number))
    assert (people.n_train, people.n_control, people.n_persons) == (2, 3, 5)
    assert list(pool.entities[Entity("mrn", "48213377")]) == [1, 2, 5, 6]
    assert [owner for _, owner in people.rows()] == [0, 1, 2, 3, 4, 5, 6]
    assert "48213377" in synthetic.numbers


def test_contacts_of_exactly_two_persons_are_counted():
    mails = [f"ask a{i}@b.org" for i in range(4)]
    _, _, pool = read(table("x"), table(mails[0], mails[1]), table(mails[1], mails[2] + mails[3]), table(mails[2]))
    assert pool.shared_contacts == {"email": 1, "phone": 0, "url": 0}
    assert pool.n_of_kind["email", True] == 2


def test_short_words_are_not_rare():
    assert rare_words(["the", "patient"]) == {"patient"}
