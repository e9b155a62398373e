import csv
import io
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import VerifyError
from synthgen.core.errors import StorageError
from synthgen.load.formats import read_dataset
from synthgen.receive.export import FORMULA_STARTS, csv_file, export
from synthgen.receive.received import read_received

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("to", ["csv", "hf", "fhir"])
def test_an_export_is_complete_repeatable_and_names_its_bundle(bundle, tmp_path, to):
    done = export(bundle, to, tmp_path / "out")
    received = read_received(bundle)
    fields = done.to_json()
    assert {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()} == fields["files"]
    assert (fields["records"], fields["digest"]) == (11, received.digest)
    note = (tmp_path / "out" / "README.md").read_text()
    assert received.digest in note
    assert received.urn in note
    assert "not signed" in note
    assert "not signed" in done.to_text()
    export(bundle, to, tmp_path / "again")
    for name in fields["files"]:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_csv_has_the_records_unchanged(bundle, tmp_path):
    export(bundle, "csv", tmp_path / "out")
    with (tmp_path / "out" / "records.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", "text", "label"]
    assert [tuple(row) for row in rows] == list(read_received(bundle).rows)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=5))
def test_csv_keeps_every_text(rows):
    (data,) = csv_file(SimpleNamespace(rows=rows)).values()
    found = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert [tuple(row) for row in found[1:]] == rows


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_cells_that_a_spreadsheet_would_evaluate_are_counted_and_unchanged(releases, tmp_path, start):
    rows = [(f"{start}2+5", "cardiology"), *releases.records()[1:]]
    done = export(releases.bundle(tmp_path / "b", records=rows), "csv", tmp_path / "out")
    assert done.formula_cells == 1
    assert "WARNING 1 cells begin" in done.to_text()
    assert "1 cells begin" in (tmp_path / "out" / "README.md").read_text()
    assert f'"{start}2+5"' in (tmp_path / "out" / "records.csv").read_bytes().decode()


def test_the_hub_folder_is_read_as_a_source_and_by_datasets(bundle, tmp_path, monkeypatch):
    export(bundle, "hf", tmp_path / "out")
    rows = read_received(bundle).rows
    source = read_dataset(tmp_path / "out", ("id", "text", "label"))
    assert [tuple(row.values[name] for name in ("id", "text", "label")) for row in source.rows] == list(rows)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets", reason="the library datasets is not installed")
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert (found.column_names, str(found.split)) == (["id", "text", "label"], "train")
    assert [tuple(row.values()) for row in found] == list(rows)


def test_a_changed_bundle_or_a_used_folder_is_refused_and_nothing_is_written(bundle, tmp_path):
    changed = shutil.copytree(bundle, tmp_path / "changed")
    (changed / "policy" / "policy.yaml").write_text("name: other\n")
    with pytest.raises(VerifyError, match=r"policy\.yaml: its content differs"):
        export(changed, "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("kept")
    with pytest.raises(StorageError, match="is not empty; nothing was written"):
        export(bundle, "csv", tmp_path / "used")
    with pytest.raises(StorageError, match="is not a folder; nothing was written"):
        export(bundle, "csv", tmp_path / "used" / "mine.txt")
    with pytest.raises(StorageError, match="cannot be written"):
        export(bundle, "csv", tmp_path / "used" / "mine.txt" / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed", "used"]


def test_the_current_folder_and_relative_paths_are_possible(bundle, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export(bundle, "csv", Path())
    assert sorted(path.name for path in Path().iterdir()) == [
        "README.md",
        "records.csv",
    ]  # the working directory still exists
    assert export(bundle, "csv", Path("../there/..//more")).folder == tmp_path / "more"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "more"]


def test_a_folder_in_the_bundle_is_refused_also_through_links(bundle, tmp_path, monkeypatch):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    (tmp_path / "link").symlink_to(copy)
    before = sorted(copy.rglob("*"))
    monkeypatch.chdir(copy)
    for source, out in ((copy, copy / "out"), (copy, tmp_path / "link" / "a" / "b"), (tmp_path / "link", "out")):
        with pytest.raises(StorageError, match="is in the bundle"):
            export(source, "csv", Path(out))
    assert sorted(copy.rglob("*")) == before


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("error", [OSError(28, "full"), SystemExit(7)], ids=["full", "stopped"])
def test_a_failure_leaves_no_file(bundle, tmp_path, monkeypatch, is_new, error):
    out = tmp_path / "out"
    if not is_new:
        out.mkdir()
    rename = Path.rename

    def fail(path, target):
        if is_new or Path(target).name == "records.csv":
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(SystemExit if isinstance(error, SystemExit) else StorageError):
        export(bundle, "csv", out)
    assert [path.name for path in tmp_path.rglob("*")] == ([] if is_new else ["out"])
    monkeypatch.undo()
    export(bundle, "csv", out)


def test_a_folder_of_another_process_with_a_similar_name_is_kept(bundle, tmp_path):
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "mine.txt").write_text("kept")
    export(bundle, "csv", tmp_path / "out")
    assert (tmp_path / ".out.partial" / "mine.txt").read_text() == "kept"
