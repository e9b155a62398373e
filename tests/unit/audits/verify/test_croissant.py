import json

import mlcroissant
import pytest

from audits.verify.contents import JSONL, PARQUET


@pytest.mark.parametrize(("formats", "main"), [(("parquet", "jsonl"), PARQUET), (("jsonl",), JSONL)])
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
