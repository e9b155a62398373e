from dataclasses import replace
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from audits.core.strictyaml import parse_yaml
from audits.verify import derived
from audits.verify.card import card, escape
from audits.verify.contents import PARQUET
from synthgen.release.statement import bundle_parts
from synthgen.release.tables import data_files

HOSTILE = ["</script><img src=x onerror=alert(1)>", "[x](javascript:alert)", "a\n---\nlicense: mit", "x|y"]
HOSTILE += ["\x1b]0;t\x07", "a\u202eb"]


def parts_of(releases, *policy, **changes):
    content = releases.content(*policy, **changes)
    return bundle_parts(content, data_files(content.records, content.formats), releases.NOW)


@pytest.fixture
def parts(releases):
    return parts_of(releases)


def test_hostile_labels_stay_in_their_cells(parts):
    text = card(replace(parts, classes=dict.fromkeys(HOSTILE, 1))).decode()
    table = text.split("## Classes")[1].split("## Gates")[0].strip().splitlines()
    assert len(table) == 2 + len(HOSTILE)
    assert [part for part in ("<img", "](javascript", "\x1b", "\u202e") if part in text] == []
    assert (escape("ear and nose"), escape("a<b|c")) == ("ear and nose", "a&#60;b&#124;c")


def test_front_matter_is_valid_yaml(parts):
    fields = YAML(typ="safe", pure=True).load(card(parts).decode().split("---\n")[1])
    assert (fields["license"], fields["language"], fields["tags"]) == ("CC-BY-4.0", ["en"], ["synthetic"])
    assert fields["configs"][0]["data_files"] == [{"split": "train", "path": PARQUET}]


@pytest.mark.parametrize("formats", [("parquet", "jsonl"), ("parquet",), ("jsonl",)])
def test_datasets_reads_exactly_the_records_from_the_folder(releases, tmp_path, monkeypatch, formats):
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets", reason="the library datasets is not installed")
    bundle = releases.bundle(tmp_path / "out", formats=formats)
    found = datasets.load_dataset(str(bundle), cache_dir=str(tmp_path / "cache"))
    assert {name: split.column_names for name, split in found.items()} == {"train": ["id", "text", "label"]}
    assert {(row["text"], row["label"]) for row in found["train"]} == set(releases.records())
    assert found["train"].num_rows == len(releases.records())


def test_the_hub_library_reads_the_front_matter(parts, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    (tmp_path / "README.md").write_bytes(card(parts))
    found = hub.DatasetCard.load(tmp_path / "README.md").data
    assert found.configs == [{"config_name": "default", "data_files": [{"split": "train", "path": PARQUET}]}]
    assert (found.license, found.pretty_name) == ("CC-BY-4.0", "clinic-synthetic")


def test_audits_without_a_gate_are_listed_separately_and_no_record_is_quoted(parts):
    text = card(parts).decode()
    gates, without_gate = text.split("## Gates")[1].split("## Verdicts that do not affect the decision")
    assert "membership.measured" not in gates.replace("\\", "")
    assert "| membership | **INSUFFICIENT** |" in without_gate.split("##")[0]
    assert "synthetic text 3" not in text


def test_card_has_no_table_of_other_verdicts_if_every_audit_is_a_gate(releases):
    text = card(parts_of(releases, releases.POLICY.replace("measured: [membership]\n", ""))).decode()
    assert "| audit | verdict |" not in text
    assert "Verdicts that do not affect the decision" not in text


def test_card_states_the_guarantee_and_withholds_numbers_of_private_records(parts, releases):
    text = card(parts_of(releases, releases.DP_POLICY, privacy=releases.DP_PRIVACY)).decode()
    guarantee, gates = (text.split(f"## {name}")[1].split("\n## ")[0] for name in ("Privacy guarantee", "Gates"))
    plain = guarantee.replace("\\", "")
    for stated in ("δ = 0.000001", "e^ε = 7.39", "reveals that the gates passed", "one more run of at most ε = 2."):
        assert stated in plain
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ")[2] for line in gates.splitlines() if " | " in line}
    assert (rows["auc"], rows["utility"], rows["audit-memorization"]) == ("–", "–", "–")
    assert (rows["dp-epsilon"], rows["dp-delta"]) == ("2", "1e-06")
    assert "| membership | **WITHHELD** |" in text
    assert "Privacy guarantee" not in card(parts).decode()


def test_citation_is_yaml_and_names_the_dataset_as_it_is():
    stated = SimpleNamespace(
        dataset=SimpleNamespace(name="a_b.c-d"), release_id="2026-11-20-a1b2c3", time_created="2026-11-20T07:00:00Z"
    )
    found = parse_yaml(derived._citation(stated), "CITATION.cff", error=ValueError)
    assert (found["title"], found["authors"]) == ("a_b.c-d", ({"name": "SynthGen release of a_b.c-d"},))
