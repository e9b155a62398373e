from dataclasses import replace

import pytest

from synthgen.receive.overview import UNVERIFIED, Overview, overview
from synthgen.receive.received import read_received


@pytest.fixture(scope="module")
def received(bundle):
    return read_received(bundle)


def test_an_overview_counts_records_by_class_and_length(received, releases):
    found = overview(received).to_json()
    assert found["records"]["classes"] == {"cardiology": 4, "ear & nose": 4, "x|y": 3}
    lengths = sorted(len(text) for text, _ in releases.records())
    assert found["records"]["characters"] == {"least": lengths[0], "median": lengths[5], "most": lengths[-1]}
    assert found["records"]["words"] == {"least": 4, "median": 4, "most": 4}
    assert (found["records"]["count"], found["records"]["columns"]) == (11, ["id", "text", "label"])


def test_an_overview_states_models_policy_gates_and_keys_and_that_nothing_was_verified(received, releases):
    found = overview(received)
    fields, lines = found.to_json(), found.to_text().splitlines()
    assert fields["verified"] is False
    assert (lines[0], lines[-1]) == (UNVERIFIED, UNVERIFIED)
    assert "synthgen verify" in UNVERIFIED
    assert fields["models"][0]["digest"] == "d" * 64
    assert (fields["policy"]["name"], fields["use"]["scope"]) == ("trial", "inside")
    assert {gate["id"] for gate in fields["gates"]} >= {"hits", "auc", "utility"}
    assert fields["signers"] == [releases.RELEASER.keyid]
    assert f"signed by key: {releases.RELEASER.keyid}" in lines
    assert "guarantee: none+empirical per group, no epsilon claimed" in lines
    assert "synthetic text 3" not in found.to_text() + str(fields)


def test_a_guarantee_is_stated_with_its_numbers(releases, tmp_path):
    path = releases.bundle(tmp_path, releases.DP_POLICY, privacy=releases.DP_PRIVACY)
    found = overview(read_received(path))
    assert found.to_json()["guarantee"]["epsilon"] == 2
    assert "guarantee: dp-gaussian per group, epsilon 2.0, delta 1e-06" in found.to_text().splitlines()


def test_an_epsilon_of_zero_is_not_shown_as_a_missing_one(received):
    fields = overview(received).to_json()
    text = Overview({**fields, "guarantee": {**fields["guarantee"], "epsilon": 0.0, "delta": 0.0}}).to_text()
    assert "epsilon 0.0, delta 0.0" in text


def test_a_label_cannot_forge_a_line(received):
    rows = [(name, text, "x\nVERIFIED\x1b[2J") for name, text, _ in received.rows]
    lines = overview(replace(received, rows=tuple(rows))).to_text().splitlines()
    assert not any(line.startswith("VERIFIED") or "\x1b" in line for line in lines)
