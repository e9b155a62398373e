"""Find the bundle (the folder of a release) in which a run was released."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from audits.core.errors import VerifyError
from audits.gate.outcome import Decision
from audits.verify.bundle import ENVELOPE
from audits.verify.dsse import MAX_ENVELOPE_BYTES, parse_envelope
from audits.verify.statement import ReleaseStatement, read_statement
from synthgen.core.errors import StorageError
from synthgen.core.files import read_bytes
from synthgen.release.run import Run


class ReleasedBundle(NamedTuple):
    """A bundle in which a run was released."""

    created: str  # time of the release statement
    release_id: str
    digest: str  # sha256 of the signed statement; approvals contain it
    path: Path


def released_bundle(run: Run, decision: Decision) -> ReleasedBundle | None:
    """Return the newest bundle of this run in the folder `release.out`; None if there is none.

    A bundle belongs to the run if its statement has the release name and the digests of the evidence and of the
    policy; the evidence contains the digest of the records. Signatures are checked later, by `approve`.
    """
    out = run.config.resolve(run.config.release.out)
    of_run = (run.config.release.name, decision.evidence_digest, decision.policy_digest)
    found = []
    for path in sorted(out.glob("release-*")):
        try:
            envelope = parse_envelope(read_bytes(path / ENVELOPE, MAX_ENVELOPE_BYTES))
            stated = read_statement(ReleaseStatement, envelope.payload_type, envelope.payload).predicate
        except (VerifyError, StorageError):  # unreadable, or of another program version
            continue
        if (stated.dataset.name, stated.evidence[0].digest.sha256, stated.policy.digest.sha256) == of_run:
            digest = hashlib.sha256(envelope.payload).hexdigest()
            found.append(ReleasedBundle(stated.time_created, stated.release_id, digest, path))
    return max(found, default=None)  # bundles are compared by `created`, their first field
