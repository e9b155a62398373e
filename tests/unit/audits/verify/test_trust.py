import base64

import pytest

from audits.core.errors import VerifyError
from audits.core.strictjson import canonical, parse
from audits.verify.publickeys import keyid
from audits.verify.trust import TRUST_PAYLOAD_TYPE, authority_text, fingerprint, load_trust, parse_trust, same_person
from audits.verify.trust import authority as read_authority
from synthgen.release.sign import sign


def plain(releases):
    value = parse(releases.root().to_bytes())
    return {**value, "roles": {k: dict(v) for k, v in value["roles"].items()}}


def add_key(value, role, key, **changes):
    value["keys"][key.keyid] = {**key.public.model_dump(), **changes}
    value["roles"][role] = {"keyids": [key.keyid], "threshold": 1}


def two_ids(value, r):  # 39
    value["keys"]["0" * 16] = value["keys"][r.RELEASER.keyid]


REVOKED = {"keyid": "0" * 16, "since": "2026-01-01T00:00:00Z", "reason": ""}


def small_order(value, r):  # 40
    public = (1).to_bytes(32, "little")
    value["keys"][keyid(public)] = {**r.OWNER.public.model_dump(), "public": public.hex()}


def roles(**changes):
    return lambda value, r: value["roles"].update({k: v(r) for k, v in changes.items()})


def owner(**changes):
    return lambda value, r: value["keys"][r.OWNER.keyid].update(changes)


def same_person_again(value, r):  # 34
    add_key(value, "auditor", r.UNTRUSTED, person=" r.  RELEASER ")


CASES = {
    "39-one-key-two-ids": (two_ids, "not derived"),
    "40-small-order": (small_order, "small order"),
    "34-one-person-two-roles": (same_person_again, "one person acts in two roles"),
    "55-free-id": (lambda v, r: v["keys"].update({"f" * 16: r.UNTRUSTED.public.model_dump()}), "not derived"),
    "56-threshold-0": (lambda v, r: v["roles"]["releaser"].update(threshold=0), "threshold"),
    "56-threshold-too-high": (lambda v, r: v["roles"]["releaser"].update(threshold=2), "above its number"),
    "57-key-in-two-roles": (roles(owner2=lambda r: {"keyids": [r.OWNER.keyid], "threshold": 1}), "in two roles"),
    "52-key-twice-in-role": (
        roles(releaser=lambda r: {"keyids": [r.RELEASER.keyid] * 2, "threshold": 1}),
        "is listed twice",
    ),
    "57-root-key-releases": (roles(root=lambda r: {"keyids": [r.RELEASER.keyid], "threshold": 1}), "in two roles"),
    "no-keys-in-role": (roles(releaser=lambda r: {"keyids": [], "threshold": 1}), "releaser.keyids"),
    "role-named-badly": (lambda v, r: v["roles"].update({"Owner": v["roles"]["data_owner"]}), "Owner"),
    "policy-named-badly": (lambda v, r: v["policies"].update({"a b": ["0" * 64]}), "a b"),
    "policy-without-digest": (lambda v, r: v["policies"].update(trial=[]), "policies.trial"),
    "policy-half-a-digest": (lambda v, r: v["policies"].update(trial=["0" * 32]), "policies.trial"),
    "ledger-twice": (lambda v, r: v.update(ledgers=[r.LEDGER, r.LEDGER]), "a ledger is listed twice"),
    "no-ledgers-id": (lambda v, r: v.update(ledgers=["l"]), "ledgers"),
    "no-name": (owner(person=""), "person"),
    "long-name": (owner(person="x" * 201), "person"),
    "long-institution": (owner(org="x" * 201), "org"),
    "id-cut": (lambda v, r: v["keys"].update(abc=r.UNTRUSTED.public.model_dump()), "abc"),
    "revoked-id-cut": (lambda v, r: v.update(revoked=[REVOKED | {"keyid": "abc"}]), "revoked.0.keyid"),
    "long-reason": (lambda v, r: v.update(revoked=[REVOKED | {"reason": "x" * 501}]), "revoked.0.reason"),
    "half-a-version": (lambda v, r: v.update(min_tool_version="1.2"), "min_tool_version"),
    "unknown-key": (roles(releaser=lambda r: {"keyids": ["0" * 16], "threshold": 1}), "unknown key"),
    "no-releaser": (lambda v, r: v["roles"].pop("releaser"), "no releaser"),
    "other-algorithm": (owner(alg="rsa"), "alg"),
    "reversed": (owner(valid_until="2020-01-01T00:00:00Z"), "ends before"),
    "unknown-field": (lambda v, r: v.update(note=1), "note"),
    "version-0": (lambda v, r: v.update(version=0), "version"),
    "capital-id": (
        lambda v, r: v["keys"].update({"A" * 16: r.UNTRUSTED.public.model_dump()}),
        "should match pattern",
    ),
    "capital-id-in-role": (roles(releaser=lambda r: {"keyids": ["A" * 16], "threshold": 1}), "should match pattern"),
    **{
        f"public-{i}": (owner(public=public), "should match pattern")
        for i, public in enumerate(("0" * 62, "04" + "0" * 64, "g" * 64, "A" * 64))
    },
    "root-unsigned": (lambda v, r: add_key(v, "root", r.UNTRUSTED), "must be signed"),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_invalid_roots_are_refused(case, releases):
    change, message = CASES[case]
    value = plain(releases)
    change(value, releases)
    with pytest.raises(VerifyError, match=message) as caught:
        parse_trust(canonical(value))
    assert caught.value.code == "E_TRUST"


def test_root_is_read_plain_or_signed_by_its_root_keys(releases, tmp_path):
    value = plain(releases)
    assert parse_trust(canonical(value)) == releases.root()
    add_key(value, "root", releases.UNTRUSTED)
    data = canonical(value)
    path = tmp_path / "trust.json"
    path.write_bytes(sign(TRUST_PAYLOAD_TYPE, data, [releases.UNTRUSTED.private]))
    assert load_trust(path).roles["root"].threshold == 1
    payloads = (releases.root().to_bytes(), b"{}", data + b" ")
    for wrong in (
        sign(TRUST_PAYLOAD_TYPE, data, [releases.OWNER.private]),
        sign("application/json", data, [releases.UNTRUSTED.private]),
        *(sign(TRUST_PAYLOAD_TYPE, payload, [releases.UNTRUSTED.private]) for payload in payloads),
        *(b'{"payload":1}', b"[]", b"\xff"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(VerifyError, match="E_TRUST"):
            load_trust(path)


def test_a_root_threshold_counts_persons_and_not_keys(releases):
    value = plain(releases)
    keys = [releases.signing_key("Root One"), releases.signing_key("Root One", 2), releases.signing_key("Root Two")]
    for key in keys:
        value["keys"][key.keyid] = key.public.model_dump()
    value["roles"]["root"] = {"keyids": [key.keyid for key in keys], "threshold": 2}
    data = canonical(value)
    with pytest.raises(VerifyError, match="fewer than 2 different persons"):
        parse_trust(sign(TRUST_PAYLOAD_TYPE, data, [key.private for key in keys[:2]]))
    parse_trust(sign(TRUST_PAYLOAD_TYPE, data, [key.private for key in keys[1:]]))


def test_fingerprint_and_names():
    assert fingerprint(b"").split()[0] == "e3b0c442"
    assert len(fingerprint(b"").split()) == 8
    assert same_person("Ｒ. releaser ") == same_person("R.  Releaser")


@pytest.mark.parametrize(("kind", "stated"), [("ecdsa-p256", "ed25519"), ("ed25519", "ecdsa-p256")])
def test_key_must_have_the_stated_kind(releases, kind, stated):
    value, key = plain(releases), releases.signing_key("S. Stranger", kind=kind)
    add_key(value, "auditor", key)
    parse_trust(canonical(value))
    value["keys"][key.keyid]["alg"] = stated
    with pytest.raises(VerifyError, match=f"the key is not one of {stated}"):
        parse_trust(canonical(value))


def test_authority_text_round_trips(authority):
    assert authority_text(read_authority(authority.text)) == authority.text


def wrong_authorities(authority):
    der, loose = base64.b64decode(authority.text), authority.text.rstrip("=")
    texts = ["", "é", authority.pem.read_text(), *(base64.b64encode(d).decode() for d in (der[:-1], der + b"\0"))]
    texts += [] if loose == authority.text else [loose]
    other = {authority_text(authority.leaf): "is not the certificate of a certification authority"}
    return dict.fromkeys(texts, "is not a certificate") | other


def test_root_accepts_only_certificates_of_authorities(authority, releases):
    for text, message in wrong_authorities(authority).items():
        with pytest.raises(ValueError, match=message):
            read_authority(text)
        value = parse(releases.root().to_bytes())
        with pytest.raises(VerifyError, match=f"E_TRUST .*authority 2 {message}"):
            parse_trust(canonical({**value, "authorities": [authority.text, text]}))
    with pytest.raises(VerifyError, match="an authority is listed twice"):
        parse_trust(canonical({**value, "authorities": [authority.text] * 2}))


def test_authority_base64_is_canonical(stamps, tmp_path):
    names = (stamps.Authority(tmp_path / str(n), "L" * n).text for n in range(1, 99))
    text = next(text for text in names if text.endswith("="))  # bits are left over
    at = len(text.rstrip("=")) - 1
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:at] + alphabet[alphabet.index(text[at]) + 1] + text[at + 1 :]
    with pytest.raises(ValueError, match="is not in canonical form"):
        read_authority(other)
