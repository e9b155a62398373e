"""Trusted times of signatures: RFC 3161 tokens of timestamp authorities in the trust root.

The token `release.tsr` belongs to the envelope `release.dsse.json`. It covers the concatenated signatures of the
envelope (64 bytes each), so a signature added later has no trusted time. A key that signed at a trusted time may have
expired or been revoked since; it must have been valid at that time. The package rfc3161-client checks the token.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.verify.dsse import Envelope
from audits.verify.tree import Tree
from audits.verify.trust import TrustRoot, authority

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_TOKEN_BYTES = 1 << 16
MAX_SKEW = timedelta(minutes=5)
INSTALL = "pip install 'rfc3161-client>=1.0.6'"
_ENVELOPE, _TOKEN = ".dsse.json", ".tsr"


@dataclass(frozen=True, slots=True)
class SignedFile:
    """An envelope with valid signatures: its file name, the ids of its keys, and the creation time in its statement.

    `message` are the bytes that its token covers.
    """

    name: str
    keys: tuple[str, ...]
    message: bytes
    created: datetime


def token_of(envelope: str) -> str:
    """Return the file name of an envelope's token."""
    return envelope.removesuffix(_ENVELOPE) + _TOKEN


def envelope_of(token: str) -> str | None:
    """Return the file name of a token's envelope, or None if the name is not that of a token."""
    return token.removesuffix(_TOKEN) + _ENVELOPE if token.endswith(_TOKEN) else None


def signature_bytes(envelope: Envelope) -> bytes:
    """Return the bytes that an envelope's token covers: its signatures, 64 bytes each, in order."""
    return b"".join(signature for _, signature in envelope.signatures)


def trusted_time(token: bytes, message: bytes, authorities: tuple[str, ...]) -> datetime:
    """Return the latest time at which a message can have been stamped: the time in the token plus its accuracy.

    One of the authorities, which are certificates in the trust root, must certify the signer of the token (DER).

    Raises:
        VerifyError: E_TSA if the token is invalid or rfc3161-client is not installed.
    """
    try:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError:
        raise VerifyError("E_TSA", f"a timestamp cannot be checked without rfc3161-client: {INSTALL}") from None
    if len(authorities) == 0:
        raise VerifyError("E_TSA", "the trust root names no timestamp authority to check the timestamp with")
    verifier = VerifierBuilder(roots=[authority(text) for text in authorities]).build()
    try:
        response = decode_timestamp_response(token)
        verifier.verify_message(response, message)
        return _time(response)
    except (VerificationError, ValueError, OverflowError) as error:
        reason = str(error).partition(":")[0]
        raise VerifyError("E_TSA", f"the timestamp is not valid for this signature: {reason}") from None


def check_signed(tree: Tree, root: TrustRoot, signed: SignedFile, *, now: datetime, required: bool) -> str:
    """Return a line with the trusted time of a signature, or that there is none, after a check of its keys.

    The keys must be valid at the trusted time; without one, at `now`.

    Raises:
        VerifyError: E_TSA, also if a required timestamp is missing; E_REVOKED or E_KEY_EXPIRED for an invalid key.
    """
    name = token_of(signed.name)
    if name not in tree.files:
        if required:
            raise VerifyError("E_TSA", f"{name}: the policy requires a timestamp: run `synthgen timestamp`")
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
    return f"signed by {stamp(time)}"


def _time(response: "TimeStampResponse") -> datetime:
    time, accuracy = response.tst_info.gen_time, response.tst_info.accuracy
    if accuracy is None:
        return time
    seconds, millis, micros = accuracy.seconds or 0, accuracy.millis or 0, accuracy.micros or 0
    return time + timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)
