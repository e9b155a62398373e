"""Signed envelopes: DSSE 1.0.2 in a closed profile.

Stricter than the standard on purpose: no unknown fields, standard base64 in its one spelling, canonical JSON
around it, and a keyid that is always the key's own. Fewer spellings mean fewer ways for two readers to differ.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from audits.core.errors import VerifyError
from audits.core.strictjson import JsonError, parse_canonical
from audits.verify.ed25519 import KEYID_HEX, SIGNATURE_BYTES, keyid
from audits.verify.publickeys import is_signed

MAX_ENVELOPE_BYTES = 4 << 20
MAX_SIGNATURES = 16
_KEYID = re.compile(rf"[0-9a-f]{{{KEYID_HEX}}}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope; nothing in it is trusted yet.

    Args:
        payload_type: what the payload claims to be.
        payload: the signed bytes, opaque until a signature of a trusted key was found good.
        signatures: (keyid, 64 signature bytes), keyids distinct.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed; lengths count bytes, not characters.

        PAE(type, body) = "DSSEv1" + SP + LEN(type) + SP + type + SP + LEN(body) + SP + body

    Source: DSSE v1.0.2, protocol.md, "Signature Definition".
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(data: bytes) -> Envelope:
    """Return the envelope that `data` holds.

    Raises:
        VerifyError: E_ENVELOPE for anything outside the closed profile, E_JSON where it is not canonical JSON.
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise VerifyError("E_ENVELOPE", f"larger than {MAX_ENVELOPE_BYTES} bytes")
    try:
        value = parse_canonical(data)
    except JsonError as error:
        raise VerifyError("E_JSON", error.message) from None
    _fields(value, {"payload": str, "payloadType": str, "signatures": tuple}, "envelope")
    signatures = value["signatures"]
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise VerifyError("E_ENVELOPE", f"{len(signatures)} signatures, expected 1 to {MAX_SIGNATURES}")
    parsed = tuple(_signature(item) for item in signatures)
    if len({name for name, _ in parsed}) != len(parsed):
        raise VerifyError("E_ENVELOPE", "one keyid signs twice")
    return Envelope(value["payloadType"], _unb64(value["payload"], "payload"), parsed)


def signers(envelope: Envelope, keys: dict[str, bytes]) -> tuple[str, ...]:
    """Return the keyids that signed; every signature of the envelope must be good and of a key in `keys`.

    Args:
        envelope: parsed.
        keys: keyid to raw public key, of the role that may sign.

    Raises:
        VerifyError: E_SIG for an unknown key or a bad signature; one bad signature spoils the envelope.
    """
    message = pae(envelope.payload_type, envelope.payload)
    for name, signature in envelope.signatures:
        public = keys.get(name)
        if public is None:
            raise VerifyError("E_SIG", f"signed by key {name}, which the trust root does not allow to sign this")
        if keyid(public) != name or not is_signed(public, signature, message):
            raise VerifyError("E_SIG", f"the signature of key {name} does not fit the content")
    return tuple(name for name, _ in envelope.signatures)


def _signature(item: Any) -> tuple[str, bytes]:
    _fields(item, {"keyid": str, "sig": str}, "signature")
    if not _KEYID.fullmatch(item["keyid"]):
        raise VerifyError("E_ENVELOPE", f"a keyid is not {KEYID_HEX} hex digits")
    signature = _unb64(item["sig"], "signature")
    if len(signature) != SIGNATURE_BYTES:
        raise VerifyError("E_ENVELOPE", f"a signature has {len(signature)} bytes, expected {SIGNATURE_BYTES}")
    return item["keyid"], signature


def _fields(value: Any, wanted: dict[str, type], what: str) -> None:
    if not isinstance(value, dict) or set(value) != set(wanted):
        raise VerifyError("E_ENVELOPE", f"the {what} must have exactly the fields {', '.join(sorted(wanted))}")
    for name, kind in wanted.items():
        if type(value[name]) is not kind:
            raise VerifyError("E_ENVELOPE", f"field {name} of the {what} has the wrong type")


def b64(data: bytes) -> str:
    """Return standard base64 in its one spelling."""
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise VerifyError("E_ENVELOPE", f"the {what} is not base64") from None
    if b64(data) != text:  # "e31=" and "e30=" decode to the same bytes
        raise VerifyError("E_ENVELOPE", f"the {what} is not in canonical base64")
    return data
