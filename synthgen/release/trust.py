"""Make a trust root: the file a verifier holds before any bundle reaches them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from audits.core.instants import stamp
from audits.core.strictmodel import problems
from audits.verify.dsse import seal
from audits.verify.ed25519 import keyid
from audits.verify.trust import TRUST_PAYLOAD_TYPE, TrustRoot, fingerprint
from synthgen.core.errors import ConfigError
from synthgen.release.keys import SigningKey, load_public, write_new


def new_trust(
    path: Path,
    *,
    roles: Mapping[str, Sequence[Path]],
    policies: Mapping[str, Sequence[str]],
    expires: datetime,
    root_keys: Sequence[SigningKey] = (),
) -> str:
    """Write version 1 of a trust root and return its fingerprint, to be compared by another way than the file's.

    Args:
        path: where; must not exist.
        roles: role to the `.pub.json` files of its keys; `releaser` is needed, `root` if `root_keys` are given.
            Every threshold is 1; a policy may ask for more approvals.
        policies: policy name to the digests accepted under it.
        expires: when verifiers must ask for a new one.
        root_keys: keys of the role `root` that sign the file.

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
            }
        )
    except ValidationError as error:
        raise ConfigError("the trust root would be unsound", problems=problems(error)) from None
    if ("root" in roles) != (len(root_keys) > 0):
        raise ConfigError("a trust root that names root keys is signed by them, and no other is")
    data = root.to_bytes()
    if len(root_keys) > 0:
        data = seal(TRUST_PAYLOAD_TYPE, data, [key.private for key in root_keys])
    write_new(path, data, 0o644)
    return fingerprint(data)
