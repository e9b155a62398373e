"""Check when a file was signed, by means of a timestamp (RFC 3161) from an authority.

The trust root is a file with the keys and timestamp authorities that the verifier accepts. The timestamp (token)
`release.tsr` belongs to the signed file (envelope) `release.dsse.json`. An authority of the trust root states the
time in the token, so this time is trusted. A token covers all signatures of its envelope, so it becomes invalid if a
signature is added. A signature is accepted if its key was valid at the trusted time, even if the key expired or was
revoked later.

Anyone can change the parts of a token that are not signed, such as a status text. Therefore a bundle may contain a
token only in a fixed form without these parts (`reduced`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.verify.dsse import Envelope
from audits.verify.tree import Tree
from audits.verify.trust import TrustRoot, authority

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_TOKEN_BYTES = 1 << 16
MAX_SKEW = timedelta(minutes=5)  # largest accepted difference between two clocks
INSTALL = "pip install 'rfc3161-client>=1.0.6'"
_ENVELOPE, _TOKEN = ".dsse.json", ".tsr"  # endings of file names
# tags of DER elements
_BOOLEAN, _INTEGER, _OCTETS, _SEQUENCE, _SET, _FIELD_0, _FIELD_1 = 0x01, 0x02, 0x04, 0x30, 0x31, 0xA0, 0xA1
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")  # object identifier of signed data, in DER
_TIMESTAMP = bytes.fromhex("060b2a864886f70d0109100104")  # object identifier of a timestamp, in DER
# object identifiers of the accepted algorithms for digests (SHA-2) and signatures (RSA, ECDSA), in DER
_SHA2 = ("0609608648016503040201", "0609608648016503040202", "0609608648016503040203")
_RSA = ("06092a864886f70d010101", "06092a864886f70d01010b", "06092a864886f70d01010c", "06092a864886f70d01010d")
_ECDSA = ("06082a8648ce3d040302", "06082a8648ce3d040303", "06082a8648ce3d040304")
_PARAMETERS = dict.fromkeys(map(bytes.fromhex, (*_SHA2, *_RSA)), b"\x05\0") | dict.fromkeys(
    map(bytes.fromhex, _ECDSA), b""
)  # object identifier of an accepted algorithm -> parameters of the algorithm (NULL or none); both in DER


@dataclass(frozen=True, slots=True)
class SignedFile:
    """An envelope with valid signatures."""

    name: str  # file name
    keys: tuple[str, ...]  # ids of the keys that signed
    message: bytes  # the bytes that the token of this file covers (`signature_bytes`)
    created: datetime  # creation time that the signed statement gives


def token_of(envelope: str) -> str:
    """Return the file name of an envelope's token."""
    return envelope.removesuffix(_ENVELOPE) + _TOKEN


def envelope_of(token: str) -> str | None:
    """Return the file name of a token's envelope, or None if `token` is not the file name of a token."""
    return token.removesuffix(_TOKEN) + _ENVELOPE if token.endswith(_TOKEN) else None


def signature_bytes(envelope: Envelope) -> bytes:
    """Return the bytes that an envelope's token covers: its signatures, 64 bytes each, in order."""
    return b"".join(signature for _, signature in envelope.signatures)


def trusted_time(token: bytes, message: bytes, authorities: tuple[str, ...]) -> datetime:
    """Return the latest possible time of a timestamp: the time in the token plus its accuracy.

    The token (DER) must cover the message. One of the `authorities` (certificates in base64) must certify the signer
    of the token.

    Raises:
        VerifyError: E_TSA if the token is invalid, `authorities` is empty, or rfc3161-client is not installed.
    """
    try:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError:
        raise VerifyError(
            "E_TSA", f"a timestamp cannot be checked, because rfc3161-client is not installed: {INSTALL}"
        ) from None
    if len(authorities) == 0:
        problem = "the trust root names no timestamp authority, so the timestamp cannot be checked"
        raise VerifyError(
            "E_TSA", f"{problem}; its owner can add one with the option --authority of `synthgen trust`"
        )
    verifier = VerifierBuilder(roots=[authority(text) for text in authorities]).build()
    try:
        response = decode_timestamp_response(token)
        verifier.verify_message(response, message)
        time = _time(response)
    except (VerificationError, ValueError, OverflowError) as error:
        reason = str(error).partition(":")[0]
        raise VerifyError(
            "E_TSA", f"the timestamp is not valid for the signatures of the file that it belongs to: {reason}"
        ) from None
    if token != reduced(token, authorities):
        problem = "the timestamp contains data that no signature covers"
        raise VerifyError(
            "E_TSA", f"{problem}; attach the authority's response again with `synthgen timestamp attach`"
        )
    return time


def reduced(token: bytes, authorities: tuple[str, ...]) -> bytes:
    """Return a token in the only accepted form, without the data that no signature covers.

    This form has no status text, no unsigned attributes and no revocation lists. Its certificates, sorted by their
    bytes, lead from the signer to an authority of the trust root, whose own certificate is omitted.

    Raises:
        VerifyError: E_TSA if the token is not DER, has an unexpected structure or algorithm, or contains a nonce or
            extensions, whose bytes the requester chooses.
    """
    try:
        _, content = _inside(token, _SEQUENCE)
        _, field = _inside(content, _SEQUENCE)
        (signed,) = _inside(field, _FIELD_0)
        _, _, info, *others, signers = _inside(signed, _SEQUENCE)
        certificates = [der for other in others if other[0] == _FIELD_0 for der in _inside(other, _FIELD_0)]
        (signer,) = _inside(signers, _SET)
        signed_fields = [field for field in _inside(signer, _SEQUENCE) if field[0] != _FIELD_1]
        _, identity, digest, attributes, algorithm, signature = signed_fields
        digest = _algorithm(digest)
        parts = (_element(_INTEGER, b"\1"), identity, digest, _checked(attributes), _algorithm(algorithm), signature)
        chain = _chain(certificates, identity, authorities)
        stated = _content(info)
    except (ValueError, InvalidSignature):
        reason = (
            "it has an unexpected structure or algorithm, or its certificates do not lead to a timestamp authority "
            "of the trust root"
        )
        raise VerifyError("E_TSA", f"the timestamp cannot be used: {reason}") from None
    data = (
        _element(_INTEGER, b"\3"),
        _element(_SET, digest),
        stated,
        _element(_FIELD_0, *sorted(chain)),
        _element(_SET, _element(_SEQUENCE, *parts)),
    )
    signed_data = _element(_FIELD_0, _element(_SEQUENCE, *data))
    status = _element(_SEQUENCE, _element(_INTEGER, b"\0"))
    return _element(_SEQUENCE, status, _element(_SEQUENCE, _SIGNED_DATA, signed_data))


def check_signed(tree: Tree, root: TrustRoot, signed: SignedFile, *, now: datetime, required: bool) -> str:
    """Check the keys of a signed file, and return one line about its trusted time.

    The keys must be valid at the trusted time, or at `now` if the file has no timestamp.

    Raises:
        VerifyError: E_TSA if the timestamp is invalid, or `required` but missing. E_REVOKED or E_KEY_EXPIRED if a key
            is not valid.
    """
    name = token_of(signed.name)
    if name not in tree.files:
        if required:
            remedy = "run `synthgen timestamp request` and `synthgen timestamp attach`"
            raise VerifyError("E_TSA", f"{name}: missing, but the policy requires a timestamp; {remedy}")
        for key in signed.keys:
            root.check_key(key, now)
        return "no trusted time"
    try:
        time = trusted_time(tree.read(name, MAX_TOKEN_BYTES), signed.message, root.authorities)
    except VerifyError as error:
        raise VerifyError("E_TSA", f"{name}: {error.message.removeprefix('E_TSA ')}") from None
    if time + MAX_SKEW < signed.created:
        raise VerifyError("E_TSA", f"{name}: the timestamp is earlier than the creation time in the statement")
    if time > now + MAX_SKEW:
        raise VerifyError("E_TSA", f"{name}: the timestamp is in the future; check the clock of this computer")
    for key in signed.keys:
        root.check_key(key, time)
    return f"signed not later than {stamp(time)}"


def _time(response: "TimeStampResponse") -> datetime:
    time, accuracy = response.tst_info.gen_time, response.tst_info.accuracy
    if accuracy is None:
        return time
    seconds, millis, micros = accuracy.seconds or 0, accuracy.millis or 0, accuracy.micros or 0
    return time + timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _content(info: bytes) -> bytes:
    """Return the part of a token that states the time, in the accepted form.

    Raise VerifyError (E_TSA) if it has a nonce or extensions, and ValueError if its structure is unexpected.
    """
    _, field = _inside(info, _SEQUENCE)
    (octets,) = _inside(field, _FIELD_0)
    (stated,) = _inside(octets, _OCTETS)
    _, _, imprint, _, _, *others = _inside(stated, _SEQUENCE)
    algorithm, _ = _inside(imprint, _SEQUENCE)
    if algorithm not in {_algorithm(algorithm), _element(_SEQUENCE, _inside(algorithm, _SEQUENCE)[0])}:
        raise ValueError("the digest algorithm has parameters")
    if not {other[0] for other in others} <= {_SEQUENCE, _BOOLEAN, _FIELD_0}:  # accuracy, ordering, authority name
        message = "the timestamp has a nonce or extensions, whose content the requester chooses"
        raise VerifyError("E_TSA", f"{message}; request a new timestamp with `synthgen timestamp request`")
    return _element(_SEQUENCE, _TIMESTAMP, _element(_FIELD_0, octets))


def _checked(attributes: bytes) -> bytes:
    """Return the signed attributes unchanged; raise ValueError if one is not an identifier with a set of values."""
    for attribute in _inside(attributes, _FIELD_0):
        _, values = _inside(attribute, _SEQUENCE)
        _inside(values, _SET)
    return attributes


def _algorithm(algorithm: bytes) -> bytes:
    name = _inside(algorithm, _SEQUENCE)[0]
    if name not in _PARAMETERS:
        raise ValueError("unexpected algorithm")
    return _element(_SEQUENCE, name, _PARAMETERS[name])


def _chain(certificates: Sequence[bytes], identity: bytes, authorities: tuple[str, ...]) -> list[bytes]:
    """Return the certificates (DER) on the shortest path from an authority to the signer, without the authority."""
    chains = [[authority(text)] for text in authorities]
    unused = [x509.load_der_x509_certificate(der) for der in sorted(set(certificates))]
    for chain in chains:  # the list grows in the loop
        for certificate in [candidate for candidate in unused if _is_issued(candidate, chain[-1])]:
            longer = [*chain, certificate]
            if _identity(certificate) == identity:
                return [link.public_bytes(Encoding.DER) for link in longer[1:]]
            unused.remove(certificate)
            chains.append(longer)
    raise ValueError("no chain")


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):  # a different issuer, an unsupported key, an invalid signature
        return False
    return True


def _identity(certificate: x509.Certificate) -> bytes:
    _, serial, _, issuer, *_ = _inside(certificate.tbs_certificate_bytes, _SEQUENCE)  # as in IssuerAndSerialNumber
    return _element(_SEQUENCE, issuer, serial)


def _inside(element: bytes, tag: int) -> list[bytes]:
    """Return the DER elements inside `element`; raise ValueError unless it is one DER element with the tag `tag`."""
    if _elements(element) != [element] or element[0] != tag:
        raise ValueError("not one DER element with the expected tag")
    return _elements(element[_head_bytes(element) :])


def _elements(data: bytes) -> list[bytes]:
    """Return the DER elements of `data`, each with its tag and length; raise ValueError if the bytes are not DER."""
    found = []
    while data:
        head, size = _head_bytes(data), data[1]
        if head > 2:
            size = int.from_bytes(data[2:head], "big")
        element = data[: head + size]
        if element != _element(data[0], element[head:]):  # truncated, or the length is not in its shortest form
            raise ValueError("not DER")
        found.append(element)
        data = data[len(element) :]
    return found


def _head_bytes(data: bytes) -> int:  # number of bytes of tag and length
    if len(data) < 2:
        raise ValueError("not DER")
    return 2 + max(0, data[1] - 0x80)


def _element(tag: int, *parts: bytes) -> bytes:
    """Return the DER element with this tag and the joined parts as its content."""
    body = b"".join(parts)
    n = len(body)
    if n < 0x80:
        return bytes([tag, n]) + body
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body
