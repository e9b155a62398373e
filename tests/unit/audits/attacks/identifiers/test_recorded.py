from audits.attacks.identifiers.patterns import Entity, read_content
from audits.attacks.identifiers.recorded import OtherOccurrences, SyntheticOccurrences, index_identifiers

LISTS = [["Jo Bloggs", "12/03/1961"], ["jo bloggs", "no 48213377", "jo@example.org"], ["id 4821 3377"]]
OWNERS = [0, 1, 2]


def test_recorded_identifier_has_all_its_owners():
    recorded = index_identifiers(LISTS, OWNERS)
    owners = {value: list(whose) for value, whose in zip(recorded.values, recorded.owners, strict=True)}
    assert owners["jo", "bloggs"] == [0, 1]
    assert owners["no", "48213377"] == owners["id", "4821", "3377"] == [1, 2]  # one number in two spellings
    assert {recorded.values[i] for i in recorded.dates} == {("12", "03", "1961")}
    assert {recorded.values[i] for i in recorded.numbers} == {("no", "48213377"), ("id", "4821", "3377")}


def test_occurrences_are_collected_with_their_owners():
    recorded = index_identifiers(LISTS, OWNERS)
    returns = SyntheticOccurrences(recorded)
    returns.read(read_content("Jo Blogggs and 48213377"))
    assert {recorded.values[i] for values in returns.misspelt.values() for i in values} <= {("jo", "bloggs")}
    assert returns.forms == {Entity("number", "48213377")}
    elsewhere = OtherOccurrences(recorded, returns)
    for owner in (3, 4):
        elsewhere.read(read_content("JO BLOGGS 4821-3377"), owner)
    assert list(elsewhere.values["jo", "bloggs"]) == [3, 4]
    assert list(elsewhere.forms[Entity("number", "48213377")]) == [3, 4]
