"""Reading damaged files of each kind of source gives counts, or one error with a message."""

import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow.csv import write_csv

from synthgen.core.errors import SynthGenError
from synthgen.extract.extract import READERS, ReadOptions, extract
from synthgen.extract.note import Fields
from synthgen.extract.resolve import NoteSelection

sys.path.insert(0, str(Path(__file__).parents[4] / "examples" / "clinic"))
from fictional_clinic.exports import FORMATS, write_exports

N_DAMAGED = 30  # smallest number of damaged copies of a source
ANY = NoteSelection(reason_unused=lambda _: None, limit=None, rank=lambda person: person, rows_are_persons=True)
HEADER = "note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text\n"
OLD_HEADER = "ROW_ID,SUBJECT_ID,HADM_ID,CHARTDATE,CHARTTIME,STORETIME,CATEGORY,DESCRIPTION,CGID,ISERROR,TEXT\n"
FILES = {
    "mimic": {
        "discharge.csv": HEADER + '10-DS-1,10,2000,DS,1,2180-05-06 00:00:00,,"Name: ___\nSaid ""no""."\n' * 5,
        "radiology.csv": HEADER + "11-RR-1,11,2001.0,RR,1,2180-05-06 23:00:00,,Chest ___\n" * 5,
    },
    "i2b2": {
        "train/220-03.xml": "<a><TEXT><![CDATA[\nRecord date: 2067-05-03\n\nSeen.]]></TEXT><TAGS><DATE/></TAGS></a>",
        "many.xml": '<ROOT><RECORD ID="6"><SMOKING STATUS="NO"/><TEXT>Dr. <PHI>Roe</PHI>.</TEXT></RECORD></ROOT>',
    },
    "folder": {
        "letter/p1_2024-01-31.txt": "Thank you for referring her.",
        "letter/p2_2024-01-31.html": "<html><body><ul><li>Rest.</li></ul><p hidden>x</p></body></html>",
        "letter/p3_2024-01-31.rtf": "{\\rtf1\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\v x}Rest \\u8217?.\\par}",
    },
}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, newline="")
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory, pdf_of):
    """Return a folder of small sources: one of each kind, another version of MIMIC, and OMOP as CSV."""
    folder = tmp_path_factory.mktemp("sources")
    write_exports(folder, 6, 7)
    for kind, files in FILES.items():
        write(folder / kind, files)
    (folder / "folder" / "letter" / "p4.pdf").write_bytes(pdf_of([b"Rest."]))
    write(folder / "mimic-old", {"NOTEEVENTS.csv": OLD_HEADER + '174,22532,167853,2151-08-04,,,R,R,,,"Dr. x"\n' * 5})
    (folder / "omop-csv").mkdir()
    for table in (folder / "omop").iterdir():
        write_csv(pq.read_table(table), folder / "omop-csv" / f"{table.stem}.csv")
    return folder


def outcome(kind, source, target):
    """Return the load report of an extraction, or the error that ended it."""
    target.mkdir()
    try:
        return extract(kind, source, target, ReadOptions(fields=Fields(), encoding="utf-8"), ANY)
    except SynthGenError as error:
        return error


@pytest.mark.slow
@pytest.mark.parametrize("name", [*READERS, "mimic-old", "omop-csv"])
def test_a_damaged_source_ends_in_counts_or_in_one_error(sources, name, damaged, tmp_path):
    kind = name.partition("-")[0]
    files = sorted(path for path in (sources / name).rglob("*") if path.is_file())
    outcomes = []
    for file in files[:10]:
        for i, data in enumerate(damaged(file.read_bytes(), -(-N_DAMAGED // min(len(files), 10)))):
            copied, target = tmp_path / f"{file.name}-{i}", tmp_path / f"{file.name}-{i}-out"
            shutil.copytree(sources / name, copied)
            (copied / file.relative_to(sources / name)).write_bytes(data)
            outcomes.append(outcome(kind, copied, target))
    assert len(outcomes) >= N_DAMAGED
    for found in outcomes:
        if isinstance(found, SynthGenError):
            assert str(found)
            assert "Rest" not in str(found)
        else:
            dropped = sum(reason["count"] for reason in found["dropped"].values())
            assert found["items"] == found["notes"] + dropped
            assert found["notes"] > 0
    assert any(isinstance(found, dict) for found in outcomes)


def test_each_kind_of_export_is_damaged():
    assert {*FORMATS, *FILES} == {*READERS}
