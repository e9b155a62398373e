"""The Croissant library reads the data of a bundle as croissant.json describes them."""

import json

import mlcroissant
import pytest

from audits.verify.contents import JSONL, PARQUET

BOTH = ("parquet", "jsonl")


@pytest.mark.parametrize(("formats", "main"), [(BOTH, PARQUET), (("parquet",), PARQUET), (("jsonl",), JSONL)])
def test_croissant_describes_the_records_and_its_reader_reads_them(releases, tmp_path, formats, main):
    bundle = releases.bundle(tmp_path, formats=formats)
    made = json.loads((bundle / "croissant.json").read_bytes())
    fields = made["recordSet"][0]["field"]
    assert [field["name"] for field in fields] == ["id", "text", "label"]
    assert {field["source"]["fileObject"]["@id"] for field in fields} == {main}
    assert (made["datePublished"], made["rai:dataCollectionType"]) == ("2026-11-20", "Synthetic")
    rows = list(mlcroissant.Dataset(str(bundle / "croissant.json")).records("records"))
    found = {tuple(row[f"records/{name}"].decode() for name in ("text", "label")) for row in rows}
    assert found == set(releases.records())


@pytest.mark.parametrize("formats", [BOTH, ("jsonl",)])
def test_its_reader_reads_texts_with_quotes_lines_and_other_alphabets(releases, tmp_path, formats):
    texts = [
        'He said: "no, none", and left',
        "one\ntwo\n\nthree",
        "\u75c5\u4eba, \u0938\u094d\u0924\u094d\u0930\u0940 \U0001f600",
        "a b\\c",
    ]
    rows = [(f"{texts[i % 4]} {i}", label) for i, (_, label) in enumerate(releases.records())]
    bundle = releases.bundle(tmp_path, formats=formats, records=rows)
    read = list(mlcroissant.Dataset(str(bundle / "croissant.json")).records("records"))
    assert {(row["records/text"].decode(), row["records/label"].decode()) for row in read} == set(rows)
