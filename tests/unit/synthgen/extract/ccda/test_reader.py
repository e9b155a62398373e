import base64
import os
import random
from pathlib import Path

import pytest

from synthgen.core.errors import DataError
from synthgen.extract.ccda import read_ccda
from synthgen.extract.ccda import reader as module
from synthgen.extract.note import Dropped, Fields, Note, PersonNames, Remark, StaffNames
from synthgen.extract.safe_xml import ENTITIES, MALFORMED, TOO_LARGE

SAMPLE = Path(os.environ.get("SYNTHGEN_DATA", ".")) / "hospital_formats" / "ccda"
SECTION = (
    "<structuredBody><component><section><title>Plan</title><text>Rest.</text></section></component></structuredBody>"
)
NARRATIVE = """<paragraph>Rest.</paragraph><list listType="ordered"><item>a<br/>b</item><item>
<list><item>c</item></list></item></list>
<table><tr><th>d</th><td><content xml:space="preserve">e f</content></td></tr></table>"""
PARENT = """<relatedDocument typeCode="RPLC"><parentDocument><id root="1" extension="d0"/>
<setId root="2" extension="s"/></parentDocument></relatedDocument>"""


def xml(body=SECTION, status="completed", more="", encoding="utf-8"):
    return f"""<?xml version="1.0" encoding="{encoding}"?>
<c:ClinicalDocument xmlns:c="urn:hl7-org:v3" xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc">
<id root="1" extension="d1"/><code code="11506-3" displayName="Progress note"/><sdtc:statusCode code="{status}"/>
<effectiveTime value="202402011530-0500"/><setId root="2" extension="s"/><versionNumber value="3"/>
<recordTarget><patientRole><id root="9" extension="p1"/><patient><name><given>Ann</given><family>Lee</family></name>
<guardian><guardianPerson><name><given>Bo</given><family>Lee</family></name></guardianPerson></guardian></patient>
</patientRole></recordTarget><author><assignedAuthor><assignedPerson><name><given>Kim</given><family>Roe</family></name>
</assignedPerson></assignedAuthor></author>{more}
<componentOf><encompassingEncounter><id root="3" extension="e1"/>
<effectiveTime><low value="20240131"/></effectiveTime></encompassingEncounter></componentOf>
<component>{body}</component></c:ClinicalDocument>"""


def items(folder, data, name="a.XML", **fields):
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read_ccda(folder, Fields(**fields)))


def note(found):
    (only,) = [item for item in found if isinstance(item, Note)]
    return only


def test_a_document_by_its_default_fields(tmp_path):
    found = items(tmp_path, xml(more=PARENT))
    one = note(found)
    assert (one.document, one.person) == ("d1@1 11506-3", "p1@9")
    assert (one.label, one.text) == ("Progress note", "Plan\nRest.")
    assert (one.encounter, one.date, one.author) == ("e1@3", "2024-01-31", "Kim Roe")
    assert one.aliases == ("d1@1 11506-3", "d1@1", "s@2 version 3", "s@2")
    assert one.replaces == ("d0@1", "s@2 version 0", "s@2 version 1", "s@2 version 2")
    assert one.version == "0000000003 202402011530-0500"
    assert PersonNames("p1@9", ("Ann Lee", "Bo Lee")) in found
    assert StaffNames(("Kim Roe",)) in found


def test_overrides(tmp_path):
    one = note(items(tmp_path, xml(), person="recordTarget/patientRole/id/@extension", date="effectiveTime/@value"))
    assert (one.person, one.date) == ("p1", "2024-02-01T15:30-05:00")
    with pytest.raises(DataError, match="cannot be used") as error:
        items(tmp_path, xml(), person="//id", label="code/@")
    assert len(error.value.problems) == 2
    found = items(tmp_path, xml(), date="code/@displayName")
    assert (note(found).date, Remark(module.NO_DATE, "a.XML") in found) == ("", True)


def test_names_of_staff_in_the_whole_document_without_the_patient(tmp_path):
    entry = """<entry><act><performer><assignedEntity><assignedPerson><name>Sam Fox</name></assignedPerson>
</assignedEntity></performer></act></entry>"""
    author = """<author><assignedAuthor><assignedPerson><name><given>Ann</given><family>Lee</family></name>
</assignedPerson></assignedAuthor></author>"""
    found = items(tmp_path, xml(SECTION.replace("</section>", f"{entry}</section>"), more=author))
    assert StaffNames(("Kim Roe", "Sam Fox")) in found


@pytest.mark.parametrize(
    ("status", "withdrawn"), [("Nullified", "document is nullified"), ("active", None), ("draft", None)]
)
def test_documents_that_are_not_complete(tmp_path, status, withdrawn):
    found = items(tmp_path, xml(status=status))
    if withdrawn is None:
        assert found == [Dropped(module.INCOMPLETE, "a.XML")]
    else:
        assert (note(found).withdrawn, note(found).text) == (withdrawn, "")


def body(kind, content, how=' representation="B64"'):
    return f'<nonXMLBody><text mediaType="{kind}"{how}>{content}</text></nonXMLBody>'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (body("text/rtf", base64.b64encode(rb"{\rtf1 Rest.}").decode()), "Rest."),
        (body("text/rtf", base64.b64encode(rb"{\rtf1 Rest.}").decode(), ' representation="b64"'), "Rest."),
        (body("application/rtf", base64.b64encode(rb"{\rtf1 Rest.}").decode(), ""), "Rest."),
        (body("text/plain; charset=iso-8859-1", "Rest &amp; caf\xe9.", ""), "Rest & caf\xe9."),
    ],
)
def test_a_body_that_is_not_xml_is_read(tmp_path, content, text):
    assert note(items(tmp_path, xml(content))).text == text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (body("image/png", "aGk="), "content type is not text, HTML, RTF or PDF; convert the attachment first"),
        (body("text/plain", "!!"), module.NOT_BASE64),
        (body("text/plain", '<reference value="https://x.org"/>', ""), module.URL_ONLY),
        ("<structuredBody/>", module.NO_TEXT),
        ("", module.NO_TEXT),
    ],
)
def test_documents_without_text_are_counted(tmp_path, content, reason):
    assert [i.reason for i in items(tmp_path, xml(content)) if isinstance(i, Dropped)] == [reason]


def test_encodings(tmp_path):
    accented = SECTION.replace("Rest", "Café")
    assert note(items(tmp_path, xml(accented, encoding="iso-8859-1").encode("latin-1"))).text == "Plan\nCafé."
    found = items(tmp_path, xml(accented, encoding="utf-16"))
    assert note(found).text == "Plan\nCafé."
    assert Remark(module.OTHER_ENCODING, "a.XML") in found


def test_files_that_are_not_used_are_counted(tmp_path):
    files = {"b.txt": "x", "c.zip": "x", "d.xml": "<a/>", "e.xml": "<a>", ".f.xml": "<a/>"}
    for name, data in files.items():
        (tmp_path / name).write_text(data)
    found = {item.place: item.reason for item in items(tmp_path, xml()) if isinstance(item, Dropped)}
    assert found == {
        "b.txt": module.links.OTHER_FILE,
        "c.zip": module.ARCHIVE,
        "d.xml": module.NOT_CDA,
        "e.xml": MALFORMED,
        ".f.xml": module.links.HIDDEN,
    }


def test_a_folder_without_a_document_is_one_error(tmp_path):
    with pytest.raises(DataError, match="no clinical document"):
        items(tmp_path, "<a/>")
    with pytest.raises(DataError, match="no such file"):
        list(read_ccda(tmp_path / "none", Fields()))


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="SYNTHGEN_DATA is unset or lacks hospital_formats")
def test_the_sample_documents():
    found = list(read_ccda(SAMPLE, Fields()))
    notes = {item.place: item for item in found if isinstance(item, Note)}
    assert len(notes) == 11
    assert all(note.person and note.date and note.label for note in notes.values())
    assert notes["Operative_Note.ccda"].text.startswith("PROCEDURE ANESTHESIA\nConscious sedation with propofol")
    assert [i.reason for i in found if isinstance(i, Dropped)] == [module.NO_TEXT]


def test_documents_that_are_unsafe_are_counted(tmp_path):
    (tmp_path / "b.xml").write_text(
        '<!DOCTYPE a SYSTEM "a.dtd">' + xml(SECTION.replace("Rest", "&nbsp;")).split("?>")[1]
    )
    (tmp_path / "c.xml").write_text(xml(f"{'<component>' * 300}{'</component>' * 300}"))
    found = {item.place: item.reason for item in items(tmp_path, xml()) if isinstance(item, Dropped)}
    assert found == {"b.xml": ENTITIES, "c.xml": TOO_LARGE}


def test_damaged_documents_end_in_items_or_one_error(tmp_path):
    rng, n_notes, errors = random.Random(9), 0, []
    wholes = [
        xml(SECTION.replace("Rest.", NARRATIVE), more=PARENT).encode(code)
        for code in ("utf-8", "utf-16", "utf-16-le")
    ]
    for i in range(200):
        data = bytearray(wholes[0] if i % 4 else wholes[i // 4 % 3])
        for _ in range(rng.randrange(3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        start, length = rng.randrange(len(data)), rng.randrange(60)
        damage = rng.randrange(4)
        if damage == 0:
            del data[start:]
        elif damage == 1:
            data[start:start] = data[start : start + length]
        elif damage == 2:
            data = data.replace(rng.choice([b'"1', b'"20', b"value", b"<id", b"</"]), b'"9' * length, 1)
        try:
            n_notes += sum(isinstance(item, Note) for item in items(tmp_path, bytes(data)))
        except DataError as error:
            errors.append(str(error))
    assert 20 < n_notes < 180
    assert not any("Rest" in error or "Lee" in error for error in errors)


def test_documents_of_different_types_with_one_identifier_are_no_versions(tmp_path):
    (tmp_path / "b.xml").write_text(xml().replace("11506-3", "18842-5"))
    (tmp_path / "c.xml").write_text(xml().replace("11506-3", ""))
    found = [item for item in items(tmp_path, xml()) if isinstance(item, Note)]
    assert [one.document for one in found] == ["d1@1 11506-3", "d1@1 18842-5", "d1@1"]
    assert all("d1@1" in one.aliases for one in found)  # another document can replace it by its identifier alone
    (tmp_path / "gone").mkdir()
    no_set = xml(status="nullified").replace('<setId root="2" extension="s"/>', "")
    assert note(items(tmp_path / "gone", no_set)).document == found[0].document


def test_a_set_and_version_that_all_documents_share_make_no_versions(tmp_path):
    (tmp_path / "b.xml").write_text(xml().replace('extension="d1"', 'extension="d2"'))
    one, two = (item for item in items(tmp_path, xml()) if isinstance(item, Note))
    assert one.document != two.document
    assert not {*one.aliases, one.document} & {*two.replaces}
    (tmp_path / "gone").mkdir()
    gone = note(items(tmp_path / "gone", xml(status="nullified").replace('extension="d1"', "")))
    assert gone.document in one.aliases


def test_an_authority_is_no_person(tmp_path):
    own = '<id root="9" extension="p1"/>'
    both = xml().replace(own, f'<id root="2.16.840.1"/>{own}')
    assert note(items(tmp_path, both)).person == "p1@9"
    assert note(items(tmp_path, xml().replace(own, '<id root="2.16.840.1"/>'))).person == ""
    uuid = "2a8b2f3e-1111-4222-8333-444455556666"
    assert note(items(tmp_path, xml().replace(own, f'<id root="{uuid}"/>'))).person == uuid


def test_an_override_without_a_value_does_not_fall_back_to_the_default(tmp_path):
    one = note(items(tmp_path, xml(), label="title", person="recordTarget/patientRole/none/@value"))
    assert (one.label, one.person) == ("", "")
