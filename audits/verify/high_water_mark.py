"""Detect a rollback of a signed trust root with a file of the highest version seen (its high-water mark).

A new root must have a higher version, keep all revocations, and be signed by enough valid root keys of both the
previous and the new root. A key that the previous root revokes does not count. A key that only the new root revokes
still counts for the previous root, so the owner of a stolen key can sign the root that revokes it. Trust roots
without root keys are not recorded.

Reference: The Update Framework, specification 1.0, section 5.3 (root rotation and rollback).
"""

import hashlib
import os
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from audits.core.errors import InputError, VerifyError
from audits.core.files import locked, read_regular, write_whole
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.strictmodel import Closed, Sha256
from audits.verify.dsse import parse_envelope
from audits.verify.trust import ROOT, TrustRoot, check_root_signers

STATE_ENV = "SYNTHGEN_TRUST_STATE"
_MAX_BYTES = 4 << 20


class SeenRoot(Closed):
    """What is recorded of all versions of one trust root."""

    keyids: tuple[str, ...]  # ids of the root keys of all versions seen
    root: TrustRoot  # highest version seen
    digest: Sha256  # sha256 of the canonical bytes of `root`


class SeenRoots(Closed):
    """The content of the state file."""

    roots: tuple[SeenRoot, ...] = ()


def default_state() -> Path:
    """Return the path of the high-water mark: `SYNTHGEN_TRUST_STATE`, or a file in the user's state folder."""
    named = os.environ.get(STATE_ENV)
    if named:
        return Path(named)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "synthgen" / "trust-seen.json"


def remember(data: bytes, root: TrustRoot, state: Path, now: datetime) -> None:
    """Compare a signed root with the highest version in the state file, and record it if it is new or newer.

    `data` is the file of the root; the caller must have verified that the root's own keys signed it. The keys of the
    previous root must be valid at `now`.

    Raises:
        VerifyError: E_TRUST if the root is older than the recorded version, has its number but other content, lacks
            one of its revocations, is not signed by enough of its valid root keys, or combines root keys of two
            recorded roots; also if the state file cannot be read or written.
    """
    if _next(data, root, read_state(state), now) is None:
        return
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        with locked(state.with_name(f"{state.name}.lock")):
            seen = _next(data, root, read_state(state), now)  # another process may have written it meanwhile
            if seen is not None:
                write_whole(state, canonical(seen.model_dump(mode="json")))
    except (OSError, InputError):
        raise VerifyError("E_TRUST", f"{state}: cannot be written, so the trust root cannot be recorded") from None


def _next(data: bytes, root: TrustRoot, seen: SeenRoots, now: datetime) -> SeenRoots | None:
    """Return the new content of the state file, or None if this root is already recorded; see `remember`."""
    envelope = parse_envelope(data)
    own_keys = {*root.roles[ROOT].keyids, *(name for name, _ in envelope.signatures)}
    matches = [recorded for recorded in seen.roots if own_keys & set(recorded.keyids)]
    if len(matches) > 1:
        raise VerifyError("E_TRUST", "the trust root combines root keys of two different trust roots")
    digest = hashlib.sha256(root.to_bytes()).hexdigest()
    previous = matches[0] if matches else None
    if previous is not None:
        if digest == previous.digest:
            return None
        if root.version <= previous.root.version:
            other = "a different root of version" if root.version == previous.root.version else "version"
            seen_version = f"{other} {previous.root.version} was seen before"
            raise VerifyError("E_TRUST", f"the trust root is version {root.version}, but {seen_version}")
        if not set(previous.root.revoked) <= set(root.revoked):
            seen_version = f"version {previous.root.version}, which was seen before"
            raise VerifyError("E_TRUST", f"version {root.version} lacks a revocation of {seen_version}")
        check_root_signers(envelope, previous.root, now)
    keyids = tuple(sorted({*root.roles[ROOT].keyids, *(previous.keyids if previous is not None else ())}))
    new = SeenRoot(keyids=keyids, root=root, digest=digest)
    return SeenRoots(roots=(*(other for other in seen.roots if other != previous), new))


def read_state(state: Path) -> SeenRoots:
    """Return the recorded roots (none if the file is missing); raise VerifyError (E_TRUST) if it is unreadable."""
    try:
        return SeenRoots.model_validate(parse_canonical(read_regular(state, _MAX_BYTES)))
    except FileNotFoundError:
        return SeenRoots()
    except (OSError, JsonError, ValidationError):
        hint = "restore it, or run `synthgen trust forget`"
        raise VerifyError("E_TRUST", f"{state}: the high-water mark of trust roots cannot be read; {hint}") from None


def forget(state: Path) -> None:
    """Delete the high-water mark; afterwards, the user must compare the fingerprint of the trust root again."""
    state.unlink(missing_ok=True)
