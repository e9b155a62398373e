import random
from contextlib import suppress

import pytest

from synthgen.core.errors import DataError
from synthgen.extract import i2b2 as module
from synthgen.extract.file_fields import NO_DATE
from synthgen.extract.i2b2 import read_i2b2
from synthgen.extract.note import Dropped, Fields, Note, Remark
from synthgen.extract.safe_xml import ENTITIES, MALFORMED, each_element

ONE = """<?xml version="1.0" encoding="UTF-8" ?>
<deIdi2b2><TEXT><![CDATA[

Record date: 2067-05-03

Seen for <cough>.
]]></TEXT><TAGS><DATE id="P0" start="16" end="26"/><RISK LEVEL="high"/></TAGS></deIdi2b2>"""
SEVERAL = f"""<PatientMatching><TEXT><![CDATA[
Record date: 2106-02-12
first
{"*" * 100}

Record date: 2106-05-12
second
]]></TEXT><TAGS/></PatientMatching>"""
MANY = """<ROOT><RECORD ID="641"><SMOKING STATUS="CURRENT SMOKER"/><TEXT>Dr. <PHI TYPE="DOCTOR">Roe</PHI> saw.</TEXT>
</RECORD><RECORD ID="642"><SMOKING STATUS="UNKNOWN"/><TEXT>Stable.</TEXT></RECORD></ROOT>"""
DOCS = '<docs><doc id="7"><text>Obese.</text></doc><doc id="8"><text></text></doc></docs>'


@pytest.fixture
def folder(tmp_path):
    files = {"train/220-03.xml": ONE, "train/101.xml": SEVERAL, "many.xml": MANY, "docs.xml": DOCS, "0100.txt": "x"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def notes(path, **fields):
    return [item for item in read_i2b2(path, Fields(**fields)) if isinstance(item, Note)]


def test_files_of_all_layouts(folder):
    found = {note.document: (note.person, note.label, note.date, note.text) for note in notes(folder)}
    assert found == {
        "docs.xml#1": ("7", "", "", "Obese."),
        "docs.xml#2": ("8", "", "", ""),
        "many.xml#1": ("641", "", "", "Dr. Roe saw."),
        "many.xml#2": ("642", "", "", "Stable."),
        "train/101.xml#1": ("101", "train", "2106-02-12", "Record date: 2106-02-12\nfirst"),
        "train/101.xml#2": ("101", "train", "2106-05-12", "Record date: 2106-05-12\nsecond"),
        "train/220-03.xml#1": ("220", "train", "2067-05-03", "Record date: 2067-05-03\n\nSeen for <cough>."),
    }


def test_a_tag_of_the_record_can_be_the_label(folder):
    assert [note.label for note in notes(folder / "many.xml", label="tag SMOKING@STATUS")] == [
        "CURRENT SMOKER",
        "UNKNOWN",
    ]
    assert [note.label for note in notes(folder / "train", label="tag RISK@LEVEL")] == ["", "", "high"]


def test_other_files_are_counted(folder):
    (folder / "empty.xml").write_text("<a/>")
    (folder / "bad.xml").write_text("<a>")
    found = {item.place: item.reason for item in read_i2b2(folder, Fields()) if isinstance(item, Dropped)}
    assert found == {"0100.txt": module.links.OTHER_FILE, "empty.xml": module.NO_NOTE, "bad.xml": MALFORMED}


def test_records_without_an_identifier_have_no_person(tmp_path):
    (tmp_path / "smokers.xml").write_text(MANY.replace('ID="642"', ""))
    assert [note.person for note in notes(tmp_path)] == ["641", ""]
    assert [note.person for note in notes(tmp_path, person="name 1")] == ["smokers", "smokers"]


def test_annotations_of_records_are_no_notes(folder):
    (folder / "intuitive.xml").write_text('<diseases><doc id="7" judgment="Y"/></diseases>')
    found = list(read_i2b2(folder, Fields()))
    assert Dropped(module.NO_NOTE, "intuitive.xml, note 1") in found


@pytest.mark.parametrize("whole", [ONE, MANY])
def test_a_wrong_encoding_is_counted(tmp_path, whole):
    declared = '<?xml version="1.0" encoding="UTF-16"?>' + whole.removeprefix(
        '<?xml version="1.0" encoding="UTF-8" ?>'
    )
    (tmp_path / "5.xml").write_bytes(declared.replace("saw", "saw café").replace("Seen", "café").encode())
    found = list(read_i2b2(tmp_path, Fields()))
    assert Remark(module.OTHER_ENCODING, "5.xml") in found
    assert [note.person for note in notes(tmp_path)] == (["5"] if whole == ONE else ["641", "642"])
    assert "café" in notes(tmp_path)[0].text


def test_a_file_that_breaks_off_is_counted_after_its_records(tmp_path):
    (tmp_path / "a.xml").write_text(MANY[:-20])
    kinds = [item.person if isinstance(item, Note) else item.reason for item in read_i2b2(tmp_path, Fields())]
    assert kinds in (["641", MALFORMED], ["641", "642", MALFORMED])


def test_entities_are_refused(tmp_path):
    (tmp_path / "a.xml").write_bytes(
        f'<!DOCTYPE ROOT [<!ENTITY e "x">]>{MANY}'.replace("saw", "&e;").encode("utf-16")
    )
    with pytest.raises(DataError, match="no XML file contains a note"):
        notes(tmp_path)
    (tmp_path / "b.xml").write_text(ONE)
    assert Dropped(ENTITIES, "a.xml") in list(read_i2b2(tmp_path, Fields()))


def test_a_line_of_asterisks_within_a_note_is_text(tmp_path):
    (tmp_path / "1.xml").write_text(ONE.replace("Seen", f"{'*' * 60}\nSeen"))
    assert len(notes(tmp_path)) == 1


def test_a_date_of_the_path_must_be_a_date(tmp_path):
    for name in ("p1_note_20240131.xml", "p2_note_May.xml", "p3_note.xml"):
        (tmp_path / name).write_text(ONE)
    items = list(read_i2b2(tmp_path, Fields(date="name 3")))
    assert [item.date for item in items if isinstance(item, Note)] == ["2024-01-31", "", ""]
    assert [item for item in items if isinstance(item, Remark)] == [Remark(NO_DATE, "p2_note_May.xml, note 1")]


def test_a_date_that_is_not_in_the_calendar_is_left_out(tmp_path):
    (tmp_path / "1.xml").write_text(ONE.replace("2067-05-03", "2067-02-30"))
    assert notes(tmp_path)[0].date == ""


def test_memory_does_not_grow_with_the_records(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<ROOT>"
        + "".join(f'<RECORD ID="{i}"><TEXT>{"word " * 2000}</TEXT></RECORD>\n' for i in range(200))
        + "</ROOT>"
    )
    with (tmp_path / "a.xml").open("rb") as file:
        kept = [len(record.getparent()) for record, _ in each_element(file, module.RECORDS)]
    assert len(kept) == 200
    assert max(kept) < 20  # only the records of one read stay in memory


def test_errors_name_the_remedy(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match="no XML file contains a note"):
        notes(tmp_path)
    with pytest.raises(DataError, match="cannot be used") as error:
        notes(tmp_path, label="tag A", person="tag A@B")
    assert len(error.value.problems) == 2


def test_damaged_files_end_in_items_or_one_error(tmp_path):
    rng, n_read = random.Random(3), 0
    for whole in (ONE, SEVERAL, MANY, DOCS):
        for _ in range(50):
            data = bytearray(whole.encode())
            for _ in range(rng.randrange(1, 5)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            (tmp_path / "x.xml").write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.3 else data)
            with suppress(DataError):
                n_read += len(list(read_i2b2(tmp_path, Fields()))) > 0
    assert n_read > 15
