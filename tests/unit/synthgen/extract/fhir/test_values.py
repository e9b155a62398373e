import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.extract.fhir import values
from synthgen.extract.fhir.values import at_path, is_path, keys, names, reference, target_keys, version, without_title

RESOURCE = {
    "resourceType": "DocumentReference",
    "id": "d1",
    "identifier": [
        {"system": "urn:a", "value": "1"},
        {"system": "urn:b.c", "value": 2},
        {"system": "urn:d"},
        None,
        "x",
    ],
    "type": {"coding": [{"system": "s", "code": "c1"}, {"code": "c2", "display": " Name "}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("id", ["d1"]),
        ("identifier.value", ["1", "2"]),
        ("identifier[system=urn:b.c].value", ["2"]),
        ("type.coding[code=c2].display", ["Name"]),
        ("type.coding.display.more", []),
        ("nothing", []),
    ],
)
def test_values_at_a_path(path, found):
    assert is_path(path)
    assert list(at_path(RESOURCE, path)) == found


@pytest.mark.parametrize("path", ["", "a..b", "a[b]", "a[b=]", "a b", "a[=c]", ".a"])
def test_other_texts_are_no_paths(path):
    assert not is_path(path)


@pytest.mark.parametrize(
    ("value", "identity"),
    [
        ({"reference": "Patient/1"}, "1"),
        ({"reference": "https://x.org/fhir/Patient/1/_history/3"}, "1"),
        ({"reference": "urn:uuid:ab-c"}, "ab-c"),
        ({"identifier": {"system": "urn:a", "value": "9"}}, "urn:a|9"),
        ({"identifier": {"value": "9"}, "type": "Group"}, ""),
        ({"reference": "Group/1"}, ""),
        ({"reference": 4}, ""),
        (None, ""),
        ("Patient/1", ""),
        ([{"reference": "Patient/2"}], "2"),
    ],
)
def test_references(value, identity):
    assert reference(value, "Patient") == identity


def test_identifiers_of_a_document_and_of_a_target_have_one_form():
    assert keys(RESOURCE) == ["urn:a|1", "urn:b.c|2", "DocumentReference/d1"]
    target = {"reference": "https://x.org/DocumentReference/d1", "identifier": {"system": "urn:a", "value": "1"}}
    assert target_keys(target) == ["DocumentReference/d1", "urn:a|1"]


def test_later_versions_sort_later():
    meta = [
        {"lastUpdated": "2024-01-01T23:30:00-02:00", "versionId": "1"},
        {"lastUpdated": "2024-01-02T02:00:00+00:00", "versionId": "1"},
        {"lastUpdated": "2024-01-02T02:00:00Z", "versionId": "9"},
        {"lastUpdated": "2024-01-02T02:00:00Z", "versionId": "10"},
    ]
    found = [version({"meta": one}) for one in meta]
    assert found == sorted(found)
    assert version({"meta": "x"}) < found[0]


def test_names_of_all_forms():
    value = [{"family": "Lee", "given": ["Ann", None, "B."]}, {"text": "Dr. Kim Roe"}, {"use": "old"}, 7]
    assert names(value) == ["Ann B. Lee", "Kim Roe"]
    assert without_title("Mrs. Dr. Ann Lee") == "Ann Lee"
    assert without_title("Drew Miss") == "Drew Miss"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "reference", "value"]), inner),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_tolerated(value):
    values.text(value)
    names(value)
    target_keys(value)
    reference(value, "Patient")
    list(at_path(value, "id.value"))
    for one in values.objects(value):
        keys(one)
        version(one)


@pytest.mark.parametrize("target", ["Patient/p1/_history/3", "https://x.org/Patient/p1/"])
def test_a_reference_with_a_version_is_to_the_same_resource(target):
    assert (
        values.reference({"reference": target}, "Patient"),
        values.refers_elsewhere({"reference": target}, "Patient"),
    ) == ("p1", False)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_times_at_the_ends_of_the_calendar_are_no_error(moment):
    assert values.version({"meta": {"lastUpdated": moment}}).strip() == moment
