from audits.attacks.identifiers.locations import SearchTerms, locate_identifiers
from audits.attacks.identifiers.patterns import Entity
from audits.core.types import Finding

NAMES = ["ann", "bo"]


def located_in(texts, entities=(), phrases=()):
    findings, n_left = locate_identifiers(texts, SearchTerms(dict(entities), dict(phrases)), NAMES)
    return [(f.row, f.kind, f.person, texts[f.row][f.start : f.end]) for f in findings], n_left


MRN = {Entity("mrn", "48213377"): ("record number", [1]), Entity("number", "48213377"): ("record number", [1])}


def test_a_number_is_placed_in_every_form():
    texts = ["nothing", "FIle MRN: 4821-3377, ok", "the number 48 21 33 77 and 4821 3378", "４８２１３３７７!"]
    assert located_in(texts, MRN) == (
        [
            (1, "record number", "bo", "4821-3377"),
            (2, "record number", "bo", "48 21 33 77"),
            (3, "record number", "bo", "４８２１３３７７"),
        ],
        0,
    )


def test_a_phrase_is_placed_in_the_text_as_it_is_written():
    phrases = {("anna", "kowalska"): ("known identifier", [0]), ("kowalska",): ("known identifier", [1])}
    assert located_in(["Straße, ANNA–\u200bKowalska; Johanna Kowalska"], phrases=phrases) == (
        [
            (0, "known identifier", "ann", "ANNA–\u200bKowalska"),
            (0, "known identifier", "bo", "Kowalska"),
            (0, "known identifier", "bo", "Kowalska"),
        ],
        0,
    )


def test_of_one_persons_places_in_one_another_the_widest_is_told():
    phone = {
        Entity("phone", "079460958"): ("phone number", [0]),
        Entity("number", "079460958"): ("phone number", [0]),
    }
    both = located_in(["call +44 20 7946 0958 now"], phone, {("7946", "0958"): ("known identifier", [0])})
    assert both == ([(0, "phone number", "ann", "+44 20 7946 0958")], 0)


def test_at_most_so_many_are_listed_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr("audits.attacks.identifiers.locations.MAX_FINDINGS", 3)
    found, n_left = located_in(["48213377 and 48213377"] * 3, MRN)
    assert ([row for row, *_ in found], n_left) == ([0, 0, 1], 3)


def test_what_two_persons_have_is_told_of_both():
    both = {("anna", "kowalska"): ("known identifier", [0, 1])}
    found, _ = located_in(["as Anna Kowalska said"], phrases=both)
    assert [person for _, _, person, _ in found] == ["ann", "bo"]


def test_where_nothing_is_wanted_nothing_is_read():
    assert locate_identifiers(iter([None]), SearchTerms({}, {}), NAMES) == ([], 0)


def test_a_finding_shows_no_person():
    findings, _ = locate_identifiers(["48213377"], SearchTerms(MRN, {}), NAMES)
    assert repr(findings) == "[Finding(row=0, start=0, end=8, kind='record number')]"
    assert findings == [Finding(row=0, start=0, end=8, kind="record number", person="bo")]
