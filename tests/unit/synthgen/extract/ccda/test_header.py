import pytest

from synthgen.extract.ccda.header import at_path, identifier, is_path, iso_time, names
from synthgen.extract.safe_xml import parse_xml

ROOT = parse_xml(
    b"""<d xmlns="urn:hl7-org:v3"><id root="1.2" extension=" a "/><id root="1.3" extension="b"/><id nullFlavor="UNK"/>
<id root="1.4"/><who><name><family>Lee</family><given>Ann</given><given>B.</given><prefix>Dr.</prefix></name>
<name>Kim  Roe</name><place>
<name>Rome</name></place><representedOrganization><name>Clinic</name></representedOrganization></who></d>"""
)[0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id/@extension", "a"),
        ("id[@root=1.3]/@extension", "b"),
        ("id[@root=9]/@extension", ""),
        ("who/name/family", "Lee"),
        ("who/none", ""),
    ],
)
def test_values_at_a_path(path, value):
    assert is_path(path)
    assert at_path(ROOT, path) == value


@pytest.mark.parametrize("path", ["", "a//b", "@a/b", "a[b=c]", "a b", "/a", "x:a", "a[@b='c']"])
def test_other_texts_are_no_paths(path):
    assert not is_path(path)


def test_identifiers_and_names():
    assert [identifier(one) for one in ROOT if one.tag.endswith("id")] == ["a@1.2", "b@1.3", "", "1.4"]
    assert names(ROOT) == ["Ann B. Lee", "Kim Roe"]


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2024", "2024"),
        ("202402", "2024-02"),
        ("20240229", "2024-02-29"),
        ("20230229", ""),
        ("2024022912", "2024-02-29"),
        ("202402291230", "2024-02-29T12:30"),
        ("20240229123059.123-0500", "2024-02-29T12:30:59-05:00"),
        ("20240229-0500", "2024-02-29"),
        ("202413", ""),
        ("20240229123059+9900", ""),
        ("\uff12\uff10\uff12\uff14", ""),
        ("0001", "0001"),
        ("2024022", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_times_have_the_precision_of_the_document(value, time):
    assert iso_time(value) == time
