r"""The file of the ledger: a chain of JSON lines, each with a keyed hash (mac) of this line and all earlier lines.

    mac_i = H("line\0" || mac_(i-1) || JSON of line i without its mac),   mac_0 = H("start"),
    H(x) = HMAC-SHA256(K, "synthgen/ledger/v1\0" || file name || 0x00 || x),   where || concatenates bytes

The ledger is the institution's record of audits and privacy budgets. The key K (32 bytes, mode 0600) is in a file
beside the chain. K is needed to write a valid line and to test a guess of a line's content. A change of any
line is detected. The id of a chain is derived from K alone.

The macs cannot show that someone replaced the chain together with K, or restored an older copy of the chain.
Therefore two files in other places, the high-water marks, store the newest known head of the chain (id, number of
lines, last mac). The caller passes the path of the first mark. The second mark is in the user's data folder, under
the id of the chain.
"""

import hmac
import logging
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from audits.core.errors import InputError
from audits.core.files import MAX_TABLE_BYTES, disk_reason, locked, read_regular, sync, write_whole
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.strictmodel import Closed, LedgerId, Sha256
from audits.ledger.keys import read_key
from audits.ledger.places import chain_mark_path

KEY = "key"  # file name of the key
FILE = "attempts.jsonl"  # file name of the chain, which also has the entries of `audits.ledger.budgets`
_VERSION = 1
_FIELDS = {"version", "number", "entry", "mac"}


class Head(Closed):
    """The state of a chain: its id, number of lines and last mac; id and mac reveal nothing without the key."""

    version: Literal[1] = 1
    id: LedgerId
    entries: Annotated[int, Field(ge=0)]
    head: Sha256  # the mac of the last line; if there is no line, mac_0 (see the top of this module)


@dataclass(frozen=True, slots=True)
class HighWaterMark:
    """The file with the newest known head of a chain, outside the folder of the chain."""

    path: Path

    def read(self) -> Head | None:
        """Return the head in the file, or None if there is no file; raise InputError if the file is not valid."""
        if not os.path.lexists(self.path):
            return None
        try:
            return Head.model_validate(parse_canonical(read_regular(self.path)))
        except OSError as error:
            problem = f"the high-water mark of the ledger cannot be read ({error.strerror})"
            raise InputError(f"{self.path}: {problem}") from None
        except (JsonError, ValidationError):
            message = f"{self.path}: the file does not contain the high-water mark of a ledger"
            raise InputError(message, hint="Restore this file from a backup.") from None

    def write(self, head: Head) -> None:
        """Write a head to the file; raise InputError if the file cannot be written."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self.path, canonical(head.model_dump(mode="json")))
        except OSError as error:
            raise InputError(f"{self.path}: the high-water mark cannot be written ({error.strerror})") from None


class Chain:
    """A chain that can be read and extended; use it inside `with opened(...)`, which locks it."""

    def __init__(self, path: Path, key: bytes, data: bytes) -> None:
        self._path, self._key = path, key
        self._macs = [self.mac(b"start")]
        self.entries = tuple(self._read(data))
        self._torn = len(data) - (data.rfind(b"\n") + 1)  # number of bytes of an incomplete last line
        self._whole = len(data) - self._torn  # number of bytes of all complete lines

    def repair(self) -> None:
        """Remove and log an incomplete last line; the caller must first compare the chain with both high-water marks.

        A run draws noise or starts its audits only when its line and both high-water marks are on the disk. So a run
        whose line is incomplete has drawn no noise and started no audit. If a complete line was shortened or removed,
        the high-water marks show a larger number of lines.
        """
        if self._torn:
            os.truncate(self._path, self._whole)
            sync(self._path)
            note = "ledger %s: removed %d bytes of a partly written line; its %d other lines are complete"
            logging.getLogger(__name__).warning(note, self.head().id, self._torn, len(self.entries))
            self._torn = 0

    def mac(self, message: bytes) -> str:
        """Return the keyed hash of a message under the key of this chain, 64 hex digits."""
        prefix = f"synthgen/ledger/v{_VERSION}".encode() + b"\0" + self._path.name.encode() + b"\0"
        return hmac.digest(self._key, prefix + message, "sha256").hex()

    def head(self, entries: int | None = None) -> Head:
        """Return the current head, or the head after the given number of lines."""
        n = len(self.entries) if entries is None else entries
        return Head(id=self.mac(b"id")[:32], entries=n, head=self._macs[n])

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line with `entry` and flush it to the disk."""
        line = {"version": _VERSION, "number": len(self.entries) + 1, "entry": dict(entry)}
        mac = self._next(line)
        data = canonical({**line, "mac": mac}) + b"\n"
        with self._path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                unwritten = memoryview(data)
                while unwritten:
                    unwritten = unwritten[file.write(unwritten) :]
                os.fsync(file.fileno())
            except OSError as error:
                os.ftruncate(file.fileno(), before)  # the caller has not yet acted on this line
                reason = disk_reason(error, self._path, len(data))
                hint = "Nothing was recorded. Free disk space or correct the permissions, then run the command again."
                raise InputError(f"{self._path}: no line can be added ({reason})", hint=hint) from None
        self._macs.append(mac)
        self.entries = (*self.entries, dict(entry))

    def _next(self, line: Mapping[str, Any]) -> str:
        return self.mac(b"line\0" + bytes.fromhex(self._macs[-1]) + canonical(line))

    def _read(self, data: bytes) -> Iterator[Any]:
        for number, text in enumerate(data.split(b"\n")[:-1], start=1):
            try:
                line = parse_canonical(text)
            except JsonError:
                line = None
            is_line = isinstance(line, dict) and set(line) == _FIELDS and line["version"] == _VERSION
            mac = self._next({name: line[name] for name in _FIELDS - {"mac"}}) if is_line else ""
            if not is_line or line["number"] != number or not hmac.compare_digest(str(line["mac"]), mac):
                message = f"{self._path}: line {number} was changed, so earlier runs cannot be counted"
                raise InputError(message, hint="Restore the folder of the ledger from a backup.")
            self._macs.append(mac)
            yield line["entry"]


@contextmanager
def opened(folder: Path, high_water_mark: HighWaterMark) -> Iterator[Chain]:
    """Open a chain under an exclusive lock; create it if neither the chain nor `high_water_mark` exists.

    At the end, both high-water marks are updated: `high_water_mark` and the one in the user's data folder.

    Raises:
        InputError: the folder cannot be used or other users may read it; a line was changed; the chain or its key is
            missing; the chain does not continue the head in a high-water mark; or a high-water mark cannot be read
            or written.
    """
    known = high_water_mark.read()
    if known is not None and not folder.is_dir():  # do not create a folder: it would obstruct restoring the old one
        raise _incomplete(folder, KEY, high_water_mark.path)
    with _locked(folder):
        chain = _read_or_create(folder, known, high_water_mark.path)
        mark_of_id = HighWaterMark(chain_mark_path(chain.head().id))
        for head in (known, mark_of_id.read()):
            _refuse_older(folder, chain, head, high_water_mark.path)
        chain.repair()
        # ensure that both high-water marks are writable before a line is added; at the first use, they are written
        # only at the end
        if known is not None:
            for mark in (mark_of_id, high_water_mark):
                mark.write(chain.head())
        yield chain
        for mark in (mark_of_id, high_water_mark):
            mark.write(chain.head())


def ledger_id(folder: Path) -> str:
    """Return the id of a ledger for use in a trust root; create the ledger if there is none.

    High-water marks are neither read nor written. Raise InputError if the folder, its key or a line is not valid.
    """
    with _locked(folder):
        return _read_or_create(folder, None, None).head().id


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            raise InputError(f"other users may read the ledger {folder}", hint=f"Run `chmod 700 {folder}`.")
        with locked(folder / "lock"):
            yield
    except OSError as error:
        raise InputError(f"the ledger {folder} cannot be used ({disk_reason(error, folder)})") from error


def _read_or_create(folder: Path, known: Head | None, high_water_mark: Path | None) -> Chain:
    """Return the chain in a folder; create its file and its key if both are missing and no head is `known`."""
    path = folder / FILE
    has_key, has_lines = os.path.lexists(folder / KEY), path.is_file() and path.stat().st_size > 0
    if known is None and not has_key and not has_lines:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        sync(folder)
    elif not has_key or not path.is_file():
        raise _incomplete(folder, FILE if has_key else KEY, high_water_mark)
    return Chain(path, read_key(folder / KEY, "key of the ledger"), read_regular(path, MAX_TABLE_BYTES))


def _refuse_older(folder: Path, chain: Chain, known: Head | None, high_water_mark: Path) -> None:
    """Raise InputError unless the chain has the same id and the same first lines as the earlier head `known`."""
    if known is None:
        return
    if chain.head().id != known.id:
        problem = "is not the ledger that was used before"
    elif len(chain.entries) < known.entries:
        problem = f"has {len(chain.entries)} entries, but had {known.entries} before"
    elif chain.head(known.entries) != known:
        problem = "does not have the same entries as before"
    else:
        return
    raise InputError(f"the ledger {folder} {problem}", hint=_restore_hint(folder, high_water_mark))


def _incomplete(folder: Path, missing: str, high_water_mark: Path | None) -> InputError:
    message = f"the ledger {folder} lacks its file `{missing}`, so earlier runs cannot be counted"
    return InputError(message, hint=_restore_hint(folder, high_water_mark))


def _restore_hint(folder: Path, high_water_mark: Path | None) -> str:
    mark = "its high-water mark beside the releaser's key" if high_water_mark is None else high_water_mark
    return (
        "If earlier runs with this releaser's key used a different ledger, use that ledger's folder, or a "
        "releaser's key that is in a different folder. Otherwise, "
        f"restore {folder} from its newest backup. An institution that has not released anything yet may instead "
        f"remove both {folder} and {mark}."
    )
