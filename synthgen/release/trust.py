"""Write a trust root: the file of accepted keys, policies and ledgers with which a receiver verifies releases."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from pydantic import ValidationError

from audits.core.instants import stamp
from audits.core.strictmodel import problems
from audits.verify.dsse import parse_envelope
from audits.verify.publickeys import keyid
from audits.verify.trust import (
    ROOT,
    TRUST_PAYLOAD_TYPE,
    TrustKey,
    TrustRoot,
    authority_text,
    check_root_signers,
    fingerprint,
    load_trust,
)
from synthgen.core.errors import ConfigError, DataError
from synthgen.core.files import read_bytes
from synthgen.release.keys import SigningKey, load_public, write_new
from synthgen.release.sign import sign

_NEW_ROOT = "Create a new trust root with `synthgen trust init`, and give it root keys."


def new_trust(  # noqa: PLR0913 - one argument for each field of the file
    path: Path,
    *,
    roles: Mapping[str, Sequence[Path]],
    policies: Mapping[str, Sequence[str]],
    expires: datetime,
    root_keys: Sequence[SigningKey] = (),
    authorities: Sequence[Path] = (),
    ledgers: Sequence[str] = (),
) -> str:
    """Write version 1 of a trust root and return its fingerprint, which recipients compare, for example by telephone.

    `roles` has, for each role, the `.pub.json` files of the keys that may sign in this role. The role `releaser` is
    required; its keys sign releases. The keys of the role `root` sign the file and must be given as `root_keys`;
    without this role, the file is not signed. `policies` has the accepted digests of each policy. `ledgers` has the
    ids of the ledgers in which releases must be recorded; without ids, a verifier refuses releases whose policy
    limits a privacy budget. `authorities` has files with the PEM certificates of the accepted timestamp authorities.

    Raises:
        ConfigError: the trust root would not be valid, for example because a key or a person has two roles; all
            mistakes are listed.
        DataError: a `.pub.json` file is malformed, or a file of `authorities` contains no certificate.
        StorageError: a key cannot be read, or the file exists.
    """
    keys, ids = _load_keys(roles)
    root = _checked_root(
        {
            "version": 1,
            "expires": stamp(expires),
            "keys": keys,
            "roles": {role: {"keyids": keyids, "threshold": 1} for role, keyids in ids.items()},
            "policies": {name: tuple(digests) for name, digests in policies.items()},
            "authorities": _authorities(authorities),
            "ledgers": tuple(ledgers),
        }
    )
    if ("root" in roles) != (len(root_keys) > 0):
        has_role = "the trust root has the role `root`, but there are no private root keys to sign it"
        has_keys = "there are private root keys, but the trust root has no role `root`"
        message = has_role if "root" in roles else has_keys
        raise ConfigError(message, hint="Pass both the root keys and the role `root`, or neither.")
    data = root.to_bytes()
    if len(root_keys) > 0:
        data = sign(TRUST_PAYLOAD_TYPE, data, [key.private for key in root_keys])
    write_new(path, data, 0o644)
    return fingerprint(data)


def rotate_trust(  # noqa: PLR0913 - one argument for each field that can change
    old: Path,
    path: Path,
    *,
    root_keys: Sequence[SigningKey],
    now: datetime,
    roles: Mapping[str, Sequence[Path]] | None = None,
    policies: Mapping[str, Sequence[str]] | None = None,
    revoked: Sequence[str] = (),
    since: datetime | None = None,
    reason: str = "",
    expires: datetime | None = None,
    authorities: Sequence[Path] = (),
    ledgers: Sequence[str] = (),
) -> str:
    """Write the next version of the signed trust root `old` to `path`, and return its fingerprint.

    The keys of a role in `roles` replace the old keys of this role. `policies`, `authorities`, `ledgers` and
    `expires` replace the old values if they are given. The keys with the ids `revoked` are revoked from `since` on,
    by default from `now`; `reason` is stored with each revocation. Earlier revocations stay. The `root_keys` must be
    valid at `now`, and the number of their owners must reach the threshold of the role `root` in both versions.

    Raises:
        ConfigError: the old root has no root keys or lacks a key of `revoked`, or the new root would not be valid.
        VerifyError: the old root does not verify, or too few valid root keys sign.
        DataError: a `.pub.json` file is malformed, or a file of `authorities` contains no certificate.
        StorageError: a key cannot be read, or the file exists.
    """
    before = load_trust(old, now)
    if ROOT not in before.roles:
        raise ConfigError(f"{old}: has no root keys, so its next version cannot be signed", hint=_NEW_ROOT)
    if unknown := [name for name in revoked if name not in before.keys]:
        message = f"{old}: has no key with the id {', '.join(unknown)}, so nothing was revoked"
        raise ConfigError(message, hint="Pass an id that `synthgen trust show` lists.")
    value = before.model_dump(mode="python") | {"version": before.version + 1}
    keys, ids = _load_keys(roles or {})
    for role, keyids in ids.items():
        value["roles"][role] = {
            "threshold": value["roles"].get(role, {"threshold": 1})["threshold"],
            "keyids": keyids,
        }
    listed = {name for role in value["roles"].values() for name in role["keyids"]}
    value["keys"] = {name: key for name, key in (value["keys"] | keys).items() if name in listed}
    value["policies"] = {name: tuple(digests) for name, digests in (policies or before.policies).items()}
    value["revoked"] += tuple({"keyid": key, "since": stamp(since or now), "reason": reason} for key in revoked)
    value["ledgers"] = tuple(ledgers) or before.ledgers
    value["authorities"] = _authorities(authorities) or before.authorities
    value["expires"] = before.expires if expires is None else stamp(expires)
    root = _checked_root(value)
    data = sign(TRUST_PAYLOAD_TYPE, root.to_bytes(), [key.private for key in root_keys])
    for version in (before, root):
        check_root_signers(parse_envelope(data), version, now)
    write_new(path, data, 0o644)
    return fingerprint(data)


def _load_keys(roles: Mapping[str, Sequence[Path]]) -> tuple[dict[str, TrustKey], dict[str, tuple[str, ...]]]:
    """Return (key id -> key, role -> key ids) for the `.pub.json` files of each role."""
    keys: dict[str, TrustKey] = {}
    ids: dict[str, tuple[str, ...]] = {}
    for role, files in roles.items():
        of_role = [load_public(file) for file in files]
        ids[role] = tuple(keyid(bytes.fromhex(k.public)) for k in of_role)  # `TrustRoot` refuses a key listed twice
        keys |= dict(zip(ids[role], of_role, strict=True))
    return keys, ids


def _checked_root(value: Mapping[str, Any]) -> TrustRoot:
    try:
        return TrustRoot.model_validate(value)
    except ValidationError as error:
        raise ConfigError("the trust root would not be valid", problems=problems(error)) from None


def _authorities(files: Sequence[Path]) -> tuple[str, ...]:
    """Return all certificates in PEM files, in the text form that a trust root stores."""
    found = []
    for file in files:
        try:
            found += x509.load_pem_x509_certificates(read_bytes(file))
        except ValueError:
            raise DataError(f"{file}: contains no certificate in PEM form") from None
    return tuple(authority_text(certificate) for certificate in found)
