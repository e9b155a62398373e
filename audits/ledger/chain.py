r"""A file of JSON lines to which lines can only be added: each is authenticated with a key over all lines before it.

    mac_i = HMAC-SHA256(K, "synthgen/ledger/v1\0" || name || 0x00 || mac_(i-1) || canonical(line i without its mac))

K lies beside it, 32 bytes of mode 0600, and never leaves the institution; so nobody without K can write a line or
guess what one says, and of a chain that was cut or written anew the last mac differs. Whether one was exchanged as a
whole, key and all, or set back to an older copy, only a high-water mark kept elsewhere can tell: see `HighWaterMark`.
There are two.
One lies where the caller says, and knows which chain may be used there. The other lies in the user's data folder, by
the chain's own id, whoever opens it and under whatever path, and knows how far that chain ever came.

A chain's id follows from K alone, as random as K is and there from the first moment; under another K no line of the
chain would hold, so it cannot be changed afterwards. A trust root names by it the ledgers that count.
"""

import hmac
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from audits.core.errors import InputError
from audits.core.files import locked, sync, write_whole
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.strictmodel import Closed
from audits.ledger.keys import read_key
from audits.ledger.places import seen_of

KEY = "key"
_VERSION = 1
_FIELDS = {"version", "number", "entry", "mac"}
Mac = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Head(Closed):
    """Where a chain stands: its id, how many lines it has, and the mac of the last. Says nothing without the key."""

    version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    entries: Annotated[int, Field(ge=0)]
    head: Mac


@dataclass(frozen=True, slots=True)
class HighWaterMark:
    """The highest head seen of the one chain that may be used here, in a file that does not lie beside the chain.

    Args:
        path: of the file; made at the first use.
    """

    path: Path

    def read(self) -> Head | None:
        """Return what is remembered, or None where nothing is yet.

        Raises:
            InputError: the file is not one of ours.
        """
        if not os.path.lexists(self.path):
            return None
        try:
            return Head.model_validate(parse_canonical(self.path.read_bytes()))
        except (OSError, JsonError, ValidationError):
            raise InputError(
                f"{self.path}: not the high-water mark of a ledger", hint="restore it from a backup"
            ) from None

    def write(self, head: Head) -> None:
        """Remember a head.

        Raises:
            InputError: the file cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self.path, canonical(head.model_dump(mode="json")))
        except OSError as error:
            raise InputError(
                f"{self.path}: the high-water mark of a ledger cannot be written ({error.strerror})"
            ) from None


class Chain:
    """An open chain; made by `opened`, which holds its lock."""

    def __init__(self, path: Path, key: bytes, data: bytes) -> None:
        self._path, self._key = path, key
        self._macs = [self.mac(b"start")]
        self.entries = tuple(self._read(data))

    def mac(self, message: bytes) -> str:
        """Return the 64 hex digits that stand for a message in this chain, and say nothing without its key."""
        prefix = f"synthgen/ledger/v{_VERSION}".encode() + b"\0" + self._path.name.encode() + b"\0"
        return hmac.digest(self._key, prefix + message, "sha256").hex()

    def head(self, entries: int | None = None) -> Head:
        """Return where it stands, or stood after so many lines."""
        n = len(self.entries) if entries is None else entries
        return Head(id=self.mac(b"id")[:32], entries=n, head=self._macs[n])

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line; it is on the disk when this returns."""
        line = {"version": _VERSION, "number": len(self.entries) + 1, "entry": dict(entry)}
        mac = self._next(line)
        with self._path.open("ab") as file:
            file.write(canonical({**line, "mac": mac}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._macs.append(mac)
        self.entries = (*self.entries, dict(entry))

    def _next(self, line: Mapping[str, Any]) -> str:
        return self.mac(b"line\0" + bytes.fromhex(self._macs[-1]) + canonical(line))

    def _read(self, data: bytes) -> Iterator[Any]:
        lines = data.split(b"\n")
        if lines.pop() != b"":
            raise InputError(f"{self._path}: the last line is not whole", hint="a stop cut it off: remove that line")
        for number, text in enumerate(lines, start=1):
            try:
                line = parse_canonical(text)
            except JsonError:
                line = None
            known = isinstance(line, dict) and set(line) == _FIELDS and line["version"] == _VERSION
            mac = self._next({name: line[name] for name in _FIELDS - {"mac"}}) if known else ""
            if not known or line["number"] != number or not hmac.compare_digest(str(line["mac"]), mac):
                raise InputError(
                    f"{self._path}: line {number} is not as it was written, so nobody knows what was done before",
                    hint="restore the folder from a backup",
                )
            self._macs.append(mac)
            yield line["entry"]


@contextmanager
def opened(folder: Path, name: str, high_water_mark: HighWaterMark) -> Iterator[Chain]:
    """Hold a chain of a folder for this process, made where neither it nor a high-water mark of it is there.

    Args:
        folder: of mode 0700, made if missing; holds `key` and the chain.
        name: the chain's file in it.
        high_water_mark: of the chain's highest head; brought up to date at the end, and so is that under the chain's
            id.

    Raises:
        InputError: the folder cannot be used or others may read it; a line was changed; the chain or its key is
            missing; it is not the chain that `high_water_mark` holds, or goes back behind either high-water mark; or
            one of them can
            be neither read nor written.
    """
    remembered = high_water_mark.read()
    if remembered is not None and not folder.is_dir():  # a folder made in its place would stand in its way back
        raise _lacking(folder, KEY, high_water_mark.path)
    with _locked(folder):
        chain = _chain(folder, name, remembered, high_water_mark.path)
        own = HighWaterMark(seen_of(chain.head().id))
        for seen in (remembered, own.read()):
            _refuse_older(folder, chain, seen, high_water_mark.path)
        if remembered is not None:  # one that cannot be written is found before a line is added, which stays
            for place in (own, high_water_mark):
                place.write(chain.head())
        yield chain
        for place in (own, high_water_mark):
            place.write(chain.head())


def chain_id(folder: Path, name: str) -> str:
    """Return the id of a folder's chain, begun where there is none; no line is added, and nothing is remembered.

    Args:
        folder: as for `opened`.
        name: likewise.

    Raises:
        InputError: as `opened`, but for what only a high-water mark can tell.
    """
    with _locked(folder):
        return _chain(folder, name, None, None).head().id


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            raise InputError(f"the ledger {folder} may be read by others", hint=f"chmod 700 {folder}")
        with locked(folder / "lock"):
            yield
    except OSError as error:
        raise InputError(f"the ledger {folder} cannot be used ({error.strerror})") from error


def _chain(folder: Path, name: str, remembered: Head | None, high_water_mark: Path | None) -> Chain:
    path = folder / name
    is_keyed, is_begun = os.path.lexists(folder / KEY), path.is_file() and path.stat().st_size > 0
    if remembered is None and not is_keyed and not is_begun:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        sync(folder)
    elif not is_keyed or not path.is_file():
        raise _lacking(folder, name if is_keyed else KEY, high_water_mark)
    return Chain(path, read_key(folder / KEY, "key of the ledger"), path.read_bytes())


def _refuse_older(folder: Path, chain: Chain, remembered: Head | None, high_water_mark: Path) -> None:
    """Raise InputError where a chain is not the one that is remembered, or does not go on from there."""
    if remembered is None:
        return
    if chain.head().id != remembered.id:
        found = "is another one than was used before"
    elif len(chain.entries) < remembered.entries:
        found = f"holds {len(chain.entries)} entries, and held {remembered.entries} before"
    elif chain.head(remembered.entries) != remembered:
        found = "goes on from other entries than those it held before"
    else:
        return
    raise InputError(f"the ledger {folder} {found}", hint=_restore(folder, high_water_mark))


def _lacking(folder: Path, what: str, high_water_mark: Path | None) -> InputError:
    return InputError(
        f"the ledger {folder} lacks its {what}, so nobody knows what was done before",
        hint=_restore(folder, high_water_mark),
    )


def _restore(folder: Path, high_water_mark: Path | None) -> str:
    beside = "its high-water mark beside the releaser's key" if high_water_mark is None else high_water_mark
    return (
        f"restore {folder} from its newest backup; a new institution, which has released nothing yet, begins by "
        f"removing both {folder} and {beside}"
    )
