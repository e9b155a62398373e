"""Make a trust root: the file a verifier holds before any bundle reaches them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from pydantic import ValidationError

from audits.core.instants import stamp
from audits.core.strictmodel import problems
from audits.verify.dsse import parse_envelope
from audits.verify.publickeys import keyid
from audits.verify.trust import (
    ROOT,
    TRUST_PAYLOAD_TYPE,
    Revocation,
    TrustRoot,
    authority_text,
    fingerprint,
    known_signers,
    load_trust,
)
from synthgen.core.errors import ConfigError, DataError, StorageError
from synthgen.release.keys import SigningKey, load_public, write_new
from synthgen.release.sign import sign


def new_trust(  # noqa: PLR0913 - what a root may name, each by its name
    path: Path,
    *,
    roles: Mapping[str, Sequence[Path]],
    policies: Mapping[str, Sequence[str]],
    expires: datetime,
    root_keys: Sequence[SigningKey] = (),
    authorities: Sequence[Path] = (),
    ledgers: Sequence[str] = (),
) -> str:
    """Write version 1 of a trust root and return its fingerprint, to be compared by another way than the file's.

    Args:
        path: where; must not exist.
        roles: role to the `.pub.json` files of its keys; `releaser` is needed, `root` if `root_keys` are given.
            Every threshold is 1; a policy may ask for more approvals.
        policies: policy name to the digests accepted under it.
        expires: when verifiers must ask for a new one.
        root_keys: keys of the role `root` that sign the file.
        authorities: PEM files with the certificates of who vouches for timestamps.
        ledgers: ids of the ledgers in which releases must be counted; under a policy with `dp` a release that is
            counted elsewhere, or a root without any, does not verify.

    Raises:
        ConfigError: if the root would be unsound (a key or person in two roles, a weak key); all mistakes listed.
        StorageError: if a key cannot be read or the file exists.
    """
    keys = {role: [load_public(file) for file in files] for role, files in roles.items()}
    ids = {role: tuple(keyid(bytes.fromhex(key.public)) for key in held) for role, held in keys.items()}
    try:
        root = TrustRoot.model_validate(
            {
                "version": 1,
                "expires": stamp(expires),
                "keys": {name: key for role in keys for name, key in zip(ids[role], keys[role], strict=True)},
                "roles": {role: {"keyids": names, "threshold": 1} for role, names in ids.items()},
                "policies": {name: tuple(digests) for name, digests in policies.items()},
                "authorities": _authorities(authorities),
                "ledgers": tuple(ledgers),
            }
        )
    except ValidationError as error:
        raise ConfigError("the trust root would be unsound", problems=problems(error)) from None
    if ("root" in roles) != (len(root_keys) > 0):
        raise ConfigError("a trust root that names root keys is signed by them, and no other is")
    data = root.to_bytes()
    if len(root_keys) > 0:
        data = sign(TRUST_PAYLOAD_TYPE, data, [key.private for key in root_keys])
    write_new(path, data, 0o644)
    return fingerprint(data)


def follow_trust(  # noqa: PLR0913 - what a root may change, each by its name
    old: Path,
    path: Path,
    *,
    root_keys: Sequence[SigningKey],
    roles: Mapping[str, Sequence[Path]] | None = None,
    policies: Mapping[str, Sequence[str]] | None = None,
    revoked: Sequence[Revocation] = (),
    expires: datetime | None = None,
    authorities: Sequence[Path] = (),
    ledgers: Sequence[str] = (),
) -> str:
    """Write the version of a signed trust root that follows an old one, and return its fingerprint.

    Args:
        old: the root before; it names root keys.
        path: where the new one goes; must not exist.
        root_keys: that sign it: enough of the old root's and enough of the new one's.
        roles: whose keys change, with the `.pub.json` files that hold the role from now on.
        policies: that are accepted besides or instead.
        revoked: keys that no longer count, from when, and why.
        expires: when verifiers must ask for the next one; as before where not given.
        authorities: PEM files of who vouches for timestamps from now on; as before where none is given.
        ledgers: ids of the ledgers that count from now on; likewise.

    Raises:
        ConfigError: if the old root has no root keys, the new one would be unsound, or too few sign.
        VerifyError: if the old root is not good.
        StorageError: if a key cannot be read or the file exists.
    """
    before = load_trust(old)
    if ROOT not in before.roles:
        raise ConfigError(f"{old}: names no root keys, so nobody can sign what follows it", hint="Make a new root.")
    value = before.model_dump(mode="python")
    held = {role: [load_public(file) for file in files] for role, files in (roles or {}).items()}
    ids = {role: tuple(keyid(bytes.fromhex(key.public)) for key in keys) for role, keys in held.items()}
    value["version"] = before.version + 1
    value["keys"] |= {name: key for role in held for name, key in zip(ids[role], held[role], strict=True)}
    for role, names in ids.items():
        value["roles"][role] = {"threshold": value["roles"].get(role, {"threshold": 1})["threshold"], "keyids": names}
    named = {name for role in value["roles"].values() for name in role["keyids"]}
    value["keys"] = {name: key for name, key in value["keys"].items() if name in named}
    value["policies"] |= {name: tuple(digests) for name, digests in (policies or {}).items()}
    value |= {"revoked": (*before.revoked, *revoked), "ledgers": tuple(ledgers) or before.ledgers}
    value["authorities"] = _authorities(authorities) or before.authorities
    value["expires"] = before.expires if expires is None else stamp(expires)
    try:
        root = TrustRoot.model_validate(value)
    except ValidationError as error:
        raise ConfigError("the trust root would be unsound", problems=problems(error)) from None
    data = sign(TRUST_PAYLOAD_TYPE, root.to_bytes(), [key.private for key in root_keys])
    for which, one in (("old", before), ("new", root)):
        signed = known_signers(parse_envelope(data), one.public_keys(ROOT))
        if len(one.persons(signed)) < one.roles[ROOT].threshold:
            raise ConfigError(
                f"signed by too few root keys of the {which} version", hint="Give more keys to sign with."
            )
    write_new(path, data, 0o644)
    return fingerprint(data)


def _authorities(files: Sequence[Path]) -> tuple[str, ...]:
    found = []
    for file in files:
        try:
            found += x509.load_pem_x509_certificates(file.read_bytes())
        except OSError as error:
            raise StorageError(f"{file}: cannot be read ({error.strerror})") from error
        except ValueError:
            raise DataError(f"{file}: holds no certificates in PEM") from None
    return tuple(authority_text(certificate) for certificate in found)
