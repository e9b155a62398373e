"""Timestamps of RFC 3161 for releases and approvals, in two steps: the authority may be on another machine."""

from datetime import datetime
from pathlib import Path

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.verify.dsse import MAX_ENVELOPE_BYTES, Envelope, parse_envelope
from audits.verify.timestamps import INSTALL, MAX_SKEW, MAX_TOKEN_BYTES, signature_bytes, token_of, trusted_time
from audits.verify.trust import TrustRoot
from synthgen.core.errors import DataError, DependencyError, StorageError
from synthgen.release.keys import write_new


def request_timestamp(envelope: Path, request: Path) -> None:
    """Write what an authority is asked: the sha256 of an envelope's signatures, as a TimeStampReq.

    Args:
        envelope: `attestation/release.dsse.json` of a bundle, or one of its approvals.
        request: the file to write, for `openssl ts -reply -queryfile`; must not exist.

    Raises:
        DependencyError: rfc3161-client is not installed.
        DataError: the file is no envelope.
        StorageError: it cannot be read, or the request exists or cannot be written.

    Privacy: the authority learns a digest of signatures and nothing of what was signed.
    """
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError:
        raise DependencyError("a timestamp needs rfc3161-client", hint=INSTALL) from None
    builder = TimestampRequestBuilder(data=signature_bytes(_envelope(envelope)), hash_algorithm=HashAlgorithm.SHA256)
    write_new(request, builder.nonce(nonce=False).build().as_bytes(), 0o644)  # a token of it again is as good


def attach_timestamp(envelope: Path, response: Path, *, trust: TrustRoot, now: datetime) -> tuple[Path, datetime]:
    """Check an authority's answer and put it beside the envelope; return where, and the time it states.

    Args:
        envelope: that the request was made of.
        response: the authority's answer, a TimeStampResp in DER.
        trust: names the authorities.
        now: the clock.

    Raises:
        DataError: the answer is not of a trusted authority over this envelope, or speaks of the future.
        StorageError: a file cannot be read, or the envelope has a token already.
    """
    try:
        with response.open("rb") as file:
            token = file.read(MAX_TOKEN_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{response}: cannot be read ({error.strerror})") from error
    if len(token) > MAX_TOKEN_BYTES:
        raise DataError(f"{response}: larger than {MAX_TOKEN_BYTES} bytes, so no timestamp")
    try:
        time = trusted_time(token, signature_bytes(_envelope(envelope)), trust.authorities)
    except VerifyError as error:
        raise DataError(f"{response}: cannot be attached", problems=[error.message]) from None
    if time > now + MAX_SKEW:
        raise DataError(f"{response}: states the time {stamp(time)}, which is in the future")
    path = envelope.with_name(token_of(envelope.name))
    write_new(path, token, 0o644)
    return path, time


def _envelope(path: Path) -> Envelope:
    try:
        with path.open("rb") as file:
            return parse_envelope(file.read(MAX_ENVELOPE_BYTES + 1))
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})") from error
    except VerifyError as error:
        raise DataError(f"{path}: is no envelope of signatures", problems=[error.message]) from None
