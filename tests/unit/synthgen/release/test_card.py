from ruamel.yaml import YAML

from audits.verify.contents import PARQUET
from synthgen.release.card import card, escape

HOSTILE = ["</script><img src=x onerror=alert(1)>", "[x](javascript:alert)", "a\n---\nlicense: mit", "x|y"]
HOSTILE += ["\x1b]0;t\x07", "a\u202eb"]


def test_hostile_labels_stay_in_their_cells(releases):
    rows = [(f"{i:016x}", "text", label) for i, label in enumerate(HOSTILE)]
    text = card(releases.content(records=rows), "2026-11-20-aaaaaa").decode()
    table = text.split("## Classes")[1].split("## Gates")[0].strip().splitlines()
    assert len(table) == 2 + len(HOSTILE)
    assert [part for part in ("<img", "](javascript", "\x1b", "\u202e") if part in text] == []
    assert (escape("ear and nose"), escape("a<b|c")) == ("ear and nose", "a&#60;b&#124;c")


def test_front_matter_with_a_hostile_license_is_valid_yaml(releases):
    text = card(releases.content(license='x"\n---\nlicense: mit', languages=["en"]), "2026-11-20-aaaaaa").decode()
    fields = YAML(typ="safe", pure=True).load(text.split("---\n")[1])
    assert (fields["license"], fields["tags"]) == ('x"\n---\nlicense: mit', ["synthetic"])
    assert fields["configs"][0]["data_files"] == [{"split": "train", "path": PARQUET}]


def test_audits_without_a_gate_are_listed_separately_and_no_record_is_quoted(releases):
    text = card(releases.content(), "2026-11-20-aaaaaa").decode()
    gates, without_gate = text.split("## Gates")[1].split("## Audits without a gate")
    assert "membership.measured" not in gates.replace("\\", "")
    assert "| membership | **INSUFFICIENT** |" in without_gate.split("##")[0]
    assert "synthetic text 3" not in text
