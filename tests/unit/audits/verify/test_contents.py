"""Files of a bundle that say different things of one another, each well signed."""

import hashlib
import json

import pyarrow.parquet as pq
import pytest

from audits.core.strictjson import canonical
from audits.verify.contents import COLUMNS, JSONL, METRICS, PARQUET, jsonl_bytes
from synthgen.release.tables import data_files


def rewrite(copy, name, change):
    value = json.loads((copy / name).read_bytes())
    change(value)
    (copy / name).write_bytes(canonical(value))


def refresh(copy, *, croissant=True):
    """Make SHA256SUMS and croissant.json say what the files are now, as a wicked releaser would."""
    if croissant:
        value = json.loads((copy / "croissant.json").read_bytes())
        for item in value["distribution"]:
            item["sha256"] = hashlib.sha256((copy / item["@id"]).read_bytes()).hexdigest()
        (copy / "croissant.json").write_text(json.dumps(value))
    names = sorted(p.relative_to(copy).as_posix() for p in copy.rglob("*") if p.is_file())
    names = [name for name in names if name != "SHA256SUMS" and not name.startswith("attestation/")]
    (copy / "SHA256SUMS").write_text(
        "".join(f"{hashlib.sha256((copy / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    )


def rewrite_data(copy, change, formats=("parquet", "jsonl")):
    lines = (copy / JSONL).read_text().split("\n")[:-1]
    rows = change([tuple(json.loads(line).values()) for line in lines])
    for name, data in data_files(rows, formats).items():
        (copy / name).write_bytes(data)


def another_text(rows):
    return [(rows[0][0], "a real note of a real person", rows[0][2]), *rows[1:]]


def another_label(rows):
    return [(rows[0][0], rows[0][1], rows[1][2]), *rows[1:]]


def another_id(rows):
    return [("PATIENT-4711", *rows[0][1:]), *rows[1:]]


def one_more(rows):
    return [*rows, ("f" * 16, "one more", rows[0][2])]


def spaced(copy):
    file = copy / JSONL
    file.write_bytes(file.read_bytes().replace(b"}\n", b" }\n", 1))


def fourth_column(copy):
    file = copy / JSONL
    file.write_bytes(file.read_bytes().replace(b"}\n", b', "note": "real"}\n', 1))


def hidden_metadata(copy):
    table = pq.read_table(copy / PARQUET)
    pq.write_table(table.replace_schema_metadata({"source": "a real note"}), copy / PARQUET)


DATA = {
    "text-of-both": (lambda c: rewrite_data(c, another_text), "E_DATA these are not the records that were audited"),
    "label-of-both": (lambda c: rewrite_data(c, another_label), "E_DATA these are not the records"),
    "one-more-record": (lambda c: rewrite_data(c, one_more), "E_DATA the data have other numbers"),
    "ids-that-speak": (lambda c: rewrite_data(c, another_id), "E_DATA the ids"),
    "jsonl-alone": (lambda c: rewrite_data(c, another_text, ("jsonl",)), f"E_DATA {JSONL} and {PARQUET}: hold diff"),
    "parquet-alone": (
        lambda c: rewrite_data(c, another_id, ("parquet",)),
        f"E_DATA {JSONL} and {PARQUET}: hold diff",
    ),
    "spaces": (spaced, f"E_DATA {JSONL}: is not written"),
    "fourth-column": (fourth_column, f"E_DATA {JSONL}: line 1 is no record"),
    "not-parquet": (lambda c: (c / PARQUET).write_bytes(b"PAR1 or not"), f"E_DATA {PARQUET}: cannot be read"),
    "hidden-metadata": (hidden_metadata, f"E_DATA {PARQUET}: holds something else"),
    "lone-surrogate": (
        lambda c: (c / JSONL).write_bytes(b'{"id": "0123456789abcdef", "text": "\\ud800", "label": "x"}\n'),
        f"E_DATA {JSONL}",
    ),
}


@pytest.mark.parametrize("case", sorted(DATA))
def test_well_signed_data_that_were_not_audited_are_refused(case, copy, judge, releases):
    change, failure = DATA[case]
    change(copy)
    refresh(copy)
    releases.edit(copy, lambda v: None)
    found = judge(copy)
    assert found.failure.startswith(failure), found.failure
    assert (found.code, found.checks[-1].id) == (10, "data")


def test_a_third_data_file_is_refused(copy, judge, releases):
    (copy / "data/notes.csv").write_text("real")
    value = json.loads((copy / "croissant.json").read_bytes())
    value["distribution"].append(
        {**value["distribution"][0], **dict.fromkeys(("@id", "name", "contentUrl"), "data/notes.csv")}
    )
    (copy / "croissant.json").write_text(json.dumps(value))
    refresh(copy)
    entry = {"name": "data/notes.csv", "digest": {"sha256": "0" * 64}}
    releases.edit(copy, lambda v: None)
    value = releases.statement(copy)
    entry["digest"]["sha256"] = hashlib.sha256(b"real").hexdigest()
    value["subject"] = sorted([*value["subject"], entry], key=lambda s: s["name"])
    releases.resign(copy, value)
    assert judge(copy).failure.startswith("E_DATA data/notes.csv")


@pytest.mark.parametrize("digests", [{}, {"synthetic": "0" * 64}])
def test_evidence_of_no_or_other_records_is_refused(copy, judge, releases, digests):
    rewrite(copy, METRICS, lambda v: v.update(digests=digests))
    digest = hashlib.sha256((copy / METRICS).read_bytes()).hexdigest()
    refresh(copy)
    releases.edit(copy, lambda v: v["predicate"]["evidence"][0]["digest"].update(sha256=digest))
    assert judge(copy).failure.startswith("E_DATA")


def test_sums_and_description_must_be_those_of_the_files(copy, judge, releases):
    for name, change in (
        ("SHA256SUMS", lambda text: text.replace("README.md", "README.txt")),
        ("SHA256SUMS", lambda text: text + f"{'0' * 64}  more\n"),
        ("croissant.json", lambda text: text.replace("jsonl", "json")),
        ("croissant.json", lambda text: text.replace('"distribution"', '"elsewhere"')),
        ("croissant.json", lambda text: text[:-3]),
    ):
        before = {file: (copy / file).read_bytes() for file in ("SHA256SUMS", "croissant.json")}
        (copy / name).write_text(change((copy / name).read_text()))
        if name != "SHA256SUMS":
            refresh(copy, croissant=False)
        releases.edit(copy, lambda v: None)
        found = judge(copy)
        assert (found.code, found.failure[:10]) == (10, "E_MANIFEST"), (name, found.failure)
        for file, data in before.items():
            (copy / file).write_bytes(data)


def test_the_files_of_the_audits_say_what_the_report_says(copy, judge, releases):
    for name, change in (
        ("evidence/replay.json", lambda v: v.update(verdict="fail")),
        ("report/report.json", lambda v: v.update(verdict="REFUSED")),
        ("report/report.json", lambda v: v["gates"].pop()),
        ("report/report.json", lambda v: v.update(releaseId="2026-11-20-000000")),
    ):
        before = (copy / name).read_bytes()
        rewrite(copy, name, change)
        refresh(copy)
        releases.edit(copy, lambda v: None)
        assert judge(copy).failure.startswith("E_GATE"), name
        (copy / name).write_bytes(before)


def test_a_record_is_one_line_in_one_spelling():
    rows = [("0" * 16, "a \u2028 ü", "x"), ("1" * 16, "b", "y")]
    lines = jsonl_bytes(rows).split(b"\n")
    assert lines[-1] == b""
    assert [tuple(json.loads(line)) for line in lines[:-1]] == [COLUMNS, COLUMNS]
    assert lines[0].decode() == '{"id": "' + "0" * 16 + '", "text": "a \u2028 ü", "label": "x"}'
