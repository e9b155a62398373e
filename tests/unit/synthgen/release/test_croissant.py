import pytest

from audits.verify.contents import JSONL, PARQUET
from synthgen.release.croissant import croissant


@pytest.mark.parametrize(("name", "how"), [(PARQUET, {"column": "text"}), (JSONL, {"jsonPath": "$.text"})])
def test_fields_are_taken_from_the_main_file(releases, name, how):
    made = croissant(releases.content(), {name: "0" * 64}, "2026-11-20-aaaaaa", releases.NOW)
    field = made["recordSet"][0]["field"][1]
    assert field["source"] == {"fileObject": {"@id": name}, "extract": how}
    assert made["datePublished"] == "2026-11-20"
