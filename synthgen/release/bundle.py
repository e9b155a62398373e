"""Write a release: all files, the signed statement over them, and one rename that publishes the folder."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from audits.core.files import disk_reason, sync
from audits.core.instants import stamp
from audits.gate.disclosure import public_report
from audits.verify.bundle import ENVELOPE, POLICY_JSON, POLICY_YAML, REPORT_HTML, verify_for_approval
from audits.verify.contents import METRICS, REPORT_JSON
from audits.verify.statement import PAYLOAD_TYPE
from audits.verify.trust import TrustRoot
from synthgen.core.errors import StorageError
from synthgen.release.card import card, escape
from synthgen.release.content import BundleContent, check_content
from synthgen.release.croissant import croissant
from synthgen.release.keys import SigningKey
from synthgen.release.provenance import sbom, to_yaml
from synthgen.release.sign import sign
from synthgen.release.statement import CONFIG, release_payload, short_id
from synthgen.release.tables import RECORD_SCHEMA, data_files

_COMPARED = ("data/", "policy/", METRICS)  # equal files under these names make two bundles the same release


@dataclass(frozen=True, slots=True)
class Bundle:
    """A written release: its folder and id."""

    path: Path
    release_id: str


def write_bundle(out_dir: Path, *, content: BundleContent, key: SigningKey, now: datetime) -> Bundle:
    """Write the bundle of a release into `out_dir/release-ID` and return it.

    The folder appears complete or not at all: all files are written to a temporary folder, flushed, and renamed
    once. If this key already released the same data, evidence and policy today, that bundle is returned unchanged.

    Raises:
        ReleaseRefused: the decision does not allow the release, or was made on other evidence or another policy.
        DataError: records are malformed.
        InternalError: the content contains data that must stay private.
        StorageError: the bundle cannot be written, or another release with this id exists; nothing is left behind.

    Privacy: writes only synthetic text, labels and aggregates. Ids are random and rows are sorted by id, so the row
        order reveals nothing about the source. File times are set to `now`.
    """
    check_content(content)
    data = data_files(content.records, content.formats)
    release_id = short_id(content, data, now)
    target = out_dir / f"release-{release_id}"
    files = {**data, **_metadata_files(content, data, release_id, now)}
    files["SHA256SUMS"] = "".join(f"{_sha256(files[name])}  {name}\n" for name in sorted(files)).encode()
    digests = {name: _sha256(blob) for name, blob in files.items()}
    if target.exists():
        if not _is_same(target, digests, key, content, now):
            raise StorageError(
                f"{target}: exists and is not the same release", hint="Move the folder away, then release again."
            )
        return Bundle(target, release_id)
    files[ENVELOPE] = sign(PAYLOAD_TYPE, release_payload(content, digests, release_id, now), [key.private])
    _write(target, files, now)
    return Bundle(target, release_id)


def _metadata_files(
    content: BundleContent, data: Mapping[str, bytes], release_id: str, now: datetime
) -> dict[str, bytes]:
    """Return every file that describes the data, by name."""
    audit = public_report(content.audit_json, content.policy)
    gates = [outcome.to_gate() for outcome in content.decision.outcomes]
    report = {"schemaVersion": 1, "releaseId": release_id, "verdict": "RELEASED", "gates": gates, "audit": audit}
    data_digests = {name: _sha256(blob) for name, blob in data.items()}
    files = {
        "README.md": card(content, release_id),
        "croissant.json": _json(croissant(content, data_digests, release_id, now)),
        "LICENSE": f"The dataset {content.name} is licensed under: {content.license}\n".encode(),
        "CITATION.cff": _citation(content, release_id, now),
        "schema/record.schema.json": _json(RECORD_SCHEMA),
        REPORT_HTML: content.report_html.encode(),
        REPORT_JSON: _json(report),
        METRICS: content.evidence.to_bytes(),
        POLICY_YAML: content.policy_yaml_bytes,
        POLICY_JSON: content.policy.to_bytes(),
        "provenance/run.json": _json(content.run_json),
        "provenance/sbom.cdx.json": _json(sbom()),
        CONFIG: to_yaml(content.config_redacted),
    }
    for result in audit["results"]:
        files[f"evidence/{result['name']}.json"] = _json(result)
    return files


def _citation(content: BundleContent, release_id: str, now: datetime) -> bytes:
    lines = [
        "cff-version: 1.2.0",
        "message: Cite the release you used.",
        "type: dataset",
        f"title: {json.dumps(content.name)}",
        f"version: {json.dumps(release_id)}",
        f"date-released: {stamp(now)[:10]}",
        "authors:",
        f"  - name: {json.dumps(escape('SynthGen release of ' + content.name))}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _is_same(
    target: Path, digests: Mapping[str, str], key: SigningKey, content: BundleContent, now: datetime
) -> bool:
    """Return whether `target` is an intact bundle of this key over the same data, evidence and policy."""
    own = TrustRoot.model_validate(
        {
            "version": 1,
            "expires": stamp(now + timedelta(days=1)),
            "keys": {key.keyid: key.public},
            "roles": {"releaser": {"keyids": (key.keyid,), "threshold": 1}},
            "policies": {content.policy.name: (content.decision.policy_digest,)},
            "ledgers": (content.attempts["ledger"]["id"],),
        }
    )
    found = verify_for_approval(target, own, now)
    if found.statement is None:
        return False
    existing = {subject.name: subject.digest.sha256 for subject in found.statement.subject}
    names = {name for name in (*existing, *digests) if name.startswith(_COMPARED)}
    return all(existing.get(name) == digests.get(name) for name in names)


def _write(target: Path, files: Mapping[str, bytes], now: datetime) -> None:
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)  # from a process that was killed while writing
        partial.mkdir()
        for name, blob in files.items():
            _write_file(partial / name, blob, now)
        for folder, _, _ in os.walk(partial):
            sync(Path(folder))
        partial.rename(target)
        sync(target.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        hint = "The run is unchanged in the workspace. Correct the cause and release again."
        raise StorageError(
            f"{target}: cannot be written ({disk_reason(error, target, sum(map(len, files.values())))})", hint=hint
        ) from error


def _write_file(path: Path, blob: bytes, now: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(blob)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    os.utime(path, (now.timestamp(), now.timestamp()))


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False).encode() + b"\n"


def _sha256(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()
