import gzip
import json

from synthgen.extract.fhir import resources as module
from synthgen.extract.fhir.resources import files_below, is_export, parsed, resources_of
from synthgen.extract.note import Dropped


def read(path):
    found = list(resources_of(path, path.name))
    return [i if isinstance(i, Dropped) else (i[0]["id"], i[1]) for i in found]


def test_lines_are_read_and_others_are_counted(tmp_path):
    lines = [b'\xef\xbb\xbf{"resourceType": "A", "id": "1"}', b"", b"[1]", b"{broken", b'{"id": "2"}', b"\xff"]
    deep = b'{"a":' + b"[" * 100_000
    huge = b'{"resourceType": "A", "id": "3", "n": ' + b"9" * 5000 + b"}"
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"\n".join([*lines, deep, huge, b'{"resourceType": "A", "id": "4"}']))
    assert read(path) == [
        ("1", "a.ndjson:1"),
        Dropped(module.NOT_JSON, "a.ndjson:3"),
        Dropped(module.NOT_JSON, "a.ndjson:4"),
        Dropped(module.NO_TYPE, "a.ndjson:5"),
        Dropped(module.NOT_JSON, "a.ndjson:6"),
        Dropped(module.NOT_JSON, "a.ndjson:7"),
        Dropped(module.NOT_JSON, "a.ndjson:8"),
        ("4", "a.ndjson:9"),
    ]


def test_packed_files_and_bundles(tmp_path):
    line = json.dumps({"resourceType": "A", "id": "1"}).encode()
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(line))
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(line * 500)[:40])
    bundle = {"resourceType": "Bundle", "entry": [{"resource": json.loads(line)}, {"request": {}}, 3]}
    (tmp_path / "c.json").write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": bundle}]}))
    (tmp_path / "manifest.json").write_text('{"output": []}')
    assert read(tmp_path / "a.ndjson.gz") == [("1", "a.ndjson.gz:1")]
    assert read(tmp_path / "b.ndjson.gz") == [Dropped(module.DAMAGED, "b.ndjson.gz")]
    assert read(tmp_path / "c.json") == [("1", "c.json, entry 1, entry 1")]
    assert read(tmp_path / "manifest.json") == [Dropped(module.NOT_READ, "manifest.json")]


def test_a_long_line_is_skipped_without_reading_it_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 40)
    path = tmp_path / "a.ndjson"
    path.write_text("x" * 200 + '\n{"resourceType": "A", "id": "1"}\n')
    assert read(path) == [Dropped(module.LONG_LINE, "a.ndjson:1"), ("1", "a.ndjson:2")]


def test_hidden_files_are_left_out(tmp_path):
    for name in (".a.ndjson", "b.NDJSON", "c.txt"):
        (tmp_path / name).write_text("")
    assert [p.name for p in files_below(tmp_path)] == ["b.NDJSON", "c.txt"]
    assert [is_export(p) for p in files_below(tmp_path)] == [True, False]
    assert parsed(b"{") is None


def test_lines_in_a_json_file_are_read_as_lines(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"resourceType": "A", "id": "1"}\n{"resourceType": "A", "id": "2"}\n')
    assert read(path) == [("1", "a.json:1"), ("2", "a.json:2")]


def test_a_resource_of_a_transaction_has_the_id_of_its_entry(tmp_path):
    entry = {"fullUrl": "urn:uuid:7", "resource": {"resourceType": "A"}}
    (tmp_path / "a.json").write_text(json.dumps({"resourceType": "Bundle", "entry": [entry]}))
    assert read(tmp_path / "a.json") == [("7", "a.json, entry 1")]
