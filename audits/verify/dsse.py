"""Signed envelopes: content (payload) with its signatures, in a strict form of DSSE 1.0.2.

DSSE (Dead Simple Signing Envelope) is a standard. In the strict form, unknown fields are refused, base64 and JSON
must be canonical, and the id of a key is derived from the key. Therefore two programs cannot read different content
from the same envelope.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from audits.core.errors import VerifyError
from audits.core.strictjson import JsonError, parse_canonical
from audits.verify.publickeys import KEYID_HEX, SIGNATURE_BYTES, is_signed, keyid

MAX_ENVELOPE_BYTES = 4 << 20
MAX_SIGNATURES = 16
_KEYID = re.compile(rf"[0-9a-f]{{{KEYID_HEX}}}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope, whose signatures are not yet verified."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]  # (keyid, 64 bytes); no keyid occurs twice


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a signature covers: `"DSSEv1 4 type 7 payload"`, where each number is a length in bytes.

    Reference: DSSE v1.0.2, protocol.md, "Signature Definition" (pre-authentication encoding, PAE).
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(data: bytes) -> Envelope:
    """Parse an envelope; raise VerifyError if it is not canonical JSON (E_JSON) or is invalid (E_ENVELOPE)."""
    if len(data) > MAX_ENVELOPE_BYTES:
        raise VerifyError("E_ENVELOPE", f"the envelope is larger than {MAX_ENVELOPE_BYTES} bytes")
    try:
        value = parse_canonical(data)
    except JsonError as error:
        raise VerifyError("E_JSON", f"the envelope cannot be read: {error.message}") from None
    _check_fields(value, {"payload": str, "payloadType": str, "signatures": tuple}, "envelope")
    signatures = value["signatures"]
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        problem = f"the envelope has {len(signatures)} signatures, expected 1 to {MAX_SIGNATURES}"
        raise VerifyError("E_ENVELOPE", problem)
    parsed = tuple(_signature(item) for item in signatures)
    if len({key_id for key_id, _ in parsed}) != len(parsed):
        raise VerifyError("E_ENVELOPE", "the envelope has two signatures with the same keyid")
    return Envelope(value["payloadType"], _unb64(value["payload"], "payload"), parsed)


def signers(envelope: Envelope, keys: dict[str, bytes]) -> tuple[str, ...]:
    """Return the ids of the keys that signed an envelope; raise VerifyError (E_SIG) if a signature is not accepted.

    `keys` contains the raw public key of each allowed signer, by key id.
    """
    message = pae(envelope.payload_type, envelope.payload)
    for key_id, signature in envelope.signatures:
        public = keys.get(key_id)
        if public is None:
            raise VerifyError("E_SIG", f"the trust root does not allow key {key_id} to sign files of this kind")
        if keyid(public) != key_id or not is_signed(public, signature, message):
            raise VerifyError("E_SIG", f"the signature of key {key_id} is not valid for the content")
    return tuple(key_id for key_id, _ in envelope.signatures)


def _signature(item: Any) -> tuple[str, bytes]:
    _check_fields(item, {"keyid": str, "sig": str}, "signature")
    if not _KEYID.fullmatch(item["keyid"]):
        raise VerifyError("E_ENVELOPE", f"a keyid must have {KEYID_HEX} hex digits")
    signature = _unb64(item["sig"], "signature")
    if len(signature) != SIGNATURE_BYTES:
        raise VerifyError("E_ENVELOPE", f"a signature has {len(signature)} bytes, expected {SIGNATURE_BYTES}")
    return item["keyid"], signature


def _check_fields(value: Any, types: dict[str, type], what: str) -> None:
    if not isinstance(value, dict) or set(value) != set(types):
        raise VerifyError("E_ENVELOPE", f"the {what} must have exactly the fields {', '.join(sorted(types))}")
    for name, kind in types.items():
        if type(value[name]) is not kind:
            raise VerifyError("E_ENVELOPE", f"field {name} of the {what} has the wrong type")


def b64(data: bytes) -> str:
    """Return bytes in canonical standard base64."""
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise VerifyError("E_ENVELOPE", f"the {what} is not base64") from None
    if b64(data) != text:  # "e31=" and "e30=" decode to the same bytes
        raise VerifyError("E_ENVELOPE", f"the {what} is not in canonical base64")
    return data
