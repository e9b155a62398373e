"""Write a bundle, the folder with all files of a release and a signed statement of their digests."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from audits.core.files import disk_reason, sync
from audits.core.instants import stamp
from audits.verify.bundle import ENVELOPE, verify_for_approval
from audits.verify.contents import METRICS
from audits.verify.derived import bundle_files
from audits.verify.statement import PAYLOAD_TYPE
from audits.verify.trust import TrustRoot
from synthgen.core.errors import StorageError
from synthgen.release.content import BundleContent, check_content
from synthgen.release.keys import SigningKey
from synthgen.release.sign import sign
from synthgen.release.statement import bundle_parts, release_payload
from synthgen.release.tables import data_files

# files with these prefixes depend only on data, evidence and policy; other files can depend on the signing time
_COMPARED_PREFIXES = ("data/", "policy/", METRICS)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A written release: its folder and id."""

    path: Path
    release_id: str

    def __repr__(self) -> str:
        return f"Bundle({self.release_id})"


def write_bundle(out_dir: Path, *, content: BundleContent, key: SigningKey, now: datetime) -> Bundle:
    """Write the bundle of a release into `out_dir/release-ID` and return it.

    The release id consists of the date of `now` and of digits derived from data, evidence and policy. If `out_dir`
    already contains a bundle with this id that `key` signed, this bundle is returned.

    Raises:
        ReleaseRefused: the decision does not allow the release, or was not made on the evidence, policy and records
            in `content`.
        DataError: records are malformed.
        VerifyError: a verifier would not accept the bundle.
        StorageError: the bundle cannot be written (no partial files remain), or the folder `release-ID` contains a
            different release.

    Privacy: writes only synthetic text, labels and aggregates. Ids are derived from the texts and rows are sorted by
        id, so the order of the rows reveals nothing about the source. File times are set to `now`.
    """
    check_content(content)
    data = data_files(content.records, content.formats)
    parts = bundle_parts(content, data, now)
    release_id = parts.predicate.release_id
    target, files = out_dir / f"release-{release_id}", {**data, **bundle_files(parts)}
    digests = {name: hashlib.sha256(blob).hexdigest() for name, blob in files.items()}
    if not target.exists():
        files[ENVELOPE] = sign(PAYLOAD_TYPE, release_payload(parts.predicate, digests), [key.private])
        _write(target, files, now)
    elif not _is_same(target, digests, key, content, now):
        hint = "Move the folder away, then release again."
        cause = "it was altered or damaged, or another key signed it"
        raise StorageError(f"{target}: the folder exists, but does not contain this release; {cause}", hint=hint)
    return Bundle(target, release_id)


def _is_same(
    target: Path, digests: Mapping[str, str], key: SigningKey, content: BundleContent, now: datetime
) -> bool:
    """Return whether `target` is a valid bundle, signed with `key`, that has the same data, evidence and policy.

    `digests` maps the new files to their sha256. The bundle is verified with a trust root that accepts only this key,
    policy and ledger.
    """
    own_root = TrustRoot.model_validate(
        {
            "version": 1,
            "expires": stamp(now + timedelta(days=1)),
            "keys": {key.keyid: key.public},
            "roles": {"releaser": {"keyids": (key.keyid,), "threshold": 1}},
            "policies": {content.policy.name: (content.decision.policy_digest,)},
            "ledgers": (content.attempts["ledger"]["id"],),
        }
    )
    verified = verify_for_approval(target, own_root, now)
    if verified.statement is None:
        return False
    existing = {subject.name: subject.digest.sha256 for subject in verified.statement.subject}
    names = {name for name in (*existing, *digests) if name.startswith(_COMPARED_PREFIXES)}
    return all(existing.get(name) == digests.get(name) for name in names)


def _write(target: Path, files: Mapping[str, bytes], now: datetime) -> None:
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)  # left by a process that was killed during a write
        partial.mkdir()
        for name, blob in files.items():
            _write_file(partial / name, blob, now)
        for folder, _, _ in os.walk(partial):
            sync(Path(folder))
        partial.rename(target)
        sync(target.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = disk_reason(error, target, sum(map(len, files.values())))
        hint = (
            "The run in the workspace is unchanged. Free disk space or correct the permissions, then release again."
        )
        raise StorageError(f"{target}: cannot be written ({reason})", hint=hint) from error


def _write_file(path: Path, blob: bytes, now: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(blob)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    os.utime(path, (now.timestamp(), now.timestamp()))
