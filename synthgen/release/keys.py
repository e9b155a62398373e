"""Create and read signing keys: an encrypted file with the private key, and a file with the public part."""

import getpass
import json
import os
import stat
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import ValidationError

from audits.core.errors import AuditError
from audits.core.files import disk_reason
from audits.core.instants import instant, stamp
from audits.core.strictjson import parse
from audits.core.strictmodel import problems
from audits.ledger.keys import read_without_links
from audits.verify.publickeys import ED25519, keyid
from audits.verify.trust import TrustKey
from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.core.files import read_bytes
from synthgen.release.sign import PrivateKey, public_bytes

PASSPHRASE_ENV = "SYNTHGEN_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable, not a secret
MIN_PASSPHRASE_BYTES = 8
_MAX_KEY_BYTES = 1 << 16  # largest number of bytes of a key file that are read
_NEW_KEY = "Create a key with `synthgen keys new`."
_RESTORE_PUBLIC = "Check the path, or restore the file NAME.pub.json that `synthgen keys new` wrote beside the key."
_NOT_OVERWRITTEN = "Choose another path, or move the existing file away."


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key that is ready to sign, and its public part, which names the owner of the key."""

    private: PrivateKey  # decrypted from a file, or used through the hardware or service that has the key
    keyid: str  # first 16 hex digits of the sha256 of the public key
    public: TrustKey

    def __repr__(self) -> str:
        return f"SigningKey({self.keyid})"


def new_key(  # noqa: PLR0913 - one argument for each field of the public part
    path: Path,
    passphrase: bytes,
    *,
    person: str,
    org: str,
    now: datetime,
    valid_days: int = 730,
    alg: Literal["ed25519", "ecdsa-p256"] = "ed25519",
) -> Path:
    """Write a new key and return the path of its public part, `NAME.pub.json`.

    Raise UsageError if the passphrase is too short or a field of the public part is not valid, and StorageError if
    a file exists or cannot be written.

    Privacy: the private key is written only encrypted (PKCS8, passphrase), to a file of mode 0600.
    """
    if len(passphrase) < MIN_PASSPHRASE_BYTES:
        raise UsageError(f"the passphrase is too short: at least {MIN_PASSPHRASE_BYTES} bytes are needed")
    private: Ed25519PrivateKey | EllipticCurvePrivateKey = (
        Ed25519PrivateKey.generate() if alg == ED25519 else generate_private_key(SECP256R1())
    )
    raw = public_bytes(private)
    validity = {"valid_from": stamp(now), "valid_until": stamp(now + timedelta(days=valid_days))}
    record = {"alg": alg, "public": raw.hex(), "person": person, "org": org, **validity}
    try:
        TrustKey.model_validate(record)
    except ValidationError as error:
        raise UsageError("the fields of the key's public part are not valid", problems=problems(error)) from None
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
    public = public_path(path)
    if public.exists():
        raise StorageError(f"{public}: exists; keys are never overwritten", hint=_NOT_OVERWRITTEN)
    write_new(path, pem, 0o600)
    try:
        write_new(public, json.dumps({"keyid": keyid(raw), **record}, indent=2).encode() + b"\n", 0o644)
    except StorageError:
        path.unlink()  # a key without public part cannot be used, and would prevent a second attempt
        raise
    return public


def load_key(path: Path, passphrase: bytes | None = None) -> SigningKey:
    """Read a private key and its public part; `passphrase` defaults to the result of `passphrase_for`.

    Raises:
        UsageError: there is no passphrase and no terminal for a prompt.
        StorageError: a file is missing or cannot be read, or the private key file is a link or accessible to other
            users.
        DataError: the passphrase is wrong; the key is not encrypted, or is neither Ed25519 nor P-256; or the public
            part is malformed or belongs to a different key.
    """
    pem = read_private(path)
    if pem.lstrip().startswith(b"{"):
        hint = "Pass the file of the private key, NAME.pem."
        raise DataError(f"{path}: is the public part of a key, not the private key", hint=hint)
    passphrase = passphrase_for(path) if passphrase is None else passphrase
    try:
        private = load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError) as error:  # ValueError: wrong passphrase or no key
        if isinstance(error, TypeError) and passphrase:
            raise DataError(f"{path}: the key is not encrypted with a passphrase", hint=_NEW_KEY) from None
        sources = f"{PASSPHRASE_ENV}, {path.stem}.passphrase or the prompt"
        hint = f"Check the passphrase from {sources}, and that the file is an encrypted key."
        raise DataError(f"{path}: the key cannot be opened", hint=hint) from None
    has_other_curve = isinstance(private, EllipticCurvePrivateKey) and not isinstance(private.curve, SECP256R1)
    if has_other_curve or not isinstance(private, Ed25519PrivateKey | EllipticCurvePrivateKey):
        raise DataError(f"{path}: the key is neither an Ed25519 nor a P-256 key", hint=_NEW_KEY)
    raw = public_bytes(private)
    public = load_public(public_path(path))
    if public.public != raw.hex():
        message = f"{public_path(path)}: is not the public part of the key {path.name}"
        raise DataError(message, hint=_RESTORE_PUBLIC)
    return SigningKey(private, keyid(raw), public)


def load_public(path: Path) -> TrustKey:
    """Return the key in a `.pub.json` file; raise StorageError if it is unreadable, DataError if it is malformed."""
    try:
        data = read_bytes(path, _MAX_KEY_BYTES)
    except StorageError as error:
        raise StorageError(error.message, hint=_RESTORE_PUBLIC) from error
    try:
        record: Any = parse(data)
        stated = record.pop("keyid") if isinstance(record, dict) else None
        key = TrustKey.model_validate(record)
    except (ValidationError, KeyError) as error:
        found = problems(error) if isinstance(error, ValidationError) else ["keyid: missing"]
        raise DataError(f"{path}: is not the public part of a key", problems=found, hint=_RESTORE_PUBLIC) from None
    except AuditError as error:
        raise DataError(f"{path}: {error.message}", hint=_RESTORE_PUBLIC) from None
    if stated != keyid(bytes.fromhex(key.public)):
        raise DataError(f"{path}: the keyid does not match the public key in the file", hint=_RESTORE_PUBLIC)
    return key


def check_validity(key: SigningKey, now: datetime) -> None:
    """Raise DataError if the key is not valid at the time `now`; a release signed then would not verify."""
    public = key.public
    if not instant(public.valid_from) <= now < instant(public.valid_until):
        valid = f"it is valid from {public.valid_from} to {public.valid_until}"
        hint = f"{_NEW_KEY} The receivers must add it to their trust root."
        raise DataError(f"the key of {public.person} is not valid at {stamp(now)}; {valid}", hint=hint)


def passphrase_for(key: Path) -> bytes:
    """Return the passphrase of the key at path `key`.

    The sources are, in this order: the environment variable `SYNTHGEN_KEY_PASSPHRASE`; the file `NAME.passphrase` of
    mode 0600 beside the key; a prompt. Raise UsageError if there is no source, and StorageError if the file cannot be
    read or is accessible to other users.
    """
    if (given := os.environ.get(PASSPHRASE_ENV)) is not None:
        return given.encode()
    beside = key.with_suffix(".passphrase")
    if beside.exists():
        return read_private(beside).rstrip(b"\r\n")
    if not sys.stdin.isatty():
        hint = (
            f"Set the variable {PASSPHRASE_ENV}, or put the passphrase into {beside.name} (mode 0600) beside the key."
        )
        raise UsageError(f"{key}: there is no passphrase, and no terminal in which it can be typed", hint=hint)
    return getpass.getpass(f"Passphrase of {key}: ").encode()


def public_path(path: Path) -> Path:
    """Return the path of the public part of the key at `path`."""
    return path.with_suffix(".pub.json")


def read_private(path: Path) -> bytes:
    """Read a small file; raise StorageError if it is missing, not a plain file, or not restricted to its owner."""
    try:
        data, mode = read_without_links(path, _MAX_KEY_BYTES)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(mode):
        raise StorageError(f"{path}: is not a plain file")
    if mode & 0o077:
        found = f"mode {stat.S_IMODE(mode):04o}"
        raise StorageError(f"{path}: other users can read it ({found})", hint=f"Run `chmod 600 {path}`.")
    return data


def write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a new file with the permissions `mode`. On failure, raise StorageError and leave no partial file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except OSError as error:
        if os.path.lexists(path):
            raise StorageError(f"{path}: exists; it is never overwritten", hint=_NOT_OVERWRITTEN) from None
        raise StorageError(f"{path}: cannot be written ({disk_reason(error, path, len(data))})") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StorageError(f"{path}: cannot be written ({disk_reason(error, path, len(data))})") from error
