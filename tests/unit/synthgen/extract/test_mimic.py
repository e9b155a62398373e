import gzip
import random

import pytest

from synthgen.core.errors import DataError
from synthgen.extract.csv_rows import MALFORMED
from synthgen.extract.mimic import MARKED_AS_ERROR, read_mimic
from synthgen.extract.note import Dropped, Fields, Note

FOURTH = "note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text\n"
THIRD = (
    '"ROW_ID","SUBJECT_ID","HADM_ID","CHARTDATE","CHARTTIME","STORETIME","CATEGORY","DESCRIPTION","CGID","ISERROR",'
    '"TEXT"\n'
)
DISCHARGE = (
    FOURTH + '10-DS-1,10,2000,DS,1,2180-05-06 00:00:00,2180-05-09 15:26:00," \nName:  ___\nSaid ""no""."\n'
    "10-DS-2,10,,DS,2,2180-06-07 00:00:00,,Second\n"
)
RADIOLOGY = FOURTH + "11-RR-1,11,2001.0,RR,1,2180-05-06 23:00:00,,Chest ___\n"
NOTEEVENTS = (
    THIRD
    + '174,22532,167853,"2151-08-04",,,"Discharge summary","Report",,,"Admission [**2151-7-16**]\r\nDr. [**Last '
    'Name (STitle) 1**]"\n175,22533,,"2151-08-05",,,"Nursing","Report",15331,1,"wrong"\n'
    '176,22533,,"2151-08-05",,,"Nursing","Report",15331,,"right"\n'
)


@pytest.fixture
def fourth(tmp_path):
    (tmp_path / "discharge.csv.gz").write_bytes(gzip.compress(DISCHARGE.encode()))
    (tmp_path / "radiology.csv").write_text(RADIOLOGY)
    (tmp_path / "radiology_detail.csv").write_text("note_id,subject_id,field_name,field_value,field_ordinal\n")
    (tmp_path / "LICENSE.txt").write_text("terms")
    return tmp_path


def test_notes_of_the_fourth_version(fourth):
    assert list(read_mimic(fourth, Fields())) == [
        Dropped("not a table of notes", "LICENSE.txt"),
        Dropped("table of note details; it contains no notes", "radiology_detail.csv"),
        Note(
            place="discharge.csv.gz line 2", document="10-DS-1", text=' \nName:  ___\nSaid "no".', person="10",
            label="DS", encounter="2000", date="2180-05-06T00:00:00",
        ),
        Note(
            place="discharge.csv.gz line 5", document="10-DS-2", text="Second", person="10", label="DS",
            date="2180-06-07T00:00:00",
        ),
        Note(
            place="radiology.csv line 2", document="11-RR-1", text="Chest ___", person="11", label="RR",
            encounter="2001", date="2180-05-06T23:00:00",
        ),
    ]  # fmt: skip


def test_notes_of_the_third_version(tmp_path):
    path = tmp_path / "notes of our unit.csv"
    path.write_text(NOTEEVENTS, newline="")
    assert list(read_mimic(path, Fields())) == [
        Note(
            place="notes of our unit.csv line 2", document="174", person="22532", label="Discharge summary",
            text="Admission [**2151-7-16**]\nDr. [**Last Name (STitle) 1**]", encounter="167853", date="2151-08-04",
        ),
        Dropped(MARKED_AS_ERROR, "notes of our unit.csv line 4"),
        Note(
            place="notes of our unit.csv line 5", document="176", person="22533", label="Nursing", text="right",
            date="2151-08-05", author="15331",
        ),
    ]  # fmt: skip


def test_fields_can_be_overridden(tmp_path):
    path = tmp_path / "NOTEEVENTS.csv"
    path.write_text(NOTEEVENTS)
    own = Fields(person="HADM_ID", encounter="row_id", date="CHARTTIME", label="Description", author="subject_id")
    note = next(iter(read_mimic(path, own)))
    assert (note.person, note.encounter, note.date, note.label, note.author) == (
        "167853", "174", "", "Report", "22532",
    )  # fmt: skip


def test_missing_columns_are_listed_in_one_error(fourth):
    with pytest.raises(DataError, match="lack columns") as caught:
        list(read_mimic(fourth, Fields(label="category", author="cgid")))
    assert len(caught.value.problems) == 4
    assert (
        "has no column category (for the field `label`); its columns are note_id, subject_id"
        in caught.value.problems[0]
    )


def test_ambiguous_folders_are_refused(fourth, tmp_path_factory):
    with pytest.raises(DataError, match="folder of MIMIC notes"):
        list(read_mimic(tmp_path_factory.mktemp("empty"), Fields()))
    (fourth / "NOTEEVENTS.csv").write_text(NOTEEVENTS)
    with pytest.raises(DataError, match="notes of both MIMIC-III and MIMIC-IV"):
        list(read_mimic(fourth, Fields()))
    (fourth / "DISCHARGE.CSV").write_text(DISCHARGE)
    with pytest.raises(DataError, match=r"DISCHARGE.CSV|discharge.csv.gz: contains the same table"):
        list(read_mimic(fourth, Fields()))


def test_row_of_a_text_behind_a_misplaced_quote_is_no_note(tmp_path):
    path = tmp_path / "discharge.csv"
    path.write_text(FOURTH + '1,10,,DS,1,,,"say "x"\nfever, chills and, a, b, c, d, e, f\n2,10,,DS,1,,,fine\n')
    found = list(read_mimic(path, Fields()))
    assert next(item.reason for item in found if isinstance(item, Dropped)) == MALFORMED
    assert [(item.person, item.text) for item in found if isinstance(item, Note)] == [("10", "fine")]


def test_altered_files_end_in_items_or_one_error(tmp_path):
    rng = random.Random(7)
    messages = []
    for number in range(200):
        data = bytearray((NOTEEVENTS if number % 2 else DISCHARGE).encode())
        if number % 5 == 0:
            data = bytearray(gzip.compress(bytes(data)))
        for _ in range(rng.randrange(1, 12)):
            at = rng.randrange(len(data))
            data[at : at + rng.choice([0, 1, 9])] = rng.choice(
                [b'"', b"\n", b",", b"\0", b"\xff\xfe", b"", b"9" * 400]
            )
        path = tmp_path / "discharge.csv"
        path.write_bytes(data[: rng.randrange(len(data))] if number % 7 == 0 else data)
        try:
            list(read_mimic(path, Fields()))
        except DataError as error:
            messages.append(str(error))
    assert 0 < len(messages) < 200
    assert "Name" not in " ".join(messages)
