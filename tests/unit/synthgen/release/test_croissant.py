import json

import pytest

from audits.verify.contents import JSONL, PARQUET
from synthgen.release.croissant import croissant


@pytest.mark.parametrize(("name", "extract"), [(PARQUET, {"column": "text"}), (JSONL, {"jsonPath": "$.text"})])
def test_croissant_describes_the_fields_and_digests(releases, name, extract):
    made = croissant(releases.content(), {name: "0" * 64}, "2026-11-20-aaaaaa", releases.NOW)
    assert json.loads(json.dumps(made)) == made
    fields = made["recordSet"][0]["field"]
    assert [f["name"] for f in fields] == ["id", "text", "label"]
    assert fields[1]["source"] == {"fileObject": {"@id": name}, "extract": extract}
    assert (made["distribution"][0]["sha256"], made["rai:dataCollectionType"]) == ("0" * 64, "Synthetic")
    assert made["datePublished"] == "2026-11-20"
