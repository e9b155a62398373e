import json
import subprocess
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from audits.gate.disclosure import public_evidence
from audits.gate.evidence import evidence_from
from audits.gate.policy import decide
from audits.verify.bundle import verify_bundle
from audits.verify.contents import PARQUET, with_ids
from synthgen.core.errors import DataError, ReleaseRefused, StorageError
from synthgen.release.bundle import write_bundle

LAYOUT = {
    *("README.md", "croissant.json", "LICENSE", "CITATION.cff", "SHA256SUMS"),
    *("data/train-00000-of-00001.parquet", "data/train-00000-of-00001.jsonl", "schema/record.schema.json"),
    *("report/report.html", "report/report.json", "policy/policy.yaml", "policy/policy.json"),
    *("evidence/metrics.json", "evidence/memorization.json", "evidence/membership.json"),
    *("provenance/run.json", "provenance/sbom.cdx.json", "provenance/config.redacted.yaml"),
    "attestation/release.dsse.json",
}


@pytest.fixture(scope="module")
def made(releases, tmp_path_factory):
    return releases.bundle(tmp_path_factory.mktemp("made"))


def names(path):
    return {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}


def test_layout_is_complete(made):
    assert names(made) == LAYOUT
    assert made.name.startswith("release-2026-11-20-")
    assert [p.name for p in made.parent.iterdir()] == [made.name]
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=made, check=False)
    assert done.returncode == 0


def test_data_has_id_text_and_label_sorted_by_id_for_any_order_of_the_records(made, releases, tmp_path):
    file = pq.ParquetFile(made / PARQUET)
    assert file.schema_arrow.names == ["id", "text", "label"]
    assert (file.metadata.metadata, file.schema_arrow.metadata) == (None, None)
    rows = file.read().to_pylist()
    assert [tuple(row.values()) for row in rows] == with_ids(releases.records())
    lines = (made / "data/train-00000-of-00001.jsonl").read_bytes().split(b"\n")
    assert [json.loads(line) for line in lines if line] == rows
    other = releases.bundle(tmp_path, records=releases.records()[::-1])
    for name in (PARQUET, "data/train-00000-of-00001.jsonl", "README.md"):
        assert (other / name).read_bytes() == (made / name).read_bytes()


def test_files_contain_nothing_private_and_state_time_and_sentence_of_the_policy(made, releases, tmp_path):
    private = [releases.CANARY.encode(), b"a" * 64, b"b" * 64, str(tmp_path.parent).encode(), b"/home/"]
    for name in names(made):
        assert not any(secret in (made / name).read_bytes() for secret in private), name
        assert (made / name).stat().st_mtime == releases.NOW.timestamp()
    predicate = releases.statement(made)["predicate"]
    assert predicate["use"] == {"scope": "inside", "statement": releases.policy_of(releases.POLICY).statement}
    assert predicate["privacy"]["mechanism"] == "none+empirical"
    assert "epsilon" not in predicate["privacy"]
    card = (made / "README.md").read_text()
    assert "not shown to be safe outside" in card.replace("\\", "").split("## Verify")[0]


@pytest.mark.parametrize("formats", [("parquet",), ("jsonl",)])
def test_only_the_requested_formats_are_written(releases, tmp_path, formats):
    path = releases.bundle(tmp_path, formats=formats)
    assert {n.rsplit(".")[-1] for n in names(path) if n.startswith("data/")} == set(formats)
    assert verify_bundle(path, releases.root(), now=releases.LATER).ok


def refused_content(releases):
    good = releases.content()
    numbers = {**releases.engine_numbers(), "utility.tstr_over_trtr": releases.estimate(0.5)}
    worse = evidence_from(releases.audit_json(), numbers)
    failed = decide(worse, good.policy)
    yield "utility: FAIL", replace(good, evidence=worse, decision=failed)
    yield ".", replace(good, evidence=worse)
    yield ".", replace(good, policy=releases.policy_of(releases.APPROVED_POLICY))
    yield ".", replace(good, evidence=worse, decision=replace(failed, allowed=True))  # a forged decision
    yield ".", replace(good, records=good.records[1:])
    yield "differ from the audited records", replace(good, records=[(f"{t}.", y) for t, y in good.records])


def test_content_that_the_gates_did_not_allow_is_not_written(releases, tmp_path):
    for message, content in refused_content(releases):
        with pytest.raises(ReleaseRefused, match=message) as caught:
            write_bundle(tmp_path / "out", content=content, key=releases.RELEASER, now=releases.NOW)
        assert (caught.value.exit_code, list(tmp_path.iterdir())) == (4, [])


def test_malformed_records_are_all_listed_without_their_text(releases, tmp_path):
    bad = [
        ("secret text", "a"),
        ("secret  text ", "a"),
        (" ", "a"),
        ("t\ud800", "a"),
        ("t", ""),
        ("t", "secret" * 11),
        ("t", "se\u200bcret"),
    ]
    policy = releases.policy_of(releases.POLICY)
    found = public_evidence(evidence_from(releases.audit_json(), releases.engine_numbers(len(bad))), policy)
    with pytest.raises(DataError, match="row 2: the text is empty") as caught:
        releases.bundle(tmp_path, records=bad, evidence=found, decision=decide(found, policy), formats=("csv",))
    assert len(caught.value.problems) == 7
    assert "row 4: the label is empty" in caught.value.problems
    assert "secret" not in str(caught.value)


def test_failed_write_leaves_nothing_behind(releases, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot be written"):
        releases.bundle(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"
    (tmp_path / "file").unlink()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("synthgen.release.bundle.os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        releases.bundle(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_repeated_release_returns_the_same_bundle_and_replaces_a_partial_one(made, releases, tmp_path):
    partial = tmp_path / f".{made.name}.partial"
    (partial / "data").mkdir(parents=True)
    (partial / "data/torn").write_text("x")
    path = releases.bundle(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [made.name]
    before = {name: (path / name).read_bytes() for name in names(path)}
    page = {**releases.page(releases.policy_of(releases.POLICY)), "filters": {"copy": "10-20"}}
    assert releases.bundle(tmp_path, now=releases.LATER, page=page) == path
    assert {name: (path / name).read_bytes() for name in names(path)} == before
    for key in (releases.UNTRUSTED, releases.RELEASER):
        with pytest.raises(StorageError, match="the folder exists, but does not contain this release"):
            releases.bundle(tmp_path, key=key)
        (path / "README.md").write_text("x")
