import json

from ruamel.yaml import YAML

from audits.verify.contents import PARQUET
from synthgen.release.card import card, escape
from synthgen.release.croissant import croissant

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "[x](javascript:alert)",
    "a\n---\nlicense: mit",
    "x|y",
    "\x1b]0;t\x07",
    "a\u202eb",
]


def test_labels_cannot_leave_their_cell(releases):
    rows = [(f"{i:016x}", "text", label) for i, label in enumerate(HOSTILE)]
    text = card(releases.content(records=rows), "2026-11-20-aaaaaa").decode()
    table = text.split("## Classes")[1].split("## Gates")[0].strip().splitlines()
    assert len(table) == 2 + len(HOSTILE)
    assert "<img" not in text
    assert "](javascript" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_front_matter_is_yaml_whatever_the_config_says(releases):
    text = card(releases.content(license='x"\n---\nlicense: mit', languages=["en"]), "2026-11-20-aaaaaa").decode()
    fields = YAML(typ="safe", pure=True).load(text.split("---\n")[1])
    assert fields["license"] == 'x"\n---\nlicense: mit'
    assert fields["tags"] == ["synthetic"]
    assert fields["configs"][0]["data_files"] == [{"split": "train", "path": PARQUET}]


def test_what_gates_nothing_stands_apart_with_its_own_verdict(releases):
    text = card(releases.content(), "2026-11-20-aaaaaa").decode()
    gates, beside = text.split("## Gates")[1].split("## Measured, gating nothing")
    assert "membership.measured" not in gates.replace("\\", "")
    assert "| membership | **INSUFFICIENT** |" in beside.split("##")[0]


def test_no_record_is_quoted(releases):
    assert b"synthetic text 3" not in card(releases.content(), "2026-11-20-aaaaaa")


def test_escape_keeps_plain_words():
    assert escape("ear and nose") == "ear and nose"
    assert escape("a<b|c") == "a&#60;b&#124;c"


def test_croissant_describes_the_fields_and_digests(releases):
    made = croissant(releases.content(), {PARQUET: "0" * 64}, "2026-11-20-aaaaaa", releases.NOW)
    assert json.loads(json.dumps(made)) == made
    assert [f["name"] for f in made["recordSet"][0]["field"]] == ["id", "text", "label"]
    assert made["distribution"][0]["sha256"] == "0" * 64
    assert made["rai:dataCollectionType"] == "Synthetic"
