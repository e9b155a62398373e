import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import VerifyError
from audits.core.strictjson import canonical, parse
from audits.verify.dsse import MAX_ENVELOPE_BYTES, Envelope, pae, parse_envelope, signers
from audits.verify.publickeys import keyid
from synthgen.release.sign import sign

KEY = Ed25519PrivateKey.from_private_bytes(b"7" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"8" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
KEYS = {keyid(PUBLIC): PUBLIC}


@pytest.mark.parametrize(
    ("kind", "body", "encoded"),
    [
        ("http://example.com/HelloWorld", b"hello world", b"29 http://example.com/HelloWorld 11 hello world"),
        ("té", "é".encode(), b"3 t\xc3\xa9 2 \xc3\xa9"),
    ],
)
def test_pae_of_the_standard_counts_bytes(kind, body, encoded):
    assert pae(kind, body) == b"DSSEv1 " + encoded


@given(st.text(st.characters(codec="utf-8")), st.binary(), st.text(st.characters(codec="utf-8")), st.binary())
def test_law_pae_is_injective(kind, body, other_kind, other_body):
    assert (pae(kind, body) == pae(other_kind, other_body)) == ((kind, body) == (other_kind, other_body))


@given(st.text(st.characters(codec="utf-8")), st.binary())
def test_signature_is_valid_only_for_its_envelope(kind, body):
    envelope = parse_envelope(sign(kind, body, [KEY]))
    assert (envelope.payload_type, envelope.payload) == (kind, body)
    assert signers(envelope, KEYS) == tuple(KEYS)
    for changed in ((kind + "x", body), (kind, body + b"x")):
        with pytest.raises(VerifyError, match="E_SIG"):
            signers(Envelope(*changed, envelope.signatures), KEYS)


def broken(**changes):
    return canonical({**parse(sign("t", b"body", [KEY])), **changes})


def signature(**changes):
    return broken(signatures=[{**parse(sign("t", b"body", [KEY]))["signatures"][0], **changes}])


GOOD = parse(sign("t", b"body", [KEY]))
CASES = {
    "21-no-signatures": broken(signatures=[]),
    "43-non-canonical-base64": broken(payload="e31="),
    "46-truncated": sign("t", b"body", [KEY])[:-9],
    "47-payload-not-text": broken(payload=7),
    "48-bad-base64": broken(payload="a*b="),
    "48-url-safe-base64": broken(payload=base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode()),
    "48-base64-with-space": broken(payload="Ym9k eQ=="),
    "48-not-ascii": broken(payload="é"),
    "49-too-large": b" " * (MAX_ENVELOPE_BYTES + 1),
    "50-extra-field": broken(extra=1),
    "51-extra-signature-field": signature(cert="x"),
    "52-keyid-twice": broken(signatures=[*GOOD["signatures"], *GOOD["signatures"]]),
    "17-signatures": broken(signatures=[GOOD["signatures"][0]] * 17),
    "keyid-short": signature(keyid="abc"),
    "keyid-capital": signature(keyid=next(iter(KEYS)).upper()),
    "keyid-number": signature(keyid=1),
    "signature-short": signature(sig=base64.b64encode(b"x" * 63).decode()),
    "signature-text": broken(signatures=["x"]),
    "list": b"[]",
    "list-of-the-fields": canonical(["payload", "payloadType", "signatures"]),
    "signature-list-of-the-fields": broken(signatures=[["keyid", "sig"]]),
    "space-before": b" " + sign("t", b"body", [KEY]),
    "22-duplicate-key": b'{"payload":"","payload":"","payloadType":"t","signatures":[]}',
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_envelopes_outside_the_profile_are_refused(case):
    with pytest.raises(VerifyError, match=r"E_ENVELOPE|E_JSON"):
        parse_envelope(CASES[case])


def test_valid_envelope_that_is_too_large_is_refused():
    with pytest.raises(VerifyError, match="E_ENVELOPE the envelope is larger than"):
        parse_envelope(sign("t", bytes(MAX_ENVELOPE_BYTES), [KEY]))


def test_bad_unknown_and_renamed_signatures_are_refused():
    two = parse_envelope(sign("t", b"body", [KEY, OTHER]))
    with pytest.raises(VerifyError, match="does not allow"):
        signers(two, KEYS)
    public = OTHER.public_key().public_bytes_raw()
    assert len(signers(two, {**KEYS, keyid(public): public})) == 2
    renamed = parse_envelope(signature(keyid="0" * 16))
    for envelope, keys in ((two, {**KEYS, keyid(public): PUBLIC}), (renamed, {"0" * 16: PUBLIC})):
        with pytest.raises(VerifyError, match=r"E_SIG .*is not valid for the content"):
            signers(envelope, keys)
