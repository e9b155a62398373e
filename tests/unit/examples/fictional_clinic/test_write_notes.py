import json

from fictional_clinic import write_notes


def test_notes_and_key_are_written_side_by_side_and_the_key_stays_out_of_the_notes(tmp_path):
    count = write_notes(tmp_path / "notes.jsonl", patients=9, seed=5)
    notes = [json.loads(line) for line in (tmp_path / "notes.jsonl").read_text(encoding="utf-8").splitlines()]
    keys = [json.loads(line) for line in (tmp_path / "notes.key.jsonl").read_text(encoding="utf-8").splitlines()]
    assert count == len(notes) == len(keys)
    assert set(notes[0]) == {"patient_id", "note_id", "specialty", "note", "patient_name"}
    assert [n["note_id"] for n in notes] == [k["note_id"] for k in keys]
    assert all("identifiers" in key and "traits" in key for key in keys)
