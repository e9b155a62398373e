import io

import pytest

from synthgen.extract import safe_xml as module
from synthgen.extract.safe_xml import (
    ENTITIES,
    MALFORMED,
    MAX_DEPTH,
    TOO_LARGE,
    UnsafeXml,
    each_element,
    local,
    parse_xml,
)

LAUGHS = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><a>&c;</a>'
ATTRIBUTE = '<!DOCTYPE a [<!ENTITY b "x">]><a k="&b;"/>'
FILE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>'
PARAMETER = '<!DOCTYPE a [<!ENTITY % b "x">]><a/>'
OUTSIDE = '<!DOCTYPE a SYSTEM "a.dtd"><a>1&nbsp;2</a>'
MANY_LAUGHS = '<!DOCTYPE a [<!ENTITY a0 "ha">{}]><a k="&a9;"/>'.format(
    "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
)


def streamed(data, names=("a", "b")):
    return [(local(one), one.text, is_other) for one, is_other in each_element(io.BytesIO(data), names)]


def reason(read, data):
    with pytest.raises(UnsafeXml) as error:
        read(data)
    return error.value.reason


def test_elements_are_read_without_comments():
    root, is_other = parse_xml(b'<?xml version="1.0"?><x:a xmlns:x="urn:y"><!-- c --><?pi?><b>t</b></x:a>')
    assert (local(root), [local(child) for child in root], is_other) == ("a", ["b"], False)


@pytest.mark.parametrize(
    ("data", "is_other"),
    [
        ('<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode(), True),
        ('<?xml version="1.0" encoding="none"?><a>é</a>'.encode(), True),
        ('<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode("utf-16"), False),
        ('<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1"), False),
        ('\r\n <?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1"), False),
        ('\ufeff\n<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode(), False),
        ("<a>é</a>".encode(), False),
    ],
)
def test_encodings(data, is_other):
    root, found = parse_xml(data)
    assert (root.text, found) == ("é", is_other)
    assert streamed(data) == [("a", "é", is_other)]


@pytest.mark.parametrize("read", [parse_xml, streamed])
@pytest.mark.parametrize(
    "data", [b"", b"<a>", b"text", b"<a/><a/>", '<?xml version="1.0" encoding="utf-8"?><a>é</a>'.encode("latin-1")]
)
def test_malformed_xml_is_refused(read, data):
    assert reason(read, data) == MALFORMED


@pytest.mark.parametrize("read", [parse_xml, streamed])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("data", [LAUGHS, ATTRIBUTE, FILE, PARAMETER, OUTSIDE])
def test_entities_are_refused(read, encoding, data):
    assert reason(read, data.encode(encoding)) == ENTITIES


@pytest.mark.parametrize("read", [parse_xml, streamed])
@pytest.mark.parametrize(
    "data",
    [
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" * 100_000,
        b"<a>" + b"x" * (11 << 20) + b"</a>",
        b"<a><![CDATA[" + b"x" * (11 << 20) + b"]]></a>",
        MANY_LAUGHS.encode("utf-16"),
    ],
)
def test_limits(read, data):
    assert reason(read, data) == TOO_LARGE


def test_large_files_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 3)
    assert reason(parse_xml, b"<a/>") == TOO_LARGE


def test_elements_before_a_defect_are_read():
    steps = each_element(io.BytesIO(b"<r><a>1</a><b>2</b><c/><a>3</r>"), {"a", "b"})
    assert [next(steps)[0].text, next(steps)[0].text] == ["1", "2"]
    with pytest.raises(UnsafeXml):
        next(steps)
