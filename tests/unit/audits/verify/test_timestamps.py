"""Trusted times: a token protects against later expiry or revocation of a key, and forged tokens are refused."""

import base64
import shutil
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.verify.bundle import ENVELOPE, STEPS, verify_bundle, verify_for_approval
from audits.verify.dsse import parse_envelope
from audits.verify.timestamps import envelope_of, reduced, signature_bytes, token_of, trusted_time
from synthgen.release.approve import approve

NOW = datetime.now(UTC).replace(microsecond=0)  # the test authority uses the real clock
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MUCH_LATER = NOW + 400 * DAY
TOKEN = token_of(ENVELOPE)


def message_of(path, name=ENVELOPE):
    return signature_bytes(parse_envelope((path / name).read_bytes()))


class Case:
    """Bundles of one releaser, an authority that stamps them, and trust roots to verify them."""

    def __init__(self, releases, authority, folder):
        self.releases, self.authority, self.folder = releases, authority, folder
        required = "timestamps: {rfc3161: required}\n"
        self.policy = releases.POLICY.replace("name: trial", "name: stamped") + required
        self.approved = releases.APPROVED_POLICY.replace("name: partner", "name: both") + required
        names = ("R. Releaser", "P. Officer", "D. Owner")
        self.keys = {name: releases.signing_key(name, start=NOW - DAY, end=NOW + DAY) for name in names}
        self.releaser = self.keys["R. Releaser"]
        self.plain = releases.bundle(folder / "out", self.policy, key=self.releaser, now=NOW)
        self.message = message_of(self.plain)
        self.good = authority.token(self.message)

    def copy(self, folder, token=None):
        path = shutil.copytree(self.plain, folder / self.plain.name)
        if token is not None:
            (path / TOKEN).write_bytes(token)
        return path

    def root(self, *, start=NOW - DAY, end=NOW + DAY, **changes):
        """Return a trust root with these keys; in it, the releaser's key is valid from `start` to `end`."""
        keys = {key.keyid: key.public for key in self.keys.values()}
        days = {"valid_from": stamp(start), "valid_until": stamp(end)}
        keys[self.releaser.keyid] = self.releaser.public.model_copy(update=days)
        roles = zip(("releaser", "privacy_officer", "data_owner"), self.keys.values(), strict=True)
        given = {
            "expires": stamp(MUCH_LATER + 400 * DAY),
            "keys": keys,
            "roles": {role: {"keyids": (key.keyid,), "threshold": 1} for role, key in roles},
            "authorities": (self.authority.text,),
        }
        policies = (self.releases.POLICY, self.policy, self.approved)
        return self.releases.root(policies, **{**given, **changes})

    def forged(self, usage, **how):
        return self.authority.forged(self.message, usage, **how), self.root(), "verifying certificates"

    def revoked(self, since):
        return self.root(revoked=({"keyid": self.releaser.keyid, "since": stamp(since), "reason": "lost"},))


@pytest.fixture(scope="module")
def case(releases, authority, tmp_path_factory):
    return Case(releases, authority, tmp_path_factory.mktemp("stamped"))


def test_a_stamped_release_outlives_its_key(case, tmp_path):
    path = case.copy(tmp_path, case.good)
    for root in (case.root(), case.revoked(NOW + HOUR), case.revoked(MUCH_LATER)):
        found = verify_bundle(path, root, now=MUCH_LATER)
        assert found.ok, found.failure
        assert "signed not later than 20" in found.checks[-1].detail
    assert [check.id for check in found.checks] == [name for name, _ in STEPS]


@pytest.mark.parametrize(
    ("revoked", "failure"), [(None, "E_KEY_EXPIRED"), (NOW + HOUR, "E_REVOKED")], ids=["expired", "revoked"]
)
def test_without_a_token_the_key_must_be_valid_now(case, releases, tmp_path, revoked, failure):
    path = releases.bundle(tmp_path, key=case.releaser, now=NOW)  # a policy that requires no timestamp
    assert verify_bundle(path, case.root(), now=NOW + HOUR / 2).ok
    root = case.root() if revoked is None else case.revoked(revoked)
    assert verify_bundle(path, root, now=MUCH_LATER).failure.startswith(failure)
    (path / TOKEN).write_bytes(case.authority.token(message_of(path)))  # a token is not required, but it is used
    assert verify_bundle(path, root, now=MUCH_LATER).ok


FORGED = {
    "over-another-message": lambda c, r: (c.authority.token(b"another message"), c.root(), "Mismatch"),
    "over-the-payload": lambda c, r: (c.authority.token(c.plain.joinpath(ENVELOPE).read_bytes()), c.root(), ""),
    "over-one-byte-more": lambda c, r: (c.authority.token(c.message + b"\0"), c.root(), "Mismatch"),
    "of-a-weak-digest": lambda c, r: (c.good.replace(SHA256, SHA1), c.root(), ""),
    "of-another-authority": lambda c, r: (r("other").token(c.message), c.root(), "verifying certificates"),
    "of-a-namesake": lambda c, r: (r("namesake", name="Local").token(c.message), c.root(), "verifying certificates"),
    "of-a-server": lambda c, r: c.forged(ExtendedKeyUsageOID.SERVER_AUTH),
    "of-a-certificate-for-anything": lambda c, r: c.forged(None),
    "usage-not-critical": lambda c, r: c.forged(ExtendedKeyUsageOID.TIME_STAMPING, critical=False),
    "no-authority-is-trusted": lambda c, r: (
        c.good,
        c.root(authorities=()),
        "names no timestamp authority, so the timestamp cannot be checked",
    ),
    "cut": lambda c, r: (c.good[:-40], c.root(), "ASN.1"),
    "one-byte-more": lambda c, r: (c.good + b"\0", c.root(), "ASN.1"),
    "empty": lambda c, r: (b"", c.root(), "ASN.1"),
    "not-granted": lambda c, r: (c.good.replace(b"\x02\x01\x00", b"\x02\x01\x02", 1), c.root(), "GRANTED"),
    "removed": lambda c, r: (None, c.root(), "missing, but the policy requires a timestamp"),
}
SHA256, SHA1 = bytes.fromhex("0609608648016503040201"), bytes.fromhex("06052b0e03021a")


@pytest.mark.parametrize("name", sorted(FORGED))
def test_invalid_token_is_refused(case, stamps, tmp_path, name):
    def another(folder, **how):
        return stamps.Authority(tmp_path / folder, **how)

    token, root, message = FORGED[name](case, another)
    found = verify_bundle(case.copy(tmp_path / "b", token), root, now=NOW + HOUR)
    assert (found.code, found.checks[-1].id) == (14, "time"), found.failure
    assert found.failure.startswith(f"E_TSA {TOKEN}: ")
    assert message in found.failure


@pytest.mark.parametrize(
    ("root", "failure"),
    [
        (lambda c: c.root(start=NOW - 3 * DAY, end=NOW - DAY), "E_KEY_EXPIRED"),
        (lambda c: c.root(start=NOW + DAY, end=NOW + 3 * DAY), "E_KEY_EXPIRED"),
        (lambda c: c.root(end=NOW), "E_KEY_EXPIRED"),  # the key ends within the accuracy of the stated time
        (lambda c: c.revoked(NOW - HOUR), "E_REVOKED"),
        (lambda c: c.revoked(NOW), "E_REVOKED"),
    ],
)
def test_a_key_must_have_been_valid_at_the_trusted_time(case, tmp_path, root, failure):
    path = case.copy(tmp_path, case.good)
    for now in (NOW + HOUR, NOW + 2 * DAY, MUCH_LATER):
        assert verify_bundle(path, root(case), now=now).failure.startswith(failure)


def test_trusted_time_must_fit_statement_and_clock(case, releases, tmp_path):
    for hours, message in ((-2, "timestamp is in the future"), (20, "timestamp is earlier than the creation time")):
        made, now = NOW + hours * HOUR, NOW + (hours + 1) * HOUR
        path = releases.bundle(tmp_path / message, case.policy, key=case.releaser, now=made)
        (path / TOKEN).write_bytes(case.authority.token(message_of(path)))
        assert message in verify_bundle(path, case.root(), now=now).failure


def test_a_second_signature_needs_a_token_of_both(case, releases, tmp_path):
    """A token over the first signature does not cover a signature that was added later."""
    second = releases.signing_key("S. Second", start=NOW - DAY, end=NOW + DAY)
    root, both_keys = case.root(), {"keyids": (case.releaser.keyid, second.keyid), "threshold": 2}
    roles = {**root.roles, "releaser": root.roles["releaser"].model_copy(update=both_keys)}
    root = root.model_copy(update={"keys": {**root.keys, second.keyid: second.public}, "roles": roles})
    path = case.copy(tmp_path, case.good)
    releases.resign(path, releases.statement(path), keys=(case.releaser, second))
    assert "Mismatch" in verify_bundle(path, root, now=NOW + HOUR).failure
    both = message_of(path)
    assert both[:64] == case.message
    (path / TOKEN).write_bytes(case.authority.token(both))
    assert verify_bundle(path, root, now=MUCH_LATER).ok


def test_approvals_are_stamped_like_releases(case, releases, tmp_path):
    path = releases.bundle(tmp_path, case.approved, key=case.releaser, now=NOW)
    root = case.root()
    signed = [ENVELOPE]
    for role, person in (("privacy_officer", "P. Officer"), ("data_owner", "D. Owner")):
        given = {"role": role, "key": case.keys[person], "trust": root, "no_review": True}
        made = approve(path, **given, now=NOW)  # before the release is stamped
        signed.append(made.relative_to(path).as_posix())
    for name in signed:
        assert verify_bundle(path, root, now=NOW + HOUR).failure.startswith(f"E_TSA {token_of(name)}")
        (path / token_of(name)).write_bytes(case.authority.token(message_of(path, name)))
    assert verify_bundle(path, root, now=MUCH_LATER).ok
    assert verify_for_approval(path, root, now=NOW).code == 20
    first, second = (path / token_of(name) for name in signed[1:])
    first.write_bytes(second.read_bytes())
    assert verify_bundle(path, root, now=MUCH_LATER).failure.startswith(f"E_TSA {token_of(signed[1])}")


@pytest.mark.parametrize(
    "name",
    [
        *(f"attestation/{name}.tsr" for name in ("other", "approvals/janitor", "release.dsse.json", "release.dsse")),
        *("release.tsr", "data/synthetic.tsr"),
    ],
)
def test_token_must_be_beside_its_envelope(case, tmp_path, name):
    path = case.copy(tmp_path, case.good)
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_bytes(case.good)
    assert verify_bundle(path, case.root(), now=NOW + HOUR).failure.startswith(f"E_EXTRA {name}")


def test_a_large_token_and_a_missing_library_are_refused(case, tmp_path, monkeypatch):
    assert (
        verify_bundle(case.copy(tmp_path / "large", case.good + bytes(1 << 16)), case.root(), now=NOW + HOUR).code
        == 14
    )
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    found = verify_bundle(case.copy(tmp_path / "good", case.good), case.root(), now=NOW + HOUR)
    assert found.code == 14
    assert "pip install 'rfc3161-client>=1.0.6'" in found.failure


def test_names_of_tokens():
    assert token_of(ENVELOPE) == "attestation/release.tsr"
    assert envelope_of("attestation/release.tsr") == ENVELOPE
    assert envelope_of("README.md") is None


def test_stronger_digest_is_accepted(case):
    before = datetime.now(UTC).replace(microsecond=0)
    time = trusted_time(case.authority.token(case.message, "sha512"), case.message, (case.authority.text,))
    assert before + timedelta(seconds=1) <= time <= datetime.now(UTC) + timedelta(seconds=1)
    with pytest.raises(VerifyError, match="E_TSA"):
        trusted_time(b"0", case.message, (case.authority.text,))


def test_only_bytes_that_a_signature_covers_are_accepted(case, tmp_path):
    """Without a key, anyone could write text into a verified bundle through the other parts of its token."""
    authorities = (case.authority.text,)
    assert reduced(case.good, authorities) == case.good
    path, root = case.copy(tmp_path, case.good), case.root()
    assert verify_bundle(path, root, now=NOW + HOUR).ok
    for place, token in case.authority.padded(case.good).items():
        (path / TOKEN).write_bytes(token)
        assert verify_bundle(path, root, now=NOW + HOUR).failure.startswith(f"E_TSA {TOKEN}"), place
        assert reduced(token, authorities) == case.good, place


def test_token_with_a_nonce_is_refused(case, tmp_path):
    """The requester selects the nonce, so an outsider could ask the authority for a token with text in it."""
    path = case.copy(tmp_path, case.authority.token(case.message, nonce=""))
    failure = verify_bundle(path, case.root(), now=NOW + HOUR).failure
    assert "the timestamp has a nonce" in failure
    assert "synthgen timestamp request" in failure


@pytest.mark.parametrize("at", [0, 1, 2, 9, 24, -1])
def test_token_that_is_not_der_has_no_reduced_form(case, at):
    for data in (case.good[:at], case.good + b"\0", case.good[:at] + b"\xff" + case.good[at:]):
        with pytest.raises(
            VerifyError, match="the timestamp cannot be used: it has an unexpected structure or algorithm, or its"
        ):
            reduced(data, (case.authority.text,))


def test_token_of_another_structure_has_no_reduced_form(case, stamps):
    """Each of these tokens consists of valid DER elements."""
    status, content = stamps._elements(case.good[stamps._head_bytes(case.good) :])
    digest = [1, 1, 0, 2, 1, 0, 0, 2, 0]  # the path to the digest algorithm of the stamped message
    others = {
        "the content beside the sequence": stamps._element(0x30, status) + content,
        "a set instead of a sequence": b"\x31" + case.good[1:],
        "another digest of the signer": stamps.edited(case.good, [1, 1, 0, 4, 0, 2], lambda _: SHA1),
        "parameters of the message's digest": stamps.edited(case.good, digest, lambda old: old + b"\x0c\1A"),
    }
    for name, token in others.items():
        with pytest.raises(
            VerifyError, match="the timestamp cannot be used: it has an unexpected structure or algorithm, or its"
        ):
            pytest.fail(f"{name}: {reduced(token, (case.authority.text,))!r}")


def test_token_without_a_path_to_the_authority_has_no_reduced_form(case, stamps, tmp_path):
    other = stamps.Authority(tmp_path / "other")
    with pytest.raises(VerifyError, match="or its certificates do not lead to a timestamp authority"):
        reduced(case.good, (other.text,))


def test_time_without_accuracy_is_exact(case, stamps, tmp_path):
    exact = stamps.Authority(tmp_path / "exact", config=stamps.CONFIG.replace("accuracy = secs:1\n", ""))
    before = datetime.now(UTC).replace(microsecond=0)
    time = trusted_time(exact.token(case.message), case.message, (exact.text,))
    assert before <= time <= datetime.now(UTC)


def test_certificates_of_a_reply_may_be_in_any_order(case, stamps, tmp_path):
    authority = stamps.Authority(tmp_path / "stock", config=stamps.STOCK)
    token, known = authority.token(case.message), (authority.text,)

    def turned(certificates):
        return b"".join(reversed(stamps._elements(certificates)))

    other = stamps.edited(token, [1, 1, 0, 3], turned)
    assert other != token
    assert reduced(other, known) == reduced(token, known)
    assert trusted_time(reduced(other, known), case.message, known) >= NOW


def test_chain_ends_below_the_authority_of_the_trust_root(case, stamps):
    root, ca, name = stamps.generate_private_key(stamps.SECP256R1()), case.authority.issuer[1], "Root"
    usage = [(x509.BasicConstraints(True, None), True)]
    top = stamps.certificate(name, root, (name, root), usage)
    middle = stamps.certificate(case.authority.issuer[0], ca, (name, root), usage)
    ders = [one.public_bytes(Encoding.DER) for one in (top, middle)]
    text = base64.b64encode(ders[0]).decode()
    token = reduced(stamps.edited(case.good, [1, 1, 0, 3], lambda old: old + b"".join(ders)), (text,))
    assert (ders[0] in token, ders[1] in token, case.authority.leaf.public_bytes(Encoding.DER) in token) == (
        False,
        True,
        True,
    )
    assert trusted_time(token, case.message, (text,)) == trusted_time(case.good, case.message, (case.authority.text,))
    assert reduced(token, (case.authority.text,)) == case.good  # certificates above the trusted one are removed
