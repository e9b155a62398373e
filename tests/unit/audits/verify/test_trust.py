import base64

import pytest

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.core.strictjson import canonical, parse
from audits.verify.publickeys import keyid
from audits.verify.trust import (
    TRUST_PAYLOAD_TYPE,
    authority_text,
    fingerprint,
    load_trust,
    name_skeleton,
    parse_trust,
)
from audits.verify.trust import authority as read_authority
from synthgen.release.sign import sign


def plain(releases):
    value = parse(releases.root().to_bytes())
    return {**value, "roles": {k: dict(v) for k, v in value["roles"].items()}}


def add_key(value, role, key, **changes):
    value["keys"][key.keyid] = {**key.public.model_dump(), **changes}
    value["roles"][role] = {"keyids": [key.keyid], "threshold": 1}


def two_ids(value, r):  # case 39 of the tamper matrix
    value["keys"]["0" * 16] = value["keys"][r.RELEASER.keyid]


REVOKED = {"keyid": "0" * 16, "since": "2026-01-01T00:00:00Z", "reason": ""}


def negated_key(value, r):
    public = bytes.fromhex(r.OWNER.public.public)
    public = (public[:-1] + bytes([public[-1] ^ 128])).hex()
    value["keys"][keyid(bytes.fromhex(public))] = {**r.OWNER.public.model_dump(), "public": public}


def small_order(value, r):  # case 40 of the tamper matrix
    public = (1).to_bytes(32, "little")
    value["keys"][keyid(public)] = {**r.OWNER.public.model_dump(), "public": public.hex()}


def roles(**changes):
    return lambda value, r: value["roles"].update({k: v(r) for k, v in changes.items()})


def owner(**changes):
    return lambda value, r: value["keys"][r.OWNER.keyid].update(changes)


def same_person_again(value, r):  # case 34 of the tamper matrix
    add_key(value, "auditor", r.UNTRUSTED, person=" r.  RELEASER ")


CASES = {
    "39-one-key-two-ids": (two_ids, "the id does not belong to this public key"),
    "40-small-order": (small_order, "small order"),
    "one-secret-two-keys": (negated_key, "differ only in sign"),
    "34-one-person-two-roles": (same_person_again, "its person has two roles, auditor and releaser"),
    "55-free-id": (
        lambda v, r: v["keys"].update({"f" * 16: r.UNTRUSTED.public.model_dump()}),
        "the id does not belong to this public key",
    ),
    "56-threshold-0": (lambda v, r: v["roles"]["releaser"].update(threshold=0), "threshold"),
    "56-threshold-too-high": (lambda v, r: v["roles"]["releaser"].update(threshold=2), "above the number"),
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
    "invalid-ledger-id": (lambda v, r: v.update(ledgers=["l"]), "ledgers"),
    "no-name": (owner(person=""), "person: must have at least 1"),
    "long-name": (owner(person="x" * 201), "person: must have at most 200"),
    "long-institution": (owner(org="x" * 201), "org"),
    "id-cut": (lambda v, r: v["keys"].update(abc=r.UNTRUSTED.public.model_dump()), "abc"),
    "revoked-id-cut": (lambda v, r: v.update(revoked=[REVOKED | {"keyid": "abc"}]), r"revoked\[0\].keyid"),
    "long-reason": (lambda v, r: v.update(revoked=[REVOKED | {"reason": "x" * 501}]), r"revoked\[0\].reason"),
    "half-a-version": (lambda v, r: v.update(min_tool_version="1.2"), "min_tool_version"),
    "unknown-key": (
        roles(releaser=lambda r: {"keyids": ["0" * 16], "threshold": 1}),
        "does not contain 0000000000000000",
    ),
    "no-releaser": (lambda v, r: v["roles"].pop("releaser"), "the role releaser is missing"),
    "other-algorithm": (owner(alg="rsa"), "alg"),
    "ends-before-it-starts": (owner(valid_until="2020-01-01T00:00:00Z"), "valid_until must be later"),
    "unknown-field": (lambda v, r: v.update(note=1), "note"),
    "version-0": (lambda v, r: v.update(version=0), "version"),
    "capital-id": (lambda v, r: v["keys"].update({"A" * 16: r.UNTRUSTED.public.model_dump()}), "must match pattern"),
    "capital-id-in-role": (roles(releaser=lambda r: {"keyids": ["A" * 16], "threshold": 1}), "must match pattern"),
    **{
        f"public-{i}": (owner(public=public), "must match pattern")
        for i, public in enumerate(("0" * 62, "04" + "0" * 64, "g" * 64, "A" * 64))
    },
    "root-unsigned": (lambda v, r: add_key(v, "root", r.UNTRUSTED), "names root keys, but has no signatures"),
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
    assert load_trust(path, releases.LATER).roles["root"].threshold == 1
    payloads = (releases.root().to_bytes(), b"{}", data + b" ")
    for wrong in (
        sign(TRUST_PAYLOAD_TYPE, data, [releases.OWNER.private]),
        sign("application/json", data, [releases.UNTRUSTED.private]),
        *(sign(TRUST_PAYLOAD_TYPE, payload, [releases.UNTRUSTED.private]) for payload in payloads),
        *(b'{"payload":1}', b"[]", b"\xff"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(VerifyError, match="E_TRUST"):
            load_trust(path, releases.LATER)


def test_a_root_threshold_counts_persons_and_not_keys(releases):
    value = plain(releases)
    keys = [releases.signing_key("Root One"), releases.signing_key("Root One", 2), releases.signing_key("Root Two")]
    for key in keys:
        value["keys"][key.keyid] = key.public.model_dump()
    value["roles"]["root"] = {"keyids": [key.keyid for key in keys], "threshold": 2}
    data = canonical(value)
    with pytest.raises(
        VerifyError, match="1 of the 2 required persons signed the trust root with root keys of version 1"
    ):
        parse_trust(sign(TRUST_PAYLOAD_TYPE, data, [key.private for key in keys[:2]]), releases.LATER)
    parse_trust(sign(TRUST_PAYLOAD_TYPE, data, [key.private for key in keys[1:]]), releases.LATER)


def test_only_root_keys_that_are_valid_at_the_time_of_the_check_count(releases):
    value, now, hour = plain(releases), releases.LATER, releases.DAY / 24
    keys = [releases.signing_key("Root One", start=now - hour, end=now), releases.signing_key("Root Two")]
    for key in keys:
        value["keys"][key.keyid] = key.public.model_dump()
    value["roles"]["root"] = {"keyids": [key.keyid for key in keys], "threshold": 1}

    def parsed(key, at, **changes):
        return parse_trust(sign(TRUST_PAYLOAD_TYPE, canonical(value | changes), [key.private]), at)

    expiring, other = keys
    for at in (now - hour, now - hour / 60):
        assert parsed(expiring, at).version == 1
    for at in (now - hour - hour / 60, now):
        with pytest.raises(VerifyError, match=r"E_TRUST 0 of the 1 .* Revoked and expired keys do not count"):
            parsed(expiring, at)
        assert parsed(other, at).version == 1
    revoked = [{"keyid": other.keyid, "since": stamp(now), "reason": "stolen"}]
    assert parsed(other, now - hour / 60, revoked=revoked).version == 1
    with pytest.raises(VerifyError, match="E_TRUST 0 of the 1 required persons"):
        parsed(other, now, revoked=revoked)


# a line per kind of disguise: invisible, other alphabets, forms of Unicode, order and blanks, ASCII look-alikes
DISGUISED = [
    *("Ann\u200b Lee", "Ann\u00adLee", "\u202eAnn Lee", "Ann Lee\ufe0f", "Ann\u2028Lee", "Ann Lee\U000e0061"),
    *("\u0410nn Lee", "Ann L\u0435e", "\u0391nn Lee", "\u13aann Lee", "Ann \ua4e1ee", "Ann Le\u04bd"),
    *("A\u0301nn Lee", "\u00c1nn L\u00e9e", "\uff21\uff4e\uff4e Lee", "\U0001d400nn Lee", "\u24b6nn Lee", "ANN LEE"),
    *("Ann  Lee", " Ann\tLee", "Lee, Ann", "Ann-Lee", "An n Lee", "A n n  L e e", "Ann Lee.", "Ann_Lee"),
    *("Ann\u02bc Lee", "Ann L\u02c8ee", "Ann\u30fcLee", "Ann Lee\u02d1", "Ann\u0640 Lee", "Ann\u2e2f Lee"),
    *("Ann Iee", "Ann 1ee", "\u00c4nn Lee", "Aenn Lee", "Aann Lee"),
]


@pytest.mark.parametrize("name", DISGUISED)
def test_one_person_under_two_spellings_is_refused(releases, name):
    value = plain(releases)
    ann, other = (releases.signing_key(person) for person in ("Ann Lee", name))
    value["keys"] |= {key.keyid: key.public.model_dump() for key in (ann, other)}
    value["roles"]["auditor"] = {"keyids": [ann.keyid, other.keyid], "threshold": 2}
    keys = ", ".join(sorted((ann.keyid, other.keyid)))
    with pytest.raises(VerifyError, match=f"{keys}: the names .*look alike.*is above the number"):
        parse_trust(canonical(value))
    value["keys"][other.keyid]["person"] = "Ann Bee"
    parse_trust(canonical(value))


NO_LETTER, RARE = "has no letters or digits", "has a rare letter that looks like a common letter"
AMBIGUOUS = "has a symbol or unusual character, or mixes alphabets in a word"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("\u200b", NO_LETTER),
        ("...", NO_LETTER),
        ("Ann Le\u0454", AMBIGUOUS),
        ("Ann Le\u1971", AMBIGUOUS),
        ("L\u200d\u0454e", AMBIGUOUS),
        ("An\u06f5 Lee", AMBIGUOUS),
        ("An\u0c02 Lee", AMBIGUOUS),
        ("Ann\uffe8", AMBIGUOUS),
        ("L|e", AMBIGUOUS),
        ("Ann Jone\u023f", RARE),
        ("An\u0235 Jones", RARE),
    ],
)
def test_unreadable_name_is_refused(releases, name, message):
    value = plain(releases)
    add_key(value, "auditor", releases.signing_key(name))
    with pytest.raises(VerifyError, match=f"the name of its person {message}"):
        parse_trust(canonical(value))


@pytest.mark.parametrize(
    "name",
    [
        "Søren Ærø",
        "Đặng Thị Hoà",
        "Łukasz Żółć",
        "Aslı Güneş",
        "José Nuñez",
        "Anna Größe",
        "Ольга",
        "Anne O\u2019Neil",
    ],
)
def test_names_of_many_languages_are_accepted(releases, name):
    value = plain(releases)
    add_key(value, "auditor", releases.signing_key(name))
    parse_trust(canonical(value))


def test_different_names_have_different_skeletons(releases):
    names = ["Ann Lee", "Ann Bee", "Anna Lee", "Jos\u00e9 O\u02bcBrien", "\u5f20\u4f1f", "\u738b\u5c0f\u660e"]
    names += ["\u0418\u0432\u0430\u043d \u041f\u0435\u0442\u0440\u043e\u0432", "\u0410\u043d\u043d\u0430"]
    assert len(set(map(name_skeleton, names))) == len(names)
    value = plain(releases)
    keys = [releases.signing_key(name) for name in names]
    value["keys"] |= {key.keyid: key.public.model_dump() for key in keys}
    value["roles"]["auditor"] = {"keyids": [key.keyid for key in keys], "threshold": len(keys)}
    parse_trust(canonical(value))


def test_fingerprint():
    assert fingerprint(b"").split()[0] == "e3b0c442"
    assert len(fingerprint(b"").split()) == 8


@pytest.mark.parametrize(("kind", "stated"), [("ecdsa-p256", "ed25519"), ("ed25519", "ecdsa-p256")])
def test_key_must_have_the_stated_kind(releases, kind, stated):
    value, key = plain(releases), releases.signing_key("S. Stranger", kind=kind)
    add_key(value, "auditor", key)
    parse_trust(canonical(value))
    value["keys"][key.keyid]["alg"] = stated
    with pytest.raises(VerifyError, match=f"the length of an {stated} key"):
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
    text = next(text for text in names if text.endswith("="))  # the last character contains unused bits
    at = len(text.rstrip("=")) - 1
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:at] + alphabet[alphabet.index(text[at]) + 1] + text[at + 1 :]
    with pytest.raises(ValueError, match="is not in canonical form"):
        read_authority(other)
