"""Verify a received bundle (a release folder), and read its records from exactly the bytes that were verified."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from audits.core.errors import VerifyError
from audits.gate.policy import Policy
from audits.verify.bundle import verify_bundle
from audits.verify.contents import JSONL, PARQUET
from audits.verify.statement import ReleaseStatement
from audits.verify.tree import open_tree
from audits.verify.trust import TrustRoot
from synthgen.release.tables import read_data_file

MAX_DATA_BYTES = 8 << 30  # 8 GiB; larger data files are refused


class Release:
    """A verified release: its signed statement and its records. Create it with `Release.open`."""

    def __init__(self, statement: ReleaseStatement, table: pa.Table) -> None:
        self.statement = statement
        self._table = table

    def __repr__(self) -> str:
        return f"Release({self.statement.predicate.release_id}, {self._table.num_rows} records)"

    @classmethod
    def open(
        cls,
        path: str | Path,
        trust: str | Path | TrustRoot,
        policy: str | Path | Policy | None = None,
        now: datetime | None = None,
    ) -> "Release":
        """Verify the bundle at `path` and return the release; for the arguments, see `verify_bundle`.

        Raise VerifyError with the code of the failed check, or `E_DIGEST` if the data changed after the verification.
        """
        verified = verify_bundle(path, trust, policy, now)
        if verified.statement is None or not verified.ok:
            code, _, message = verified.failure.partition(" ")
            raise VerifyError(code, message)
        digests = {subject.name: subject.digest.sha256 for subject in verified.statement.subject}
        name = PARQUET if PARQUET in digests else JSONL
        with open_tree(path) as tree:
            data = tree.read(name, MAX_DATA_BYTES)
        if hashlib.sha256(data).hexdigest() != digests.get(name):
            raise VerifyError("E_DIGEST", f"{name}: changed after it was verified. Do not use this copy")
        return cls(verified.statement, read_data_file(name, data))

    def to_arrow(self) -> pa.Table:
        """Return the records as a table of three string columns: id, text, label."""
        return self._table

    def to_pandas(self) -> Any:
        """Return the records as a pandas frame of three columns: id, text, label; pandas must be installed."""
        return self._table.to_pandas()
