"""The trust root: a file with the keys, policies, timestamp authorities and ledgers that a verifier accepts.

If the file names root keys, enough of these keys must have signed the file. Otherwise the file is not signed, and the
user must compare its sha256 (`fingerprint`) with the one that the data owner states, for example by telephone.
"""

import base64
import binascii
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import regex
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import Field, ValidationError, model_validator

from audits.core.errors import VerifyError
from audits.core.files import read_regular
from audits.core.instants import Instant, instant
from audits.core.strictjson import JsonError, parse, parse_canonical
from audits.core.strictmodel import Canonical, Closed, LedgerId, Sha256, problems
from audits.gate.policy import RoleName
from audits.gate.rule import Name
from audits.text.normalise import normalise
from audits.verify.dsse import MAX_ENVELOPE_BYTES, Envelope, parse_envelope, signers
from audits.verify.publickeys import check_public, keyid, kind_of, without_sign

TRUST_PAYLOAD_TYPE = "application/vnd.synthgen.trust+json"
RELEASER = "releaser"  # role whose keys sign releases
ROOT = "root"  # role whose keys sign the trust root
_KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
_PersonText = Annotated[str, Field(min_length=1, max_length=200)]
_ALIKE = str.maketrans("01i", "oll")  # 0 looks like o; 1 and i look like l
_PAIRS = (  # two letters, and the single letter by which `name_skeleton` replaces them
    *(("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a")),  # two letters that may replace ä, ö, ü or å
    *(("rn", "m"), ("vv", "w")),  # two letters that look like one letter
)
# Latin letters that UTS #39 does not recommend for names (Identifier_Status Restricted), for example U+023F
_RESTRICTED = regex.compile(
    r"[\p{Latin}--[a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u018f\u01a0\u01a1"
    r"\u01af\u01b0\u01cd-\u01e3\u01e6-\u01f0\u01f4\u01f5\u01f8-\u021b\u021e\u021f\u0226-\u0233\u0259\u1e00-\u1e99\u1e9e"
    r"\u1ea0-\u1ef9]]",
    regex.VERSION1,
)
# What a name may not contain: a word that mixes Latin letters with letters of another script (characters of several
# scripts, such as U+02BC, are allowed), a symbol, a digit other than 0 to 9, or the long s, which looks like f
_UNREADABLE = regex.compile(
    r"(?=\S*\p{Latin})\S*[[\p{L}\p{M}]--[\p{Latin}\p{Common}\p{Inherited}]]|[[\p{S}\p{N}\u017f]--[0-9]]",
    regex.VERSION1,
)
# letters of no particular script, such as U+02BC, which looks like an apostrophe
_SIGNS = regex.compile(r"[\p{L}&&[\p{Common}\p{Inherited}]]", regex.VERSION1)


class TrustKey(Closed):
    """A public key (hex digits), the person who holds its private key, and its period of validity."""

    alg: Literal["ed25519", "ecdsa-p256"]
    public: Annotated[str, Field(pattern=r"^([0-9a-f]{64}|0[23][0-9a-f]{64})$")]
    person: _PersonText
    org: Annotated[str, Field(max_length=200)]
    valid_from: Instant
    valid_until: Instant

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if kind_of(bytes.fromhex(self.public)) != self.alg:
            raise ValueError(f"the key does not have the length of an {self.alg} key")
        return self

    def covers(self, when: datetime) -> bool:
        """Return whether a time is in the key's period of validity."""
        return instant(self.valid_from) <= when < instant(self.valid_until)


class Role(Closed):
    """The keys that may sign in a role, and the smallest number of different persons who must sign."""

    keyids: Annotated[tuple[_KeyId, ...], Field(min_length=1)]
    threshold: Annotated[int, Field(ge=1)]


class Revocation(Closed):
    """A key that is not accepted from the time `since` on."""

    keyid: _KeyId
    since: Instant
    reason: Annotated[str, Field(max_length=500)]


class TrustRoot(Canonical):
    """Everything that a verifier accepts.

    These rules hold, or the file is invalid:

    - Each key id is derived from its key, no key is of small order, and no two private keys differ only in sign.
    - The name of a person is spelled in one way only, and the names of two persons do not look alike.
    - There is a role `releaser`. No key has two roles. A person has at most one role besides `root`.
    - The number of different persons in each role is at least the threshold of the role.
    """

    version: Annotated[int, Field(ge=1)]
    expires: Instant
    keys: dict[_KeyId, TrustKey]
    roles: dict[RoleName, Role]
    policies: dict[Name, Annotated[tuple[Sha256, ...], Field(min_length=1)]]  # sha256 of accepted versions, by name
    revoked: tuple[Revocation, ...] = ()
    # oldest version of SynthGen whose releases are accepted
    min_tool_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] | None = None
    authorities: tuple[str, ...] = ()  # certificates of timestamp authorities, base64 of DER
    ledgers: tuple[LedgerId, ...] = ()  # accepted ledgers; if empty, a release under a budget limit is refused

    @model_validator(mode="after")
    def _check(self) -> Self:
        faults = [*_key_problems(self), *_name_problems(self), *_role_problems(self), *_authority_problems(self)]
        if len(set(self.ledgers)) != len(self.ledgers):
            faults.append("a ledger is listed twice")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def public_keys(self, role: str) -> dict[str, bytes]:
        """Return the raw public keys of a role by key id; empty if there is no such role."""
        keyids = self.roles[role].keyids if role in self.roles else ()
        return {key_id: bytes.fromhex(self.keys[key_id].public) for key_id in keyids}

    def valid_keys(self, role: str, now: datetime) -> dict[str, bytes]:
        """Return the raw public keys of a role by key id, without keys that are expired or revoked at `now`."""
        return {
            key_id: public for key_id, public in self.public_keys(role).items() if self._fault(key_id, now) is None
        }

    def persons(self, keyids: Iterable[str]) -> set[str]:
        """Return the persons who hold these keys, each as the skeleton of the name (`name_skeleton`)."""
        return {name_skeleton(self.keys[key_id].person) for key_id in keyids}

    def has_enough(self, role: str, keyids: Iterable[str]) -> bool:
        """Return whether the number of different persons who hold these keys reaches the threshold of the role."""
        return len(self.persons(keyids)) >= self.roles[role].threshold

    def check_key(self, key_id: str, now: datetime) -> None:
        """Raise VerifyError (E_REVOKED or E_KEY_EXPIRED) if a key is not valid at the time `now`.

        For a signature with a trusted timestamp, callers pass the time of the timestamp, otherwise the current time.
        So if a key was revoked, its earlier signatures are accepted only with a timestamp.
        """
        if (fault := self._fault(key_id, now)) is not None:
            raise fault

    def check_dated(self, key_ids: Sequence[str], created: str) -> None:
        """Raise VerifyError (E_TIME) if a release was made outside the validity of a key that signed the release."""
        for key_id in key_ids:
            if not (key := self.keys[key_id]).covers(instant(created)):
                period = f"from {key.valid_from} to {key.valid_until}"
                problem = f"made at {created}, but key {key_id}, which signed the release, is valid only {period}"
                raise VerifyError("E_TIME", problem)

    def _fault(self, key_id: str, now: datetime) -> VerifyError | None:
        if any(item.keyid == key_id and instant(item.since) <= now for item in self.revoked):
            return VerifyError("E_REVOKED", f"key {key_id} was revoked")
        key = self.keys[key_id]
        if not key.covers(now):
            return VerifyError("E_KEY_EXPIRED", f"key {key_id} is valid from {key.valid_from} to {key.valid_until}")
        return None


def load_trust(path: str | Path, now: datetime | None = None) -> TrustRoot:
    """Return the trust root in a file; raise VerifyError (E_TRUST) as `read_trust` and `parse_trust` do."""
    return parse_trust(read_trust(path), now, str(path))


def read_trust(path: str | Path) -> bytes:
    """Return the bytes of a trust root's file; raise VerifyError (E_TRUST) if it cannot be read."""
    try:
        return read_regular(path, MAX_ENVELOPE_BYTES)
    except OSError as error:
        raise VerifyError("E_TRUST", f"{path}: cannot be read ({error.strerror})") from error


def parse_trust(data: bytes, now: datetime | None = None, name: str = "the file") -> TrustRoot:
    """Return the trust root in the bytes of its file, without checking its expiry date.

    The signature of a root key counts if the key is valid at `now`, by default the current time. `name` is the name
    of the file in messages.

    Raises:
        VerifyError: E_TRUST if the content is invalid, or it names root keys and too few valid root keys signed it.
    """
    try:
        value = parse(data)
        if isinstance(value, dict) and "payload" in value:
            return _parse_signed(data, datetime.now(UTC) if now is None else now)
        root = TrustRoot.model_validate(value)
    except JsonError as error:
        raise VerifyError("E_TRUST", f"{name} is not a valid trust root: {error.message}") from None
    except ValidationError as error:
        raise VerifyError("E_TRUST", f"{name} is not a valid trust root: {_faults(error)}") from None
    if ROOT in root.roles:
        raise VerifyError("E_TRUST", "the trust root names root keys, so it must be signed by them")
    return root


def _faults(error: ValidationError) -> str:
    """Return one line about a validation error: all missing keys, and at most five other problems."""
    found = problems(error)
    missing = [key for key, _, what in (line.rpartition(": ") for line in found) if what == "missing"]
    others = [line for line in found if not line.endswith(": missing")]
    absent = f"the key{'s' * (len(missing) > 1)} {', '.join(missing)} {'are' if len(missing) > 1 else 'is'} missing"
    return "; ".join([*([absent] if missing else []), *others[:5]])


def fingerprint(data: bytes) -> str:
    """Return the sha256 of a trust file in eight groups of hex digits, for comparison by telephone."""
    return hashlib.sha256(data).digest().hex(" ", 4)


def name_skeleton(name: str) -> str:
    """Return the sorted letters and digits of a name; characters that look alike become the same letter.

    Two names with the same skeleton count as one person, for example "Rosa Müller" and "MUELLER, Rosa". Blanks,
    accents, punctuation and invisible characters are ignored.
    """
    plain = _SIGNS.sub("", normalise(name)).translate(_ALIKE)
    for pair, single in _PAIRS:
        plain = plain.replace(pair, single)
    return "".join(sorted(filter(str.isalnum, plain)))


def check_root_signers(envelope: Envelope, root: TrustRoot, now: datetime) -> None:
    """Raise VerifyError (E_TRUST) unless enough root keys of the trust root `root` signed an envelope.

    A root key counts if it is valid at `now` according to `root`. Signatures of other keys are ignored, because the
    root keys of the previous version and of the new version sign the same envelope.
    """
    keys = root.valid_keys(ROOT, now)
    signatures = tuple(item for item in envelope.signatures if item[0] in keys)
    try:
        signed = signers(replace(envelope, signatures=signatures), keys)
    except VerifyError as error:
        raise VerifyError("E_TRUST", f"the trust root's envelope: {error.message}") from None
    if not root.has_enough(ROOT, signed):
        n, needed = len(root.persons(signed)), root.roles[ROOT].threshold
        raise VerifyError(
            "E_TRUST",
            f"{n} of the {needed} required persons signed the trust root with root keys of version {root.version}. "
            "Revoked and expired keys do not count. The owner must sign the trust root with more root keys",
        )


def _parse_signed(data: bytes, now: datetime) -> TrustRoot:
    try:
        envelope = parse_envelope(data)
    except VerifyError as error:
        raise VerifyError("E_TRUST", f"the trust root's envelope: {error.message}") from None
    if envelope.payload_type != TRUST_PAYLOAD_TYPE:
        raise VerifyError("E_TRUST", f"the trust root's payload type is not {TRUST_PAYLOAD_TYPE}")
    root = TrustRoot.model_validate(parse_canonical(envelope.payload))
    if ROOT not in root.roles:
        raise VerifyError("E_TRUST", "the trust root is signed but names no root keys")
    check_root_signers(envelope, root, now)
    return root


def authority_text(certificate: x509.Certificate) -> str:
    """Return a certificate in canonical form: base64 of DER."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def authority(text: str) -> x509.Certificate:
    """Return the certificate of a timestamp authority from its canonical text; raise ValueError with the reason."""
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(text.encode("ascii"), validate=True))
        extensions = certificate.extensions
    except (binascii.Error, ValueError):
        raise ValueError("is not a certificate") from None
    if authority_text(certificate) != text:
        raise ValueError("is not in canonical form")
    if not any(isinstance(item.value, x509.BasicConstraints) and item.value.ca for item in extensions):
        raise ValueError("is not the certificate of a certification authority")
    return certificate


def _key_problems(root: TrustRoot) -> list[str]:
    found = []
    seen: dict[bytes, str] = {}
    for key_id, key in root.keys.items():
        public = bytes.fromhex(key.public)
        if (other := seen.setdefault(without_sign(public), key_id)) != key_id:
            found.append(
                f"keys {other} and {key_id}: their private keys differ only in sign, so one person holds both"
            )
        if keyid(public) != key_id:
            found.append(f"key {key_id}: the id is not derived from the key")
        try:
            check_public(public)
        except VerifyError as error:
            found.append(f"key {key_id}: {error.message}")
        if key.valid_from >= key.valid_until:  # times are texts of one fixed format, so they can be compared
            found.append(f"key {key_id}: valid_until must be later than valid_from")
    return found


def _name_problems(root: TrustRoot) -> list[str]:
    found = []
    # by skeleton of a name, and then by spelling of the name: the ids of the keys
    spellings: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for key_id, key in root.keys.items():
        skeleton = name_skeleton(key.person)
        spellings[skeleton][key.person].append(key_id)
        if not skeleton or _UNREADABLE.search(key.person) or _RESTRICTED.search(key.person):
            found.append(
                f"key {key_id}: the name of its person has no letters or digits, has symbols or rare letters that "
                "look like others, or mixes two alphabets in a word"
            )
    for same in (by_spelling for by_spelling in spellings.values() if len(by_spelling) > 1):
        keys = ", ".join(key_id for key_ids in same.values() for key_id in key_ids)
        found.append(
            f"keys {keys}: the names of their persons differ only in spelling or look alike; write the name of one "
            "person in one way, and add a middle name or a number to the names of two persons"
        )
    return found


def _authority_problems(root: TrustRoot) -> list[str]:
    found = [] if len(set(root.authorities)) == len(root.authorities) else ["an authority is listed twice"]
    for number, text in enumerate(root.authorities, start=1):
        try:
            authority(text)
        except ValueError as error:
            found.append(f"authority {number} {error}")
    return found


def _role_problems(root: TrustRoot) -> list[str]:
    found = [] if RELEASER in root.roles else [f"the role {RELEASER} is missing"]
    role_of_key: dict[str, str] = {}
    role_of_person: dict[str, str] = {}
    for role, members in root.roles.items():
        missing = [key_id for key_id in members.keyids if key_id not in root.keys]
        if missing:
            found.append(f"role {role}: `keys` does not contain {', '.join(missing)}")
            continue
        if len(set(members.keyids)) != len(members.keyids):
            found.append(f"role {role}: a key is listed twice")
        if not root.has_enough(role, members.keyids):
            found.append(
                f"role {role}: the threshold {members.threshold} is above the number of persons in this role"
            )
        for key_id in members.keyids:
            if role_of_key.setdefault(key_id, role) != role:
                found.append(f"key {key_id} is in two roles, {role_of_key[key_id]} and {role}")
            person = name_skeleton(root.keys[key_id].person)
            if role != ROOT and role_of_person.setdefault(person, role) != role:
                found.append(f"one person acts in two roles, {role_of_person[person]} and {role}")
    return found
