"""Files that are not what the configuration states: the command line names what was found and what to do."""

import gzip
import json
import re

import pytest

from tests.unit.synthgen.load.command_line import csv_of, is_whole, rows


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
def test_another_separator_is_named_also_between_quoted_cells(delimiter, name, sources):
    quoted = re.sub(r"[^;|\t\n]+", r'"\g<0>"', csv_of(delimiter))
    sources.write("t.csv", quoted.encode())
    sources.refused("t.csv", f"separated by {name}")
    is_whole(sources.plan("t.csv", delimiter=delimiter))


@pytest.mark.parametrize(
    ("header", "found"),
    [("PID,Note,Label", "'Note'"), ("pid , note,label", "' note'"), ("pid,\u200bnote,label", "note'")],
)
def test_columns_of_another_spelling_are_named(header, found, sources):
    sources.write("t.csv", csv_of().replace("pid,note,label", header, 1).encode())
    assert "canary" not in sources.refused(
        "t.csv", f"no column 'note'; the source has .*{found}, so use this spelling"
    )


@pytest.mark.parametrize("lines", ["# exported in 2026\n", "Report of the clinic,,\n\n", "sep=,\n"])
def test_lines_above_the_header_are_named(lines, sources):
    sources.write("t.csv", (lines + csv_of()).encode())
    sources.refused(
        "t.csv",
        f"header of the csv file is in line {lines.count(chr(10)) + 1}, not in",
        "Remove the lines above the header",
    )


OTHER_FILES = {
    "gzip": ("t.csv", lambda: gzip.compress(csv_of().encode()), "compressed with gzip", "Decompress"),
    "xlsx": ("t.csv", lambda: b"PK\x03\x04" + bytes(99), "an Excel workbook", "csv in UTF-8"),
    "zst": ("t.jsonl", lambda: b"\x28\xb5\x2f\xfd" + bytes(99), "compressed with zstd", "Decompress"),
    "suffix": ("t.csv.gz", lambda: gzip.compress(b"x"), "compressed with gzip", "Decompress"),
    "tsv": ("t.tsv", lambda: b"x", "extension '.tsv'", "source.delimiter"),
    "parquet": ("t.csv", lambda: b"PAR1\x15\x04" + bytes(99), "a parquet file", "source.format: parquet"),
    "array": ("t.jsonl", lambda: json.dumps(rows(), indent=1).encode(), "a JSON array", "jq -c"),
    "json": ("t.json", lambda: json.dumps(rows()).encode(), "extension '.json'", "jq -c"),
    "pretty": ("t.jsonl", lambda: "\n".join(json.dumps(r, indent=1) for r in rows()).encode(), "no line", "jq -c"),
    "csv": ("t.jsonl", lambda: csv_of().encode(), "no line of the file is a JSON object", "source.format: csv"),
    "jsonl": ("t.csv", lambda: json.dumps(rows()[0]).encode(), "is JSON, not csv", "source.format: jsonl"),
    "html": ("t.csv", lambda: b"<html><table><tr><td>pid</td>", "HTML or XML", "Save the table"),
    "zeros": ("t.csv", lambda: b"pid,note,label\n" + bytes(9999), "NUL characters", "again"),
}


@pytest.mark.parametrize("case", OTHER_FILES)
def test_a_file_of_another_format_is_named_with_the_remedy(case, sources):
    name, data, *words = OTHER_FILES[case]
    sources.write(name, data())
    sources.refused(name, *words)


def test_utf_32_without_a_mark_and_utf_8_that_is_read_otherwise_are_named(sources):
    for encoding in ("utf-32-le", "utf-32-be"):
        sources.write("t.csv", csv_of().encode(encoding))
        sources.refused("t.csv", f"source.encoding: {encoding}")
    sources.write("t.csv", csv_of().encode())
    notes = sources.plan("t.csv", encoding="cp1252")["notes"]
    assert [note for note in notes if "the file is valid UTF-8" in note and "cp1252" in note]


def test_parts_of_several_splits_and_missing_parts_are_refused(sources):
    (sources.folder / "hub").mkdir()
    sources.write("hub/train-00000-of-00002.parquet", rows())
    sources.refused("hub", "1 of the 2 parts are missing")
    sources.write("hub/train-00001-of-00002.parquet", rows())
    sources.write("hub/test-00000-of-00001.parquet", rows())
    sources.refused("hub", r"more than one set of parts: test-\*-of-00001, train-\*-of-00002")


def test_a_json_object_with_two_values_for_one_key_is_malformed(sources):
    lines = [json.dumps(row) for row in rows()]
    lines[1] = lines[1].replace("{", '{"note": "other", ')
    sources.write("t.jsonl", "\n".join(lines).encode())
    sources.refused("t.jsonl", r"malformed row: row 2")
