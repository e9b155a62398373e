"""The trust root: a file with the keys, policies, timestamp authorities and ledgers that a verifier accepts.

Root keys sign the trust root itself, and keys of the role `releaser` sign releases. If the file names root keys,
enough of them must have signed it; the file is then an envelope (content with its signatures). Otherwise the file is
not signed, and the user must compare its sha256 (`fingerprint`) with that of the data owner, for example by
telephone.
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
from audits.core.instants import Instant, instant, stamp
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
_PersonName = Annotated[str, Field(min_length=1, max_length=200)]
_LOOKALIKES = str.maketrans("01i", "oll")  # 0 looks like o; 1 and i look like l
_LETTER_PAIRS = (  # two letters, and the single letter by which `name_skeleton` replaces them
    *(("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a")),  # two letters that may replace ä, ö, ü or å
    *(("rn", "m"), ("vv", "w")),  # two letters that look like one letter
)
# Latin letters that UTS #39 does not recommend for names (Identifier_Status Restricted), for example U+023F
_UNCOMMON_LETTER = regex.compile(
    r"[\p{Latin}--[a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u018f\u01a0\u01a1"
    r"\u01af\u01b0\u01cd-\u01e3\u01e6-\u01f0\u01f4\u01f5\u01f8-\u021b\u021e\u021f\u0226-\u0233\u0259\u1e00-\u1e99\u1e9e"
    r"\u1ea0-\u1ef9]]",
    regex.VERSION1,
)
# A name must not contain a symbol, a number character other than 0 to 9, the long s (U+017F), or a word that mixes
# Latin letters with letters or marks of another script. Letters of no particular script, such as U+02BC, are allowed.
_AMBIGUOUS = regex.compile(
    r"(?=\S*\p{Latin})\S*[[\p{L}\p{M}]--[\p{Latin}\p{Common}\p{Inherited}]]|[[\p{S}\p{N}\u017f]--[0-9]]",
    regex.VERSION1,
)
# letters of no particular script, such as U+02BC, which looks like an apostrophe
_SCRIPTLESS_LETTER = regex.compile(r"[\p{L}&&[\p{Common}\p{Inherited}]]", regex.VERSION1)


class TrustKey(Closed):
    """A public key (hex digits), the person who holds the private key, and the period in which the key is valid."""

    alg: Literal["ed25519", "ecdsa-p256"]
    public: Annotated[str, Field(pattern=r"^([0-9a-f]{64}|0[23][0-9a-f]{64})$")]
    person: _PersonName
    org: Annotated[str, Field(max_length=200)]
    valid_from: Instant
    valid_until: Instant

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if kind_of(bytes.fromhex(self.public)) != self.alg:
            raise ValueError(f"the key does not have the length of an {self.alg} key")
        return self

    def covers(self, when: datetime) -> bool:
        """Return whether the key is valid at a time: from `valid_from` to before `valid_until`."""
        return instant(self.valid_from) <= when < instant(self.valid_until)


class Role(Closed):
    """The keys that may sign in a role, and the smallest number of different persons who must sign."""

    keyids: Annotated[tuple[_KeyId, ...], Field(min_length=1)]
    threshold: Annotated[int, Field(ge=1)]


class Revocation(Closed):
    """A key that is no longer accepted from the time `since` on."""

    keyid: _KeyId
    since: Instant
    reason: Annotated[str, Field(max_length=500)]


class TrustRoot(Canonical):
    """The content of a trust root's file.

    The content must meet these conditions:

    - Each key id is derived from its key. No key is of small order (its signatures would be easy to forge), and no
      two private keys differ only in sign (one person would hold both). Each `valid_until` is after `valid_from`.
    - The name of a person is spelled in one way only, and the names of two persons do not look alike. A name has a
      letter or digit, and nothing that `_AMBIGUOUS` or `_UNCOMMON_LETTER` matches.
    - There is a role `releaser`. Each key of a role is in `keys`. No key is in two roles, or twice in one role. A
      person has at most one role besides `root`.
    - The number of different persons in each role is at least the threshold of the role.
    - Each authority is the certificate of a certification authority. No authority or ledger is listed twice.
    """

    version: Annotated[int, Field(ge=1)]
    expires: Instant
    keys: dict[_KeyId, TrustKey]
    roles: dict[RoleName, Role]
    policies: dict[
        Name, Annotated[tuple[Sha256, ...], Field(min_length=1)]
    ]  # by name, the sha256 of each accepted version
    revoked: tuple[Revocation, ...] = ()
    # oldest version of SynthGen whose releases are accepted
    min_tool_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] | None = None
    authorities: tuple[str, ...] = ()  # certificates of timestamp authorities, base64 of DER
    # ids of accepted ledgers; if none is listed, a release under a policy that limits the privacy budget is refused
    ledgers: tuple[LedgerId, ...] = ()

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
        Signatures of a revoked key are therefore accepted only with a trusted timestamp from before the revocation.
        """
        if (fault := self._fault(key_id, now)) is not None:
            raise fault

    def check_dated(self, key_ids: Sequence[str], created: str) -> None:
        """Raise VerifyError (E_TIME) if a key that signed a release was not valid when the release was made."""
        for key_id in key_ids:
            if not (key := self.keys[key_id]).covers(instant(created)):
                period = f"from {key.valid_from} to {key.valid_until}"
                problem = (
                    f"the release was made at {created}, but key {key_id}, which signed it, is valid only {period}"
                )
                raise VerifyError("E_TIME", problem)

    def _fault(self, key_id: str, now: datetime) -> VerifyError | None:
        if any(item.keyid == key_id and instant(item.since) <= now for item in self.revoked):
            return VerifyError("E_REVOKED", f"key {key_id} was revoked")
        key = self.keys[key_id]
        if not key.covers(now):
            period = f"from {key.valid_from} to {key.valid_until}"
            return VerifyError("E_KEY_EXPIRED", f"key {key_id} is not valid at {stamp(now)}, but only {period}")
        return None


def load_trust(path: str | Path, now: datetime | None = None) -> TrustRoot:
    """Return the trust root in a file; raise VerifyError (E_TRUST) if it is unreadable or invalid (`parse_trust`)."""
    return parse_trust(read_trust(path), now, str(path))


def read_trust(path: str | Path) -> bytes:
    """Return the bytes of a trust root's file; raise VerifyError (E_TRUST) if it cannot be read."""
    try:
        return read_regular(path, MAX_ENVELOPE_BYTES)
    except OSError as error:
        raise VerifyError("E_TRUST", f"{path}: cannot be read ({error.strerror})") from error


def parse_trust(data: bytes, now: datetime | None = None, name: str = "the file") -> TrustRoot:
    """Return the trust root in the bytes of its file; the expiry date of the trust root is not checked.

    The signature of a root key counts if the key is valid at `now`, by default the current time. `name` is the name
    of the file in messages.

    Raises:
        VerifyError: E_TRUST if the content is invalid, has a role `root` but too few signatures by valid root keys,
            or has signatures but no role `root`.
    """
    try:
        value = parse(data)
        if isinstance(value, dict) and "payload" in value:
            return _parse_signed(data, datetime.now(UTC) if now is None else now)
        root = TrustRoot.model_validate(value)
    except JsonError as error:
        raise VerifyError("E_TRUST", f"{name} is not a valid trust root: {error.message}") from None
    except ValidationError as error:
        raise VerifyError("E_TRUST", f"{name} is not a valid trust root: {_fault_line(error)}") from None
    if ROOT in root.roles:
        raise VerifyError(
            "E_TRUST", "the trust root names root keys, but has no signatures; get the signed file from its owner"
        )
    return root


def _fault_line(error: ValidationError) -> str:
    """Return a validation error in one line: all missing fields of the file, then at most five other problems."""
    lines = problems(error)
    missing = [key for key, _, problem in (line.rpartition(": ") for line in lines) if problem == "missing"]
    remaining = [line for line in lines if not line.endswith(": missing")]
    names = ", ".join(f"`{key}`" for key in missing)
    absent = f"the key{'s' * (len(missing) > 1)} {names} {'are' if len(missing) > 1 else 'is'} missing"
    return "; ".join([*([absent] if missing else []), *remaining[:5]])


def fingerprint(data: bytes) -> str:
    """Return the sha256 of a trust file in eight groups of hex digits, for comparison by telephone."""
    return hashlib.sha256(data).digest().hex(" ", 4)


def name_skeleton(name: str) -> str:
    """Return the skeleton of a name: its letters and digits in sorted order, with look-alikes as the same letter.

    Names with the same skeleton count as the name of one person, for example "Rosa Müller" and "MUELLER, Rosa".
    Letter case, blanks, accents, punctuation, invisible characters and the order of the letters are ignored. So
    "Amy Lane" and "May Lane" count as one person, too; a middle name distinguishes them.
    """
    plain = _SCRIPTLESS_LETTER.sub("", normalise(name)).translate(_LOOKALIKES)
    for pair, single in _LETTER_PAIRS:
        plain = plain.replace(pair, single)
    return "".join(sorted(filter(str.isalnum, plain)))


def check_root_signers(envelope: Envelope, root: TrustRoot, now: datetime) -> None:
    """Raise VerifyError (E_TRUST) unless enough root keys of the trust root `root` signed an envelope.

    A signature counts if its key is a root key of `root` and valid at `now`. All other signatures are ignored,
    because root keys of two versions (the previous and the new one) sign the same envelope.
    """
    keys = root.valid_keys(ROOT, now)
    signatures = tuple(item for item in envelope.signatures if item[0] in keys)
    try:
        signed = signers(replace(envelope, signatures=signatures), keys)
    except VerifyError as error:
        raise VerifyError("E_TRUST", f"the trust root has an invalid signature: {error.message}") from None
    if not root.has_enough(ROOT, signed):
        n, needed = len(root.persons(signed)), root.roles[ROOT].threshold
        raise VerifyError(
            "E_TRUST",
            f"{n} of the {needed} required persons signed the trust root with root keys of version {root.version}. "
            "Revoked and expired keys do not count. More holders of these root keys must sign the trust root",
        )


def _parse_signed(data: bytes, now: datetime) -> TrustRoot:
    """Return the trust root in an envelope, after checking its signatures."""
    try:
        envelope = parse_envelope(data)
    except VerifyError as error:
        raise VerifyError("E_TRUST", f"the file of the signed trust root is malformed: {error.message}") from None
    if envelope.payload_type != TRUST_PAYLOAD_TYPE:
        raise VerifyError("E_TRUST", f"the file is signed, but its payload type is not {TRUST_PAYLOAD_TYPE}")
    root = TrustRoot.model_validate(parse_canonical(envelope.payload))
    if ROOT not in root.roles:
        raise VerifyError("E_TRUST", "the trust root is signed, but names no root keys that could sign it")
    check_root_signers(envelope, root, now)
    return root


def authority_text(certificate: x509.Certificate) -> str:
    """Return a certificate in canonical form: base64 of DER."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def authority(text: str) -> x509.Certificate:
    """Return the certificate of a timestamp authority from its canonical text; raise ValueError if it is invalid."""
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(text.encode("ascii"), validate=True))
        extensions = certificate.extensions
    except (binascii.Error, ValueError):
        raise ValueError("is not a certificate") from None
    if authority_text(certificate) != text:
        form = "is not in canonical form, which is base64 of DER without line breaks"
        raise ValueError(f"{form}; write the trust root with `synthgen trust init --authority FILE`")
    if not any(isinstance(item.value, x509.BasicConstraints) and item.value.ca for item in extensions):
        raise ValueError("is not the certificate of a certification authority")
    return certificate


def _key_problems(root: TrustRoot) -> list[str]:
    faults = []
    first_ids: dict[bytes, str] = {}  # public key without its sign -> id of the first such key
    for key_id, key in root.keys.items():
        public = bytes.fromhex(key.public)
        if (first_id := first_ids.setdefault(without_sign(public), key_id)) != key_id:
            faults.append(
                f"keys {first_id} and {key_id}: their private keys differ only in sign, so one person holds both"
            )
        if keyid(public) != key_id:
            faults.append(f"key {key_id}: the id does not belong to this public key")
        try:
            check_public(public)
        except VerifyError as error:
            faults.append(f"key {key_id}: {error.message}")
        if key.valid_from >= key.valid_until:  # the fixed format of these texts sorts by time
            faults.append(f"key {key_id}: valid_until must be later than valid_from")
    return faults


def _name_problems(root: TrustRoot) -> list[str]:
    faults = []
    # skeleton of a name -> spelling of the name -> ids of the keys of persons with this name
    spellings: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for key_id, key in root.keys.items():
        skeleton = name_skeleton(key.person)
        spellings[skeleton][key.person].append(key_id)
        if not skeleton:
            faults.append(f"key {key_id}: the name of its person has no letters or digits")
        elif _AMBIGUOUS.search(key.person):
            faults.append(
                f"key {key_id}: the name of its person has a symbol or unusual character, or mixes alphabets in "
                "a word"
            )
        elif _UNCOMMON_LETTER.search(key.person):
            faults.append(f"key {key_id}: the name of its person has a rare letter that looks like a common letter")
    for alike in (by_spelling for by_spelling in spellings.values() if len(by_spelling) > 1):
        keys = ", ".join(key_id for key_ids in alike.values() for key_id in key_ids)
        faults.append(
            f"keys {keys}: the names of their persons differ only in spelling or in the order of their letters, or "
            "look alike; write the name of one person in one way, and add a middle name or a number to the names of "
            "two persons"
        )
    return faults


def _authority_problems(root: TrustRoot) -> list[str]:
    faults = [] if len(set(root.authorities)) == len(root.authorities) else ["an authority is listed twice"]
    for number, text in enumerate(root.authorities, start=1):
        try:
            authority(text)
        except ValueError as error:
            faults.append(f"authority {number} {error}")
    return faults


def _role_problems(root: TrustRoot) -> list[str]:
    faults = [] if RELEASER in root.roles else [f"the role {RELEASER} is missing"]
    role_of_key: dict[str, str] = {}
    role_of_person: dict[str, str] = {}
    for role, members in root.roles.items():
        missing = [key_id for key_id in members.keyids if key_id not in root.keys]
        if missing:
            faults.append(f"role {role}: `keys` does not contain {', '.join(missing)}")
            continue
        if len(set(members.keyids)) != len(members.keyids):
            faults.append(f"role {role}: a key is listed twice")
        if not root.has_enough(role, members.keyids):
            faults.append(
                f"role {role}: the threshold {members.threshold} is above the number of persons in this role"
            )
        for key_id in members.keyids:
            if role_of_key.setdefault(key_id, role) != role:
                faults.append(f"key {key_id} is in two roles, {role_of_key[key_id]} and {role}")
            person = name_skeleton(root.keys[key_id].person)
            if role != ROOT and role_of_person.setdefault(person, role) != role:
                roles = f"{role_of_person[person]} and {role}"
                faults.append(
                    f"key {key_id}: its person has two roles, {roles}; use a different person for each role"
                )
    return faults
