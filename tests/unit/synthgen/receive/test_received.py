import base64
import hashlib
import shutil

import pytest

from audits.core.errors import VerifyError
from audits.verify.bundle import ENVELOPE
from audits.verify.contents import CONFIG, JSONL, METRICS, PARQUET
from synthgen.receive.received import read_intact, read_received
from synthgen.release.approve import approve


@pytest.fixture
def copied(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "copy")


def test_a_bundle_is_read_with_its_digest_records_and_settings(bundle, releases):
    found = read_intact(bundle)
    payload = base64.b64decode(releases.envelope(bundle)["payload"])
    assert found.digest == hashlib.sha256(payload).hexdigest()
    assert found.urn == f"urn:synthgen:clinic-synthetic:{found.statement.predicate.release_id}"
    assert found.keyids == (releases.RELEASER.keyid,)
    assert {(text, label) for _, text, label in found.rows} == set(releases.records())
    assert found.sizes[JSONL] == (bundle / JSONL).stat().st_size
    assert found.settings["interpolate"]["total"] == 12
    assert found.evidence.metrics["membership.auc"].value == 0.55
    assert found.decisions == ()


def test_a_bundle_with_one_format_is_read(releases, tmp_path):
    for formats, name in ((("jsonl",), JSONL), (("parquet",), PARQUET)):
        found = read_received(releases.bundle(tmp_path / formats[0], formats=formats))
        assert (found.data[0], len(found.rows)) == (name, 11)


def test_decisions_are_read_and_not_verified(releases, tmp_path):
    path = releases.bundle(tmp_path, releases.APPROVED_POLICY)
    how = {"trust": releases.root(), "now": releases.NOW, "no_review": True}
    approve(path, role="privacy_officer", key=releases.OFFICER, **how)
    ((keyid, decision),) = read_received(path).decisions
    assert (keyid, decision.role, decision.decision) == (releases.OFFICER.keyid, "privacy_officer", "APPROVE")


@pytest.mark.parametrize("name", [ENVELOPE, PARQUET, METRICS, CONFIG])
@pytest.mark.parametrize("damage", ["missing", "short", "flipped", "noise"])
def test_damage_of_a_file_that_is_read_ends_with_one_error(copied, name, damage):
    path = copied / name
    data = path.read_bytes()
    path.unlink()
    middle = len(data) // 2
    changed = {"short": data[:middle], "noise": b"\xff\x00" * 9}
    changed["flipped"] = data[:middle] + bytes([data[middle] ^ 128]) + data[middle + 1 :]
    if damage in changed:
        path.write_bytes(changed[damage])
    with pytest.raises(VerifyError):
        read_intact(copied)
    if (name, damage) != (CONFIG, "short"):  # the first half of the settings is valid YAML
        with pytest.raises(VerifyError):
            read_received(copied)


def test_only_an_intact_bundle_passes_the_check_of_all_files(copied):
    (copied / "LICENSE").write_text("another license")
    assert read_received(copied).rows
    with pytest.raises(VerifyError, match="LICENSE: its content differs from the signed digest") as found:
        read_intact(copied)
    assert (found.value.code, found.value.exit_code) == ("E_DIGEST", 10)
    with pytest.raises(VerifyError, match="there is no bundle"):
        read_received(copied / "nowhere")
