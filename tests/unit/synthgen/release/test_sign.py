from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.verify.dsse import parse_envelope, signers
from audits.verify.publickeys import keyid
from synthgen.release.sign import public_bytes, sign


def test_envelope_has_a_valid_signature_of_every_key():
    keys = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2)]
    public = {keyid(raw): raw for raw in map(public_bytes, keys)}
    envelope = parse_envelope(sign("a type", b"body", keys))
    assert (envelope.payload, set(signers(envelope, public))) == (b"body", set(public))
