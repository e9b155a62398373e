"""Write the findings: a private list, without text, of the places in the synthetic table that disclose a person."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from audits.core.errors import InputError
from audits.core.files import write_whole
from audits.core.types import AuditResult

KEY_BYTES = 32
PSEUDONYM_DIGITS = 32
MAX_FINDINGS = 10_000  # largest number of findings per audit; a longer list cannot be reviewed by hand


def pseudonym(key: bytes, person: str) -> str:
    """Return the pseudonym of a person id: the first 32 hex digits of HMAC-SHA256(key, person id as UTF-8).

    Raise InputError if the key does not have `KEY_BYTES` bytes.

    Privacy: only someone who has the key can find the person, by computing the pseudonyms of all person ids.
    Reference: HMAC, RFC 2104.
    """
    if len(key) != KEY_BYTES:
        raise InputError(f"the key of the findings must have {KEY_BYTES} bytes, but has {len(key)} bytes")
    return hmac.new(key, person.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:PSEUDONYM_DIGITS]


def write_findings(path: Path, key: bytes, results: Iterable[AuditResult]) -> int:
    """Write the findings of all audits atomically as JSON lines with mode 0600; return the number of findings.

    Each line has the name of the audit and the fields of a `Finding`. `person` is replaced by a pseudonym, and `row`
    counts from 1, as in all messages. `start` and `end` count characters from 0.
    """
    lines = [
        {"audit": result.name, **asdict(finding)} | {"row": finding.row + 1, "person": pseudonym(key, finding.person)}
        for result in results
        for finding in result.findings
    ]
    write_whole(path, "".join(json.dumps(line) + "\n" for line in lines).encode())
    return len(lines)
