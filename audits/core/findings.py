"""The private list of places that give single persons away: persons by keyed pseudonym, never a value or a text."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from pathlib import Path

from audits.core.errors import InputError
from audits.core.files import write_whole
from audits.core.types import AuditResult

KEY_BYTES = 32
PSEUDONYM_DIGITS = 32
MAX_FINDINGS = 10_000  # of one audit; a table with more is no table to go through by hand


def pseudonym(key: bytes, person: str) -> str:
    """Return the name under which a person stands in the list.

        first 32 hex digits of HMAC-SHA256(key, person as UTF-8)

    Whoever holds the key and the train table computes it for every group and finds the person; nobody else can, not
    even by trying all record numbers.

    Args:
        key: 32 bytes.
        person: the group of the train person, as text.

    Raises:
        InputError: the key has another length.

    Source: HMAC, RFC 2104; test vectors in RFC 4231.
    """
    if len(key) != KEY_BYTES:
        raise InputError(f"a findings key has {KEY_BYTES} bytes, this one has {len(key)}")
    return hmac.new(key, person.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:PSEUDONYM_DIGITS]


def write_findings(path: Path, key: bytes, results: Iterable[AuditResult]) -> int:
    """Write the findings of all audits as JSON lines for the owner of the file alone; return how many there are.

    Each line has audit, row (of the synthetic table, from 0), start and end (characters), kind, and person (the
    pseudonym). The file is whole or not there.

    Raises:
        InputError: the file cannot be written.
    """
    lines = [
        {
            "audit": result.name,
            "row": finding.row,
            "start": finding.start,
            "end": finding.end,
            "kind": finding.kind,
            "person": pseudonym(key, finding.person),
        }
        for result in results
        for finding in result.findings
    ]
    write_whole(path, "".join(json.dumps(line) + "\n" for line in lines).encode())
    return len(lines)
