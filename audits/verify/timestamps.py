"""When a signature was made, said by an authority that the verifier trusts: RFC 3161 tokens beside the envelopes.

Of `release.dsse.json` the token is `release.tsr`. It covers the bytes of all signatures of its envelope, one after
another, so with one signature those 64 bytes; a signature added later has no trusted time. A key that signed at a
trusted time need not be valid any more: at that time it was valid and not revoked.

Source: RFC 3161; the token is checked by rfc3161-client, so that no ASN.1 is read here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.verify.authorities import authority
from audits.verify.dsse import Envelope
from audits.verify.tree import Tree
from audits.verify.trust import TrustRoot

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_TOKEN_BYTES = 1 << 16
MAX_SKEW = timedelta(minutes=5)
INSTALL = "pip install 'rfc3161-client>=1.0.6'"
_ENVELOPE, _TOKEN = ".dsse.json", ".tsr"


@dataclass(frozen=True, slots=True)
class SignedFile:
    """An envelope whose signatures were found good.

    Args:
        name: of its file in the bundle.
        keys: ids of the keys that signed.
        message: what its token covers.
        created: when its statement says that it was made.
    """

    name: str
    keys: tuple[str, ...]
    message: bytes
    created: datetime


def token_of(envelope: str) -> str:
    """Return the name of the token of an envelope's file."""
    return envelope.removesuffix(_ENVELOPE) + _TOKEN


def envelope_of(token: str) -> str | None:
    """Return the name of the envelope that a token's name belongs to, or None for any other name."""
    return token.removesuffix(_TOKEN) + _ENVELOPE if token.endswith(_TOKEN) else None


def signature_bytes(envelope: Envelope) -> bytes:
    """Return what a token of an envelope covers: its signatures, 64 bytes each, in their order."""
    return b"".join(signature for _, signature in envelope.signatures)


def trusted_time(token: bytes, message: bytes, authorities: tuple[str, ...]) -> datetime:
    """Return when a message was there at the latest: the time that a token states, and its accuracy.

    Args:
        token: the answer of an authority that one of `authorities` vouches for, DER.
        message: what must have been stamped.
        authorities: certificates of the trust root.

    Raises:
        VerifyError: E_TSA, also where rfc3161-client is not installed, for then nobody can tell.
    """
    try:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError:
        raise VerifyError("E_TSA", f"a timestamp cannot be checked without rfc3161-client: {INSTALL}") from None
    if len(authorities) == 0:
        raise VerifyError(
            "E_TSA", "there is a timestamp, and the trust root names no authority that could vouch for it"
        )
    verifier = VerifierBuilder(roots=[authority(text) for text in authorities]).build()
    try:
        response = decode_timestamp_response(token)
        verifier.verify_message(response, message)
        return _time(response)
    except (VerificationError, ValueError, OverflowError) as error:
        said = str(error).partition(":")[0]
        raise VerifyError("E_TSA", f"the timestamp does not hold for this signature: {said}") from None


def check_signed(tree: Tree, root: TrustRoot, signed: SignedFile, *, now: datetime, required: bool) -> str:
    """Refuse a signature whose keys were not valid at its trusted time, or without one are not valid now.

    Args:
        tree: the bundle.
        root: the trust root.
        signed: the envelope.
        now: the time to judge at.
        required: whether the policy asks for a trusted time.

    Returns:
        When it was signed, or that nobody says so.

    Raises:
        VerifyError: E_TSA, E_REVOKED or E_KEY_EXPIRED.
    """
    name = token_of(signed.name)
    if name not in tree.files:
        if required:
            hint = "have it stamped (`synthgen timestamp`)"
            raise VerifyError("E_TSA", f"{name}: the policy asks for a trusted timestamp, and there is none; {hint}")
        for key in signed.keys:
            root.check_key(key, now)
        return "no trusted time"
    try:
        time = trusted_time(tree.read(name, MAX_TOKEN_BYTES), signed.message, root.authorities)
        _check_order(time, signed.created, now)
    except VerifyError as error:
        raise VerifyError("E_TSA", f"{name}: {error.message.removeprefix('E_TSA ')}") from None
    for key in signed.keys:
        root.check_key(key, time)
    return f"signed by {stamp(time)}"


def _check_order(time: datetime, created: datetime, now: datetime) -> None:
    if time + MAX_SKEW < created:
        raise VerifyError("E_TSA", "stamped before its statement says that it was made")
    if time > now + MAX_SKEW:
        raise VerifyError("E_TSA", "stamped in the future")


def _time(response: "TimeStampResponse") -> datetime:
    info = response.tst_info
    accuracy = timedelta(0)
    if info.accuracy is not None:
        accuracy = timedelta(
            seconds=info.accuracy.seconds or 0,
            milliseconds=info.accuracy.millis or 0,
            microseconds=info.accuracy.micros or 0,
        )
    return info.gen_time + accuracy
