from pathlib import Path

import pytest

from synthgen.core.errors import DataError
from synthgen.extract.ccda import read_ccda
from synthgen.extract.fhir import read_fhir
from synthgen.extract.hl7v2 import read_hl7v2
from synthgen.extract.i2b2 import read_i2b2
from synthgen.extract.links import OUTSIDE, is_outside
from synthgen.extract.mimic import read_mimic
from synthgen.extract.note import Dropped, Fields, Note
from synthgen.extract.omop import read_omop

FHIR = '{"resourceType": "DiagnosticReport", "id": "ID", "conclusion": "text", "subject": {"reference": "Patient/1"}}'
CDA = """<ClinicalDocument><id root="ID"/><component><structuredBody><component><section><text>text</text></section>
</component></structuredBody></component></ClinicalDocument>"""


def test_links_are_followed_inside_the_folder_only(tmp_path):
    root = tmp_path / "source"
    root.mkdir()
    (root / "a").write_text("")
    (tmp_path / "b").write_text("")
    for name, target in {"inside": "a", "outside": "../b", "circle": "circle"}.items():
        (root / name).symlink_to(target)
    assert [is_outside(root / name, root) for name in ("a", "inside", "outside", "circle")] == [
        False,
        False,
        True,
        True,
    ]
    (tmp_path / "linked").symlink_to(root)
    assert not is_outside(tmp_path / "linked" / "a", tmp_path / "linked")
    assert not is_outside(root / "outside", root / "outside")


@pytest.mark.parametrize(
    ("reader", "name", "content"),
    [
        (read_fhir, "a.ndjson", FHIR),
        (read_ccda, "a.xml", CDA),
        (read_i2b2, "a.xml", "<root><TEXT>text</TEXT></root>"),
        (read_hl7v2, "a.hl7", "MSH|^~\\&|A|B|||2024||ORU^R01|1|P|2.5\rOBR|1||ID\rOBX|1|TX|||text\r"),
    ],
)
def test_readers_count_links_to_files_outside(tmp_path: Path, reader, name, content):
    root = tmp_path / "source"
    root.mkdir()
    (root / name).write_text(content)
    (tmp_path / name).write_text(content.replace("ID", "other"))
    (root / f"z{name}").symlink_to(tmp_path / name)
    found = list(reader(root, Fields(), "utf-8"))
    assert Dropped(OUTSIDE, f"z{name}") in found
    assert len([item for item in found if isinstance(item, Note)]) == 1


@pytest.mark.parametrize(
    ("reader", "name", "content"),
    [
        (
            read_mimic,
            "discharge.csv",
            "note_id,subject_id,hadm_id,charttime,note_type,text\n1,2,3,2020-01-01,DS,text\n",
        ),
        (read_omop, "note.csv", "note_id,person_id,note_date,note_text\n1,2,2020-01-01,text\n"),
    ],
)
def test_a_table_outside_the_folder_is_an_error(tmp_path: Path, reader, name, content):
    root = tmp_path / "source"
    root.mkdir()
    (tmp_path / name).write_text(content)
    (root / name).symlink_to(tmp_path / name)
    with pytest.raises(DataError) as caught:
        list(reader(root, Fields(), "utf-8"))
    assert OUTSIDE in " ".join(caught.value.problems)
