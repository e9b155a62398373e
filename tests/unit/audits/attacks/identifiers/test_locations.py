from audits.attacks.identifiers.locations import SearchTerms, locate_identifiers
from audits.attacks.identifiers.patterns import Entity
from audits.core.types import Finding

NAMES = ["ann", "bo"]
MRN = {Entity("mrn", "48213377"): ("record number", [1]), Entity("number", "48213377"): ("record number", [1])}


def located_in(texts, entities=(), phrases=()):
    findings, n_omitted = locate_identifiers(texts, SearchTerms(dict(entities), dict(phrases)), NAMES)
    return [(f.row, f.kind, f.person, texts[f.row][f.start : f.end]) for f in findings], n_omitted


def test_number_is_located_in_every_notation():
    texts = ["nothing", "FIle MRN: 4821-3377, ok", "the number 48 21 33 77 and 4821 3378", "４８２１３３７７!"]
    found = [
        (i + 1, "record number", "bo", n) for i, n in enumerate(["4821-3377", "48 21 33 77", "４８２１３３７７"])
    ]
    assert located_in(texts, MRN) == (found, 0)


def test_phrase_is_located_in_the_original_text():
    phrases = {("anna", "kowalska"): ("known identifier", [0]), ("kowalska",): ("known identifier", [1])}
    owners_and_spans = [("ann", "ANNA–\u200bKowalska"), ("bo", "Kowalska"), ("bo", "Kowalska")]
    found = [(0, "known identifier", *one) for one in owners_and_spans]
    assert located_in(["Straße, ANNA–\u200bKowalska; Johanna Kowalska"], phrases=phrases) == (found, 0)


def test_only_the_widest_of_nested_places_of_one_person_is_listed():
    phone = {Entity(kind, "079460958"): ("phone number", [0]) for kind in ("phone", "number")}
    both = located_in(["call +44 20 7946 0958 now"], phone, {("7946", "0958"): ("known identifier", [0])})
    assert both == ([(0, "phone number", "ann", "+44 20 7946 0958")], 0)


def test_places_beyond_the_maximum_are_counted(monkeypatch):
    monkeypatch.setattr("audits.attacks.identifiers.locations.MAX_FINDINGS", 3)
    found, n_omitted = located_in(["48213377 and 48213377"] * 3, MRN)
    assert ([row for row, *_ in found], n_omitted) == ([0, 0, 1], 3)


def test_findings_of_several_owners_do_not_exceed_the_maximum(monkeypatch):
    monkeypatch.setattr("audits.attacks.identifiers.locations.MAX_FINDINGS", 3)
    both = {("anna", "kowalska"): ("known identifier", [0, 1])}
    found, n_omitted = located_in(["as Anna Kowalska said"] * 4, phrases=both)
    assert (len(found), n_omitted) == (3, 5)


def test_identifier_of_two_persons_is_reported_for_both():
    both = {("anna", "kowalska"): ("known identifier", [0, 1])}
    found, _ = located_in(["as Anna Kowalska said"], phrases=both)
    assert [person for _, _, person, _ in found] == ["ann", "bo"]


def test_without_terms_no_text_is_read():
    assert locate_identifiers(iter([None]), SearchTerms({}, {}), NAMES) == ([], 0)


def test_repr_of_finding_hides_the_person():
    findings, _ = locate_identifiers(["48213377"], SearchTerms(MRN, {}), NAMES)
    assert repr(findings) == "[Finding(row=0, start=0, end=8, kind='record number')]"
    assert findings == [Finding(row=0, start=0, end=8, kind="record number", person="bo")]
