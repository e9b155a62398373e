import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.types import Corpus, Embedded, Record
from synthgen.dp import person_rows as people_module
from synthgen.dp.basis import fit_basis
from synthgen.dp.person_rows import LONG_RECORD_WORDS, MeasuredPersons, made_up_persons, people_of

RNG = np.random.default_rng(0)
BASIS = fit_basis(RNG.normal(size=(60, 6)).astype(np.float32))


def embedded(groups, labels):
    vectors, ids = RNG.normal(size=(len(groups), 6)).astype(np.float32), tuple(map(str, range(len(groups))))
    rest = {"labels": tuple(labels), "groups": tuple(groups), "encoder": "any", "normalized": False}
    return Embedded(vectors=vectors, ids=ids, **rest)


def test_mean_rows_weights_each_person_equally(monkeypatch):
    monkeypatch.setattr(people_module, "BLOCK", 2)
    x = embedded(["p", "q", "p", "r", "p", "s"], ["a", "b", "a", "b", "b", "a"])
    people = people_of(x, ("b", "a"), BASIS)
    rows = np.concatenate(list(people.mean_rows(lambda at: people.points[at])))
    assert rows.shape == (4, 6)
    points = BASIS.coordinates_of(x.vectors)
    assert np.allclose(rows[0], points[[0, 2, 4]].mean(axis=0))
    assert np.allclose(rows[1:], points[[1, 3, 5]])


def test_people_of_distinguishes_ids_with_a_null_character_and_rejects_undeclared_labels():
    people = people_of(embedded(["p", "p\0", "p\0", "q"], ["a"] * 4), ("a",), BASIS)
    assert np.diff(np.append(people.starts, 4)).tolist() == [1, 2, 1]
    with pytest.raises(InternalError, match=r"a label that source\.labels does not declare"):
        people_of(embedded(["p"], ["c"]), ("a", "b"), BASIS)


def measured(groups, labels):
    x = embedded(groups, labels)
    rows = zip(x.ids, labels, groups, strict=True)
    records = tuple(Record(id=name, text=f"text {name}", label=label, group=group) for name, label, group in rows)
    nats = {name: np.array([float(name)]) for name in x.ids}
    return MeasuredPersons(train=Corpus(role="train", records=records, has_groups=True), embedded=x, nats=nats)


def test_a_part_has_the_records_vectors_and_nats_of_its_persons():
    persons = measured(["q", "p", "q", "r"], ["a", "b", "b", "a"])
    assert persons.persons == ["p", "q", "r"]
    part = persons.part({"q", "r"})
    assert [record.id for record in part.train.records] == list(part.embedded.ids) == ["0", "2", "3"]
    assert np.array_equal(part.embedded.vectors, persons.embedded.vectors[[0, 2, 3]])
    assert (part.persons, part.nats) == (["q", "r"], persons.nats)
    with pytest.raises(InternalError, match="do not have the ids, labels and persons of the train records"):
        MeasuredPersons(train=persons.train, embedded=part.embedded)


def test_made_up_persons_have_one_to_sixty_records_and_one_in_ten_has_long_texts():
    made = made_up_persons(200, ("a", "b", "c"), BASIS, ("fever", "river"), 4, np.random.default_rng(1))
    people = people_of(made.embedded, ("a", "b", "c"), BASIS)
    sizes = np.diff(np.append(people.starts, len(people.points)))
    assert (len(made.persons), sizes.min(), sizes.max(), set(people.classes)) == (200, 1, 60, {0, 1, 2})
    texts = {record.group: record.text.split() for record in made.train.records}
    assert sum(len(words) == LONG_RECORD_WORDS for words in texts.values()) == 20
    assert {word for words in texts.values() for word in words} == {"fever", "river"}
    assert {len(nats) for nats in made.nats.values()} == {4}
