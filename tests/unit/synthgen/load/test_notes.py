"""The extract stage keeps the classes that the load stage keeps, and load reads its table."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.config import Config, unaccounted
from synthgen.core.errors import ConfigError
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.extract import extract as extract_module
from synthgen.extract.note import Dropped, Note, PersonNames, StaffNames
from synthgen.extract.resolve import NO_LABEL
from synthgen.load import load
from synthgen.load.config import FieldsConfig, SourceConfig
from synthgen.load.notes import EXTRACT, unused_labels
from synthgen.pipeline import prepare
from synthgen.pipeline.job import Job
from synthgen.pipeline.workspace import Workspace


@pytest.mark.parametrize(
    ("labels", "normalize", "kept"),
    [
        (None, False, ["Surgery", "SURGERY ", "N/A", ""]),
        (None, True, ["Surgery", "SURGERY "]),
        (("Surgery",), False, ["Surgery"]),
        (("surgery",), True, ["Surgery", "SURGERY "]),
    ],
)
def test_classes_are_kept_as_load_keeps_them(labels, normalize, kept):
    reason = unused_labels(labels, normalize=normalize)
    assert [label for label in ("Surgery", "SURGERY ", "N/A", "") if reason(label) is None] == kept
    assert (reason("N/A") == NO_LABEL) == normalize


KINDS = [
    ({"kind": "fhir", "text": "note", "group": "p"}, "`kind: fhir` does not use these keys: group, text"),
    ({"kind": "omop", "rows_are_persons": True}, "`rows_are_persons` does not fit with `kind: omop`"),
    ({"kind": "folder"}, "`kind: folder` needs `fields.person`"),
    ({"fields": {"label": "x"}}, "`fields` is only for hospital sources"),
]


@pytest.mark.parametrize(("source", "message"), KINDS)
def test_settings_that_do_not_fit_the_kind_are_errors(source, message):
    with pytest.raises(ConfigError) as error:
        Config.parse({"version": 1, "workspace": "ws", "policy": "research", "source": {"path": "x", **source}})
    assert message in str(error.value)


def test_a_hospital_source_has_persons_and_columns_of_notes():
    source = SourceConfig(kind="fhir", path="x", fields=FieldsConfig(label="category.text"))
    assert source.has_persons
    assert (source.of_notes.group, source.of_notes.names, source.of_notes.format) == ("person", ("names",), "parquet")
    alone = SourceConfig(kind="folder", path="x", rows_are_persons=True)
    assert alone.has_persons
    assert alone.of_notes.group is None


def test_load_reads_the_table_of_notes(tmp_path):
    row = {"id": "p/1", "person": "p", "label": "a", "text": "one", "date": "2020", "names": ["Ann"]}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "notes.parquet")
    report = load(SourceConfig(kind="ccda", path="other"), tmp_path / "notes.parquet", SeedTree(1))
    assert (report.corpus.records[0].group, report.names) == ("p", {"p/1": ("Ann",)})


def note(i, person):
    return Note(place=f"f:{i}", document=str(i), text=f"text {i}", person=person, label="ab"[i % 2])


@pytest.fixture
def job(tmp_path, monkeypatch):
    def read(path, fields, encoding):
        assert (path.name, fields.label, encoding) == ("source", "x", "utf-8")
        yield Dropped("no text", "f:9")
        yield PersonNames("p0", ("Ann Lee",))
        yield StaffNames(("Kim Roe",))
        yield from (note(i, f"p{i % 3}") for i in range(9))

    monkeypatch.setitem(extract_module.READERS, "fhir", read)
    (tmp_path / "source").write_text("")
    config = Config.parse(
        {
            "version": 1,
            "workspace": str(tmp_path / "ws"),
            "policy": "research",
            "interpolate": {"method": "smote", "total": 10},
            "source": {
                "kind": "fhir",
                "path": str(tmp_path / "source"),
                "fields": {"label": "x"},
                "max_per_person": 2,
            },
        }
    )
    return Job(config, Workspace(tmp_path / "ws"), silent)


def test_the_stages_extract_and_load_pass_on_notes_names_and_staff(job):
    extracted = prepare.extract_notes(job)
    assert (extracted.name, extracted.counts["in"], extracted.counts["out"]) == (EXTRACT.name, 10, 9)
    assert extracted.counts["dropped"] == {"no text": 1}
    loaded = prepare.load_source(job, extracted)
    assert (loaded.counts["in"], loaded.counts["out"]) == (9, 6)
    assert json.loads((loaded.folder / "staff.json").read_text()) == ["Kim Roe"]
    names = json.loads((loaded.folder / "names.json").read_text())
    assert {key[:2] for key, own in names.items() if own == ["Ann Lee"]} == {"p0"}
    assert prepare.extract_notes(job).reused
    report = json.loads((extracted.folder / "load-report.json").read_text())
    assert (report["kind"], report["dropped"]["no text"]["places"]) == ("fhir", ["f:9"])


def test_the_load_report_of_the_workspace_has_the_counts_of_both_stages(job):
    loaded = prepare.load_source(job, prepare.extract_notes(job))
    path = job.workspace.root / "load-report.json"
    report = json.loads(path.read_text())
    assert (report["kind"], report["dropped"]["no text"]["places"]) == ("fhir", ["f:9"])
    assert (report["load"]["in"], report["load"]["over_max_per_person"]) == (9, 3)
    assert report["load"] == loaded.counts
    assert path.stat().st_mode & 0o777 == 0o600


def test_extracted_notes_are_a_table_for_a_run_with_a_budget(job):
    """A run with a budget refuses documents and names the table of notes, which contains all records of this run."""
    loaded = prepare.load_source(job, prepare.extract_notes(job))
    table = job.workspace.root / "notes.parquet"
    assert table.stat().st_mode & 0o777 == 0o600
    columns = {"format": "parquet", "group": "person", "names": ("names",), "staff": ("author",)}
    source = SourceConfig(path=str(table), **columns)
    report = load(source, table, SeedTree(job.config.seed), isolated_rows=True)
    stored = pq.read_table(loaded.folder / "records.parquet")["text"].to_pylist()
    assert (len(report.corpus), set(stored) - set(report.corpus.texts)) == (9, set())  # `job` keeps two per person
    assert sum(own == ("Ann Lee",) for own in report.names.values()) == 3
    parts = {"source": job.config.source}
    assert "notes.parquet" in unaccounted(parts)[1]
    assert "source.id" not in " ".join(unaccounted({"source": source}))
