"""The trust root: whose signature counts for what, and which policies are accepted.

The file is either the plain root (then it is worth what the place it came from is worth: compare its fingerprint with
the owner's, by another way than the bundle's) or, where it names root keys, an envelope signed by enough of them.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from audits.core.errors import VerifyError
from audits.core.instants import Instant, instant
from audits.core.strictjson import JsonError, canonical, parse, parse_canonical
from audits.core.strictmodel import Closed, problems
from audits.gate.policy import RoleName
from audits.gate.rule import Name
from audits.verify.authorities import authority
from audits.verify.dsse import MAX_ENVELOPE_BYTES, Envelope, parse_envelope, signers
from audits.verify.ed25519 import keyid
from audits.verify.publickeys import check_public, kind_of

TRUST_PAYLOAD_TYPE = "application/vnd.synthgen.trust+json"
RELEASER = "releaser"
ROOT = "root"
_KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
_LedgerId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_PersonText = Annotated[str, Field(min_length=1, max_length=200)]


class TrustKey(Closed):
    """A public key and the person who holds it; valid from one time up to another.

    The key is 32 bytes of Ed25519 or the 33 of a compressed point of P-256, as hex digits.
    """

    alg: Literal["ed25519", "ecdsa-p256"]
    public: Annotated[str, Field(pattern=r"^([0-9a-f]{64}|0[23][0-9a-f]{64})$")]
    person: _PersonText
    org: Annotated[str, Field(max_length=200)]
    valid_from: Instant
    valid_until: Instant

    @model_validator(mode="after")
    def _named(self) -> Self:
        if kind_of(bytes.fromhex(self.public)) != self.alg:
            raise ValueError(f"the key is not one of {self.alg}")
        return self


class Role(Closed):
    """Keys that may act in a role, and how many different persons it takes."""

    keyids: Annotated[tuple[_KeyId, ...], Field(min_length=1)]
    threshold: Annotated[int, Field(ge=1)]


class Revocation(Closed):
    """A key that no longer counts."""

    keyid: _KeyId
    since: Instant
    reason: Annotated[str, Field(max_length=500)]


class TrustRoot(Closed):
    """Everything a verifier takes on trust.

    Laws: a key's id follows from the key; no key stands in two roles; no person acts in two roles; a threshold can be
    reached by different persons; no weak key.
    """

    version: Annotated[int, Field(ge=1)]
    expires: Instant
    keys: dict[_KeyId, TrustKey]
    roles: dict[RoleName, Role]
    policies: dict[Name, Annotated[tuple[_Sha256, ...], Field(min_length=1)]]
    revoked: tuple[Revocation, ...] = ()
    min_tool_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] | None = None
    authorities: tuple[str, ...] = ()  # certificates of who vouches for timestamps, base64 of DER
    ledgers: tuple[_LedgerId, ...] = ()  # in which releases must be counted; under a policy with `dp`, none is none

    @model_validator(mode="after")
    def _sound(self) -> Self:
        found = [*_key_problems(self), *_role_problems(self), *_authority_problems(self)]
        if len(set(self.ledgers)) != len(self.ledgers):
            found.append("a ledger stands twice")
        if found:
            raise ValueError("; ".join(found))
        return self

    def public_keys(self, role: str) -> dict[str, bytes]:
        """Return keyid to raw public key of a role; empty where there is no such role."""
        held = self.roles.get(role)
        return {} if held is None else {name: bytes.fromhex(self.keys[name].public) for name in held.keyids}

    def persons(self, keyids: Iterable[str]) -> set[str]:
        """Return the different persons behind some keys, spelling apart."""
        return {same_person(self.keys[name].person) for name in keyids}

    def check_key(self, name: str, now: datetime) -> None:
        """Refuse a key that is revoked or not valid at a time.

        Args:
            name: the key's id.
            now: when it signed, where a trusted timestamp says so; else now, so that what a key signed before its
                revocation is refused as well. A revocation whose date is still to come does not count yet.

        Raises:
            VerifyError: E_REVOKED or E_KEY_EXPIRED.
        """
        if any(item.keyid == name and instant(item.since) <= now for item in self.revoked):
            raise VerifyError("E_REVOKED", f"key {name} was revoked")
        key = self.keys[name]
        if not instant(key.valid_from) <= now < instant(key.valid_until):
            raise VerifyError("E_KEY_EXPIRED", f"key {name} is valid from {key.valid_from} to {key.valid_until}")

    def to_bytes(self) -> bytes:
        """Return the canonical JSON."""
        return canonical(self.model_dump(mode="json"))


def load_trust(path: str | Path) -> TrustRoot:
    """Return the trust root of a file; whether it has expired is for the verifier to judge.

    Raises:
        VerifyError: E_TRUST if it is missing, malformed, unsound or not signed as it says.
    """
    return parse_trust(read_trust(path))


def read_trust(path: str | Path) -> bytes:
    """Return the bytes of a trust root's file.

    Raises:
        VerifyError: E_TRUST if it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_ENVELOPE_BYTES + 1)
    except OSError as error:
        raise VerifyError("E_TRUST", f"{path}: cannot be read ({error.strerror})") from error


def parse_trust(data: bytes) -> TrustRoot:
    """Return the trust root of the bytes of its file, plain or enveloped.

    Raises:
        VerifyError: E_TRUST.
    """
    try:
        value = parse(data)
        if isinstance(value, dict) and "payload" in value:
            return _signed(data)
        root = TrustRoot.model_validate(value)
    except JsonError as error:
        raise VerifyError("E_TRUST", f"the trust root is {error.message}") from None
    except ValidationError as error:
        raise VerifyError("E_TRUST", f"the trust root is malformed: {'; '.join(problems(error)[:5])}") from None
    if ROOT in root.roles:
        raise VerifyError("E_TRUST", "the trust root names root keys, so it must be signed by them")
    return root


def fingerprint(data: bytes) -> str:
    """Return the sha256 of a trust file as eight groups, to be read out and compared by voice."""
    digest = hashlib.sha256(data).hexdigest()
    return " ".join(digest[start : start + 8] for start in range(0, 64, 8))


def same_person(name: str) -> str:
    """Return a person's name without differences of case, width or spacing."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def known_signers(envelope: Envelope, keys: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return which of some keys signed. Others are passed over: those of the root before stand in the same envelope.

    Raises:
        VerifyError: E_TRUST where a signature of one of the keys is bad.
    """
    ours = tuple(item for item in envelope.signatures if item[0] in keys)
    try:
        return signers(replace(envelope, signatures=ours), dict(keys))
    except VerifyError as error:
        raise VerifyError("E_TRUST", f"the trust root's envelope: {error.message}") from None


def _signed(data: bytes) -> TrustRoot:
    try:
        envelope = parse_envelope(data)
    except VerifyError as error:
        raise VerifyError("E_TRUST", f"the trust root's envelope: {error.message}") from None
    if envelope.payload_type != TRUST_PAYLOAD_TYPE:
        raise VerifyError("E_TRUST", f"the trust root's payload type is not {TRUST_PAYLOAD_TYPE}")
    root = TrustRoot.model_validate(parse_canonical(envelope.payload))
    if ROOT not in root.roles:
        raise VerifyError("E_TRUST", "the trust root is signed but names no root keys")
    names = known_signers(envelope, root.public_keys(ROOT))
    threshold = root.roles[ROOT].threshold
    if len(root.persons(names)) < threshold:
        raise VerifyError("E_TRUST", f"the trust root is signed by fewer than {threshold} different persons")
    return root


def _key_problems(root: TrustRoot) -> list[str]:
    found = []
    for name, key in root.keys.items():
        public = bytes.fromhex(key.public)
        if keyid(public) != name:
            found.append(f"key {name}: the id is not derived from the key")
        try:
            check_public(public)
        except VerifyError as error:
            found.append(f"key {name}: {error.message}")
        if key.valid_from >= key.valid_until:  # one spelling of time, so text order is time order
            found.append(f"key {name}: its validity ends before it begins")
    return found


def _authority_problems(root: TrustRoot) -> list[str]:
    found = []
    for number, text in enumerate(root.authorities, start=1):
        try:
            authority(text)
        except ValueError as error:
            found.append(f"authority {number} {error}")
    if len(set(root.authorities)) != len(root.authorities):
        found.append("an authority stands twice")
    return found


def _role_problems(root: TrustRoot) -> list[str]:
    found = []
    if RELEASER not in root.roles:
        found.append("there is no releaser")
    holder: dict[str, str] = {}
    acts_as: dict[str, str] = {}
    for role, held in root.roles.items():
        missing = [name for name in held.keyids if name not in root.keys]
        if missing:
            found.append(f"role {role}: unknown key {', '.join(missing)}")
            continue
        if len(set(held.keyids)) != len(held.keyids):
            found.append(f"role {role}: a key stands twice")
        if held.threshold > len(root.persons(held.keyids)):
            found.append(f"role {role}: the threshold {held.threshold} is above its number of persons")
        for name in held.keyids:
            if holder.setdefault(name, role) != role:
                found.append(f"key {name} is in two roles, {holder[name]} and {role}")
            person = same_person(root.keys[name].person)
            if role != ROOT and acts_as.setdefault(person, role) != role:
                found.append(f"one person acts in two roles, {acts_as[person]} and {role}")
    return found
