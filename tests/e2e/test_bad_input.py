"""A mistake of a user leads to an exit code and one clear message without text of a record; no file is lost."""

import json

import pytest

CANARY = "ZEBRAFINK4711"  # a word of every record, which no message may show
LABELS = ("cardiology", "gastroenterology", "pulmonology")


def rows(n, *, label=None):
    notes = [f"{CANARY} number {i} came with a cough and {CANARY}-{i} was noted. " * 3 for i in range(n)]
    return [
        {"patient_id": f"q{i}", "note_id": f"q{i}-1", "specialty": label or LABELS[i % 3]}
        | {"note": note, "patient_name": f"{CANARY} Person{i}"}
        for i, note in enumerate(notes)
    ]


def write(trial, records):
    path = trial.folder / "notes.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path.read_bytes()


def refused(trial, done, code, *parts):
    """Check a failed command: exit code, parts of the message, no traceback, no `CANARY`, and no release."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.count("error: ") == 1
    assert [part for part in parts if part not in done.stderr] == []
    assert [bad for bad in ("Traceback", "╭", CANARY) if bad in done.stderr] == []
    assert trial.bundles == []


def test_an_empty_or_a_missing_file(small):
    write(small, [])
    refused(small, small.release(), 3, "notes.jsonl: contains no rows")
    (small.folder / "notes.jsonl").unlink()
    refused(small, small.run("plan", small.config), 3, "notes.jsonl", "no such file")


def test_an_unknown_column_lists_the_known_ones(small):
    before = write(small, rows(9))
    small.edit("text: note,", "text: nota,")
    refused(small, small.release(), 3, "no column 'nota'", "specialty, note, patient_name", "patient_name")
    assert (small.folder / "notes.jsonl").read_bytes() == before


def test_a_class_of_three_records_is_named_with_the_required_number(small):
    tail = [row | {"patient_id": f"t{i}", "note_id": f"t{i}"} for i, row in enumerate(rows(3, label="pulmonology"))]
    most = [row for row in rows(90) if row["specialty"] != "pulmonology"]
    write(small, [*most, *tail])
    planned = small.run("plan", small.config)
    assert planned.returncode == 3, planned.stderr
    assert "no release is possible" in planned.stdout
    assert "pulmonology" in planned.stdout.split("no release is possible")[1]
    assert "4 persons are needed" in planned.stdout


def test_a_model_that_is_not_in_the_store(small, tmp_path):
    write(small, rows(90))
    (tmp_path / "empty").mkdir()
    done = small.release(SYNTHGEN_MODELS=str(tmp_path / "empty"))
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("deidentify", "WARNING"))]
    assert done.returncode == 6
    assert lines[0] == "error: model 'minilm' is not in the store"
    assert "synthgen models pull minilm" in lines[1]
    assert CANARY not in done.stderr


@pytest.mark.parametrize(("old", "new"), [("out: out", "out: file/out"), ("workspace: ./ws", "workspace: file/ws")])
def test_a_folder_that_cannot_be_written_is_reported_before_any_work(small, old, new):
    (small.folder / "file").write_text("kept")
    small.edit(old, new)
    refused(small, small.release(), 3, str(small.folder / "file"), "is not writable")
    assert (small.folder / "file").read_text() == "kept"
    assert list((small.workspace).rglob("done.json")) == []
