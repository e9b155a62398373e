"""Detect a rollback of a signed trust root: a file stores the highest version seen (the high-water mark).

A trust root lists the keys that a verifier accepts; root keys sign the trust root itself. A new version must have a
higher number, keep all revocations, and be signed by enough root keys of the previous version and enough root keys of
the new version. A key that the previous version revokes does not count. A key that only the new version revokes
counts as a key of the previous version: the owner of a stolen key can sign the version that revokes it. Trust roots
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

STATE_ENV = "SYNTHGEN_TRUST_STATE"  # environment variable with the path of the state file
_MAX_BYTES = 4 << 20  # largest size of the state file


class SeenRoot(Closed):
    """The record of one trust root."""

    keyids: tuple[str, ...]  # ids of the root keys of all versions seen
    root: TrustRoot  # the newest version seen
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
    """Compare a signed trust root with the recorded version; record it if no version or an older one is recorded.

    `data` is the signed file of `root`; the caller must have verified that root keys of `root` signed it. `state` is
    the file of the high-water mark. A signature counts if its key is valid at `now`.

    Raises:
        VerifyError: E_TRUST if `root` is older than the recorded version, has the same number but other content,
            lacks a recorded revocation, has too few signatures by root keys of the recorded version, or combines root
            keys of two recorded trust roots. E_TRUST also if `state` cannot be read or written.
    """
    if _next(data, root, read_state(state), now) is None:
        return
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        with locked(state.with_name(f"{state.name}.lock")):
            seen = _next(data, root, read_state(state), now)  # another process may have written the file meanwhile
            if seen is not None:
                write_whole(state, canonical(seen.model_dump(mode="json")))
    except (OSError, InputError):
        raise VerifyError("E_TRUST", f"{state}: cannot be written, so the trust root cannot be recorded") from None


def _next(data: bytes, root: TrustRoot, seen: SeenRoots, now: datetime) -> SeenRoots | None:
    """Return the new content of the state file, or None if it already records this version of the trust root.

    A recorded trust root counts as an earlier version of `root` if one of its root keys is a root key of `root` or
    signed `data`.
    """
    envelope = parse_envelope(data)
    own_keys = {*root.roles[ROOT].keyids, *(name for name, _ in envelope.signatures)}
    matches = [recorded for recorded in seen.roots if own_keys & set(recorded.keyids)]
    if len(matches) > 1:
        problem = "the trust root has root keys of two different trust roots that were seen before"
        raise VerifyError("E_TRUST", problem)
    digest = hashlib.sha256(root.to_bytes()).hexdigest()
    previous = matches[0] if matches else None
    if previous is not None:
        if digest == previous.digest:
            return None
        if root.version <= previous.root.version:
            what = "a different trust root of version" if root.version == previous.root.version else "version"
            seen_before = f"{what} {previous.root.version} was seen before"
            problem = f"the trust root is version {root.version}, but {seen_before}"
            raise VerifyError("E_TRUST", f"{problem}; get the newest trust root from its owner")
        if not set(previous.root.revoked) <= set(root.revoked):
            old = f"version {previous.root.version}"
            problem = f"version {root.version} of the trust root lacks a revocation that {old} contains"
            problem = f"{problem}; {old} was seen before"
            raise VerifyError("E_TRUST", problem)
        check_root_signers(envelope, previous.root, now)
    keyids = tuple(sorted({*root.roles[ROOT].keyids, *(previous.keyids if previous is not None else ())}))
    new = SeenRoot(keyids=keyids, root=root, digest=digest)
    return SeenRoots(roots=(*(other for other in seen.roots if other != previous), new))


def read_state(state: Path) -> SeenRoots:
    """Return the recorded trust roots, none if `state` is missing; raise VerifyError (E_TRUST) if it is invalid."""
    try:
        return SeenRoots.model_validate(parse_canonical(read_regular(state, _MAX_BYTES)))
    except FileNotFoundError:
        return SeenRoots()
    except (OSError, JsonError, ValidationError):
        hint = "restore the file, or run `synthgen trust forget`"
        raise VerifyError("E_TRUST", f"{state}: the high-water mark of trust roots cannot be read; {hint}") from None


def forget(state: Path) -> None:
    """Delete the high-water mark; afterwards, the user must compare the fingerprint of the trust root again."""
    state.unlink(missing_ok=True)
