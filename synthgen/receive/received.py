"""Read a bundle (a release folder): statement, records, measured numbers, decisions. No signature is verified."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audits.core.errors import InputError, VerifyError
from audits.core.strictyaml import parse_yaml
from audits.gate.evidence import Evidence
from audits.verify.approvals import FILE as DECISION_FILE
from audits.verify.bundle import ENVELOPE, MAX_CONFIG_BYTES, verify_integrity
from audits.verify.contents import CONFIG, JSONL, MAX_DATA_BYTES, METRICS, PARQUET, Row, read_rows
from audits.verify.dsse import MAX_ENVELOPE_BYTES, parse_envelope
from audits.verify.gates import bundle_evidence
from audits.verify.statement import ApprovalPredicate, ApprovalStatement, ReleaseStatement, read_statement
from audits.verify.tree import Tree, open_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedBundle:
    """What a bundle states and contains. The statements may be false, because nothing is verified."""

    digest: str  # sha256 of the signed statement, which contains the digest of each file
    statement: ReleaseStatement
    keyids: tuple[str, ...]  # ids of the keys with which the statement is signed, according to the bundle
    sizes: Mapping[str, int]  # size in bytes of each file in the folder
    rows: tuple[Row, ...]  # id, text and label of each record
    data: tuple[str, str]  # name and sha256 of the file that contains the rows
    evidence: Evidence  # the measured numbers
    settings: Mapping[str, Any]  # the configuration of the run
    decisions: tuple[tuple[str, ApprovalPredicate], ...]  # keyid and content of each approval or rejection

    @property
    def urn(self) -> str:
        """The name of the release, as in croissant.json."""
        stated = self.statement.predicate
        return f"urn:synthgen:{stated.dataset.name}:{stated.release_id}"


def read_received(path: Path) -> ReceivedBundle:
    """Return what a bundle states and contains, without any verification.

    Raises:
        VerifyError: a file that this function reads is missing or malformed, or the folder has unsafe files.
    """
    with open_tree(path) as tree:
        envelope = parse_envelope(tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
        statement = read_statement(ReleaseStatement, envelope.payload_type, envelope.payload)
        stated = {subject.name for subject in statement.subject}
        name = PARQUET if PARQUET in stated else JSONL
        data = tree.read(name, MAX_DATA_BYTES)
        return ReceivedBundle(
            digest=hashlib.sha256(envelope.payload).hexdigest(),
            statement=statement,
            keyids=tuple(keyid for keyid, _ in envelope.signatures),
            sizes={file: os.stat(file, dir_fd=tree.root, follow_symlinks=False).st_size for file in tree.files},
            rows=tuple(read_rows(name, data, statement.predicate.dataset.records)),
            data=(name, hashlib.sha256(data).hexdigest()),
            evidence=bundle_evidence({METRICS: tree.read(METRICS)}),
            settings=_settings(tree),
            decisions=tuple(_decision(tree, file) for file in tree.files if DECISION_FILE.fullmatch(file)),
        )


def read_intact(path: Path) -> ReceivedBundle:
    """Return what a bundle contains, after a check that every file has the digest that the statement lists.

    The signature is not checked, because this requires a file of accepted keys.

    Raises:
        VerifyError: a file is missing, added or changed, or differs from the file that the verifier derives from the
            statement, the evidence and the records.
    """
    integrity = verify_integrity(path)
    if integrity.failure:
        code, _, message = integrity.failure.partition(" ")
        raise VerifyError(code, message)
    bundle = read_received(path)
    name, digest = bundle.data
    signed = {subject.name: subject.digest.sha256 for subject in bundle.statement.subject}
    if bundle.statement != integrity.statement or signed.get(name) != digest:
        raise VerifyError("E_DIGEST", f"{name}: changed while it was read")
    return bundle


def _settings(tree: Tree) -> dict[str, Any]:
    try:
        return parse_yaml(tree.read(CONFIG), CONFIG, error=InputError, max_bytes=MAX_CONFIG_BYTES)
    except InputError as error:
        raise VerifyError("E_MANIFEST", error.message) from None


def _decision(tree: Tree, name: str) -> tuple[str, ApprovalPredicate]:
    envelope = parse_envelope(tree.read(name, MAX_ENVELOPE_BYTES))
    stated = read_statement(ApprovalStatement, envelope.payload_type, envelope.payload)
    return envelope.signatures[0][0], stated.predicate
