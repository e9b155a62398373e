"""How often a control group has been asked before: audits until one passes would be a search for luck.

A synthetic table that is refused, made again and audited against the same control persons gets another chance to pass
by accident. So every audit is noted in a ledger, and the later it comes, the surer its intervals must be.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Any

from audits.core.errors import InputError
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.types import Table

SAME = 0.01  # share of a control table's records that may have been asked before, and it still counts as fresh
_START = "0" * 64
_KEYS = {"version", "previous", "synthetic", "control"}


def attempt(ledger: Path, synthetic: Table, control: Table) -> int:
    """Return which attempt it is, from 1, to audit this synthetic table against these control records, and note it.

    Earlier attempts are the different synthetic tables that were audited against a control table of which more than
    a hundredth of these records were part. The same synthetic table again is the same attempt.

    Args:
        ledger: a file of JSON lines, each holding the sha256 of the line before; made if it is not there.
        synthetic: what is audited; the order of its rows does not matter.
        control: what it is compared with.

    Raises:
        InputError: the ledger cannot be read or written, or a line of it was changed.

    Privacy: the ledger holds fingerprints of control texts and stays on the private side. Lines that are cut off its
        end are not missed; the number that a release states is signed.
    """
    try:
        with os.fdopen(os.open(ledger, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            return _noted(file, ledger, _digest(synthetic), sorted(_fingerprints(control)))
    except OSError as error:
        raise InputError(f"the ledger of attempts cannot be used: {ledger} ({error.strerror})") from error


def _noted(file: BufferedRandom, ledger: Path, synthetic: str, control: list[str]) -> int:
    asked: list[str] = []
    last = _START
    for line, entry in _entries(file.read(), ledger):
        shared = len(set(entry["control"]).intersection(control))
        if shared > SAME * len(control) and entry["synthetic"] not in asked:
            asked.append(entry["synthetic"])
        last = hashlib.sha256(line).hexdigest()
    if synthetic in asked:
        return asked.index(synthetic) + 1
    entry = {"version": 1, "previous": last, "synthetic": synthetic, "control": control}
    file.write(canonical(entry) + b"\n")
    file.flush()
    os.fsync(file.fileno())
    return len(asked) + 1


def _entries(data: bytes, ledger: Path) -> Iterator[tuple[bytes, Any]]:
    """Yield each line with its entry, checked against the line before."""
    previous = _START
    lines = data.split(b"\n")
    if lines.pop() != b"":
        raise InputError(f"{ledger}: the last line is not whole", hint="a stop cut it off: remove that line")
    for number, line in enumerate(lines, start=1):
        try:
            entry = parse_canonical(line)
        except JsonError:
            entry = None
        if not isinstance(entry, dict) or set(entry) != _KEYS or entry["previous"] != previous:
            raise InputError(
                f"{ledger}: line {number} is not as it was written, so nobody knows how often was tried",
                hint="restore the file, or draw fresh control persons and begin another ledger",
            )
        yield line, entry
        previous = hashlib.sha256(line).hexdigest()


def _digest(table: Table) -> str:
    return hashlib.sha256(b"".join(sorted(map(_hash, table.texts)))).hexdigest()


def _fingerprints(table: Table) -> set[str]:
    return {_hash(text).hex() for text in table.texts}


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=b"audits/attempt").digest()
