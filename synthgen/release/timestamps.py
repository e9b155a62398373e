"""Request and attach RFC 3161 timestamps, which prove that a signature existed at a certified time."""

from datetime import datetime
from pathlib import Path

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.verify import timestamps
from audits.verify.dsse import MAX_ENVELOPE_BYTES, Envelope, parse_envelope
from audits.verify.trust import TrustRoot
from synthgen.core.errors import DataError, DependencyError
from synthgen.core.files import read_bytes
from synthgen.release.keys import write_new


def request_timestamp(envelope: Path, request: Path) -> None:
    """Write a request (TimeStampReq) for the sha256 of an envelope's signatures; `openssl ts -reply` can answer it.

    `envelope` is `attestation/release.dsse.json` of a bundle, or the file of an approval; `request` must not exist.

    Raise DependencyError if rfc3161-client is not installed, DataError if `envelope` is not an envelope, and
    StorageError if `envelope` cannot be read, or if `request` exists or cannot be written.

    Privacy: the authority receives only a digest of the signatures.
    """
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError:
        hint = f"Install it: {timestamps.INSTALL}."
        raise DependencyError("a timestamp needs the package rfc3161-client", hint=hint) from None
    data = timestamps.signature_bytes(_envelope(envelope))
    builder = TimestampRequestBuilder(data=data, hash_algorithm=HashAlgorithm.SHA256)
    # The request has no nonce, because a response to an earlier request for the same signatures is also proof.
    # `attach_timestamp` refuses a response with a nonce.
    write_new(request, builder.nonce(nonce=False).build().as_bytes(), 0o644)


def attach_timestamp(envelope: Path, response: Path, *, trust: TrustRoot, now: datetime) -> tuple[Path, datetime]:
    """Check the response (TimeStampResp, DER) of an authority, and write the timestamp beside the envelope.

    The written file contains only the signed part of the response and the authority's certificates (see
    `audits.verify.timestamps.reduced`). Return the path of this file and the certified time.

    Raises:
        DataError: the response is not a timestamp of this envelope by an authority of the trust root, does not have
            the accepted form, or states a time in the future; the envelope is malformed; or rfc3161-client is not
            installed.
        StorageError: a file cannot be read, or the envelope already has a timestamp.
    """
    token = read_bytes(response)
    if len(token) > timestamps.MAX_TOKEN_BYTES:
        raise DataError(
            f"{response}: is larger than {timestamps.MAX_TOKEN_BYTES} bytes, so it is not a timestamp response"
        )
    try:
        token = timestamps.reduced(token, trust.authorities)
        time = timestamps.trusted_time(token, timestamps.signature_bytes(_envelope(envelope)), trust.authorities)
    except VerifyError as error:
        raise DataError(f"{response}: cannot be attached as a timestamp", problems=[error.message]) from None
    if time > now + timestamps.MAX_SKEW:
        raise DataError(f"{response}: the timestamp states the time {stamp(time)}, which is in the future")
    path = envelope.with_name(timestamps.token_of(envelope.name))
    write_new(path, token, 0o644)
    return path, time


def _envelope(path: Path) -> Envelope:
    try:
        return parse_envelope(read_bytes(path, MAX_ENVELOPE_BYTES))
    except VerifyError as error:
        hint = "Pass attestation/release.dsse.json of a bundle, or the file of an approval."
        raise DataError(f"{path}: is not an envelope of signatures", problems=[error.message], hint=hint) from None
