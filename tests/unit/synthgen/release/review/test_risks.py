import pytest

from synthgen.core.types import Corpus, Record
from synthgen.release.review.passages import Passage
from synthgen.release.review.risks import MAX_RECORDS, rank


def rows(ranking):
    return [record.row for record in ranking.records]


def with_texts(reviewed, synthetic, train, **more):
    tables = reviewed()
    sides = {"synthetic": (tables.synthetic, synthetic), "train": (tables.train, train)}
    changed = {}
    for name, (table, texts) in sides.items():
        records = tuple(
            type(r)(id=r.id, text=t, label=r.label, group=r.group) for r, t in zip(table.records, texts, strict=True)
        )
        changed[name] = type(table)(role=name, records=records, has_groups=True)
    return reviewed(**changed, **more)


def test_memorization_ranks_by_the_longest_run_that_few_persons_wrote(reviewed):
    shared = "we all know this phrase from the form"
    synthetic = ["she keeps seven blue goats", f"x {shared}", "he owns four green cars now", "seven blue goats"]
    train = [f"{shared} she keeps seven blue goats", "he owns four green cars", shared]
    found = rank("memorization", with_texts(reviewed, synthetic, train))
    assert rows(found) == [0, 2, 3]  # two persons wrote the phrase, so row 1 has no run of a single person
    assert [record.train_row for record in found.records] == [0, 1, 0]
    assert [record.result.split(" consecutive")[0] for record in found.records] == ["5", "5", "3"]
    assert [record.shortest for record in found.records] == [5, 5, 3]
    assert found.records[0].result.endswith(
        "only one training person wrote; the audit reports runs of 17 words or more"
    )


def test_findings_of_memorization_come_first(reviewed, finding):
    synthetic = ["she keeps seven blue goats", "b", "c", "d"]
    train = ["she keeps seven blue goats", "other", "third"]
    found = rank("memorization", with_texts(reviewed, synthetic, train, findings={"memorization": [finding(3, "q")]}))
    assert rows(found) == [3, 0]
    assert found.records[0].result == "the audit found text of one training person: run"
    assert found.records[0].found == (Passage(0, 5, "run"),)


def test_identifiers_lists_only_what_the_audit_found(reviewed, finding):
    assert rank("identifiers", reviewed()).records == ()
    assert rank("identifiers", reviewed()).meaning == "The audit found no identifier."
    places = [finding(2, "q", "phone"), finding(1, "p", "email"), finding(1, "q", "name")]
    found = rank("identifiers", reviewed(findings={"identifiers": places})).records
    assert [record.row for record in found] == [1, 2]
    assert found[0].result == "the audit found text of 2 training persons: email, name"
    assert found[1].train_row == 2


def test_a_finding_of_an_unknown_person_has_no_pair(reviewed, finding):
    (found,) = rank("identifiers", reviewed(findings={"identifiers": [finding(2, "nobody")]})).records
    assert found.train_row is None


def test_neighbours_ranks_by_the_distance_to_control(reviewed):
    found = rank("neighbours", reviewed())
    assert rows(found) == [0, 2, 3, 1]  # differences of cosines: 1 - 0, 1 - .707, .894 - .949, .707 - 1
    assert found.records[2].result == (
        "similarity 0.894 to the nearest training record, 0.949 to the nearest control record"
    )


def test_membership_lists_the_nearest_record_of_each_train_record_once(reviewed):
    found = rank("membership", reviewed()).records
    assert [(record.row, record.train_row) for record in found] == [(0, 0), (2, 1)]  # train row 2 is near row 0 too
    assert "(similarity 1.000); 50.0% of the control records" in found[0].result


def test_parent_recovery_ranks_by_the_weight_of_the_heaviest_person(reviewed):
    found = rank("parent_recovery", reviewed())
    assert rows(found) == [
        1,
        2,
        3,
    ]  # row 1: p has all weight and the nearest record; rows 2 and 3: q has .6, p has the nearest record
    assert [record.train_row for record in found.records] == [0, 2, 2]
    assert "100% of the weight comes from one training person (1.00 effective parents" in found.records[0].result
    assert found.records[0].result.endswith("the nearest training record belongs to this person")
    assert found.records[1].result.endswith("belongs to another person")
    assert "(1.92 effective parents" in found.records[1].result  # 1 / (.4² + .6²)
    assert rank("parent_recovery", reviewed(parents=((),) * 4, weights=((),) * 4)).records == ()


def test_linkage_lists_the_records_that_lead_back(reviewed):
    found = rank("linkage", reviewed())
    assert [(record.row, record.train_row) for record in found.records] == [(0, 0), (2, 1)]
    assert "succeeds for 2 of 3 training records and 1 of 2 control records" in found.meaning


def test_an_audit_of_the_whole_table_has_no_records(reviewed):
    assert rank("accounting", reviewed()).records == ()
    assert "no result for a single record" in rank("accounting", reviewed()).meaning


@pytest.mark.parametrize("audit", ["memorization", "identifiers"])
def test_at_most_twenty_records_are_listed(reviewed, finding, audit):
    many = [finding(row, "p") for row in range(MAX_RECORDS + 5)]
    records = tuple(Record(id=str(i), text=f"text {i}", label="a", group=str(i)) for i in range(MAX_RECORDS + 5))
    tables = reviewed(synthetic=Corpus(role="synthetic", records=records, has_groups=False), findings={audit: many})
    assert rows(rank(audit, tables)) == list(range(MAX_RECORDS))
