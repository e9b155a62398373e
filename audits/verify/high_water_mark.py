"""What a verifier remembers of signed trust roots: the highest version seen, and who may hand over to the next.

A root is followed by one of a higher version that enough root keys of both, the old and the new, have signed. An
older one is never accepted again, wherever it comes from. Plain roots have no root keys, so nothing is remembered of
them: they are worth what the place they came from is worth.

Source: The Update Framework, specification 1.0, section 5.3 (root rotation and rollback).
"""

import hashlib
import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from audits.core.errors import InputError, VerifyError
from audits.core.files import locked, write_whole
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.strictmodel import Closed
from audits.verify.dsse import parse_envelope
from audits.verify.trust import ROOT, TrustRoot, known_signers

STATE_ENV = "SYNTHGEN_TRUST_STATE"
_MAX_BYTES = 4 << 20


class SeenRoot(Closed):
    """One line of roots.

    Args:
        keyids: root keys of every version seen.
        root: the highest version.
        digest: sha256 of its canonical bytes.
    """

    keyids: tuple[str, ...]
    root: TrustRoot
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SeenRoots(Closed):
    """The content of the state file."""

    roots: tuple[SeenRoot, ...] = ()


def default_state() -> Path:
    """Return where the high-water mark is: `SYNTHGEN_TRUST_STATE`, or in the user's state folder."""
    named = os.environ.get(STATE_ENV)
    if named:
        return Path(named)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "synthgen" / "trust-seen.json"


def remember(data: bytes, root: TrustRoot, state: Path) -> None:
    """Compare a signed root with the highest version seen of its line, and remember it if it is the next.

    Args:
        data: the root's file, whose signatures over itself were found good.
        root: what it says.
        state: the high-water mark; made if it is not there.

    Raises:
        VerifyError: E_TRUST where the root is older than one seen, another of the same version, or not signed by
            enough keys of the one before; also where nothing can be remembered.
    """
    if _next(data, root, read_state(state)) is None:
        return
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        with locked(state.with_name(f"{state.name}.lock")):
            seen = _next(data, root, read_state(state))  # again: another verifier may have remembered meanwhile
            if seen is not None:
                write_whole(state, canonical(seen.model_dump(mode="json")))
    except (OSError, InputError):
        raise VerifyError("E_TRUST", f"{state}: cannot be written, so the trust root cannot be remembered") from None


def _next(data: bytes, root: TrustRoot, seen: SeenRoots) -> SeenRoots | None:
    """Return what is to be remembered with this root, None where it is the one remembered; see `remember`."""
    envelope = parse_envelope(data)
    own = {*root.roles[ROOT].keyids, *(name for name, _ in envelope.signatures)}
    lines = [line for line in seen.roots if own & set(line.keyids)]
    if len(lines) > 1:
        raise VerifyError("E_TRUST", "the trust root joins two lines of roots that were apart")
    digest = hashlib.sha256(root.to_bytes()).hexdigest()
    line = lines[0] if lines else None
    if line is not None:
        if digest == line.digest:
            return None
        if root.version <= line.root.version:
            raise VerifyError(
                "E_TRUST",
                f"the trust root is version {root.version}, and version {line.root.version} was seen before",
            )
        signed = known_signers(envelope, line.root.public_keys(ROOT))
        threshold = line.root.roles[ROOT].threshold
        if len(line.root.persons(signed)) < threshold:
            raise VerifyError(
                "E_TRUST",
                f"version {root.version} of the trust root is signed by fewer than {threshold} of the last one",
            )
    kept = SeenRoot(
        keyids=tuple(sorted({*root.roles[ROOT].keyids, *(line.keyids if line is not None else ())})),
        root=root,
        digest=digest,
    )
    return SeenRoots(roots=(*(other for other in seen.roots if other != line), kept))


def read_state(state: Path) -> SeenRoots:
    """Return what is remembered; nothing where the file is not there.

    Raises:
        VerifyError: E_TRUST where it cannot be read, so that nobody knows what was seen.
    """
    try:
        with state.open("rb") as file:
            return SeenRoots.model_validate(parse_canonical(file.read(_MAX_BYTES)))
    except FileNotFoundError:
        return SeenRoots()
    except (OSError, JsonError, ValidationError):
        raise VerifyError(
            "E_TRUST",
            f"{state}: the high-water mark of trust roots cannot be read; restore it, or `synthgen trust forget`",
        ) from None


def forget(state: Path) -> None:
    """Forget every root that was seen: whoever does so must compare fingerprints again."""
    state.unlink(missing_ok=True)
