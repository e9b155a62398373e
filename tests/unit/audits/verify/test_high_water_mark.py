import json
import shutil
import threading
from unittest.mock import Mock

import pytest

from audits.core.errors import VerifyError
from audits.core.files import locked
from audits.core.strictjson import canonical
from audits.verify.bundle import INTEGRITY_STEPS, verify_bundle, verify_integrity
from audits.verify.high_water_mark import _next, default_state, forget, read_state
from audits.verify.trust import TRUST_PAYLOAD_TYPE, parse_trust
from synthgen.release.sign import sign

TOO_FEW = "0 of the 1 required persons signed the trust root with root keys of version"


@pytest.fixture
def roots(releases):
    """Return a function that signs a trust root: version, root keys, signers, threshold of the root role."""

    def make(version, holders, signers=None, threshold=1, **changes):
        keys = {key.keyid: key.public for key in (releases.RELEASER, *holders)}
        roles = {"releaser": {"keyids": (releases.RELEASER.keyid,), "threshold": 1}}
        roles["root"] = {"keyids": tuple(key.keyid for key in holders), "threshold": threshold}
        root = releases.root(version=version, keys=keys, roles=roles, **changes)
        return sign(TRUST_PAYLOAD_TYPE, root.to_bytes(), [key.private for key in signers or holders])

    return make


@pytest.fixture
def judge_file(clean, releases, tmp_path):
    def judge(data, name="trust.json"):
        (tmp_path / name).write_bytes(data)
        return verify_bundle(clean, tmp_path / name, now=releases.LATER, state=tmp_path / "state" / "seen.json")

    return judge


@pytest.fixture(scope="module")
def root_keys(releases):
    return [releases.signing_key(name) for name in ("Root A", "Root B", "Root C")]


def test_new_root_is_signed_by_old_and_new_keys_and_older_roots_are_refused(roots, judge_file, root_keys):
    a, b, _ = root_keys
    first, second = roots(1, [a]), roots(2, [b], [a, b])
    assert [judge_file(data).ok for data in (first, first, second)] == [True] * 3
    back = judge_file(first, "elsewhere.json")
    assert (back.code, back.checks[-1].id) == (11, "trust")
    assert "version 1, but version 2 was seen" in back.failure
    assert judge_file(second).ok
    assert judge_file(roots(3, [b], [b])).ok


def test_a_root_that_is_recorded_needs_no_lock(roots, judge_file, root_keys, monkeypatch):
    data = roots(1, [root_keys[0]])
    assert judge_file(data).ok
    monkeypatch.setattr("audits.verify.high_water_mark.locked", Mock(side_effect=OSError("read-only")))
    assert judge_file(data).ok
    assert "cannot be written" in judge_file(roots(2, [root_keys[0]])).failure


def test_root_not_signed_by_the_previous_one_or_its_own_keys_is_refused(roots, judge_file, root_keys, releases):
    a, b, c = root_keys
    assert judge_file(roots(1, [a, b], threshold=2)).ok
    for data in (
        roots(2, [a, b], [a], threshold=1),  # one of two persons of the old root
        roots(2, [a, c], [a, c], threshold=2),
        roots(2, [c, a], [c], threshold=1),
        roots(1, [a, b], threshold=2, min_tool_version="0.1.0"),  # another root of the same version
    ):
        assert judge_file(data).code == 11
    assert f"{TOO_FEW} 2" in judge_file(roots(2, [c], [a, b])).failure  # the keys of the new root must sign too
    with pytest.raises(VerifyError, match=f"{TOO_FEW} 1"):
        parse_trust(roots(1, [a], [b]), releases.LATER)
    assert judge_file(roots(2, [c], [a, b, c])).ok


def test_concurrent_verifiers_lose_no_root(roots, judge_file, root_keys, releases, tmp_path):
    a, b, _ = root_keys
    state = tmp_path / "state" / "seen.json"
    assert judge_file(roots(1, [a])).ok
    newer = roots(2, [a])
    with locked(state.with_name("seen.json.lock")):  # as a verifier that is recording version 2
        other = threading.Thread(target=judge_file, args=(roots(1, [b]), "b.json"))
        other.start()
        other.join(timeout=1.5)
        assert other.is_alive()
        seen = _next(newer, parse_trust(newer, releases.LATER), read_state(state), releases.LATER)
        state.write_bytes(canonical(seen.model_dump(mode="json")))
    other.join()
    assert [line.root.version for line in read_state(state).roots] == [2, 1]


def revocation(key, since="2026-11-20T08:00:00Z"):
    return {"keyid": key.keyid, "since": since, "reason": "stolen"}


def test_a_revoked_root_key_signs_no_successor(roots, judge_file, root_keys):
    a, b, c = root_keys
    revoked = (revocation(a),)
    assert judge_file(roots(1, [a, b])).ok
    assert judge_file(roots(2, [a, b], [b], revoked=revoked)).ok
    for stolen in (
        roots(3, [a, b], [a], revoked=revoked),
        roots(3, [a, b], [a]),  # without the list of revocations
        roots(3, [a, c], [a, c]),
        roots(3, [c], [a, c], revoked=revoked),
        roots(9, [a], [a], revoked=(revocation(b),)),
    ):
        found = judge_file(stolen)
        assert (found.code, found.checks[-1].id) == (11, "trust")
    assert judge_file(roots(3, [b, c], [b], revoked=revoked)).ok
    assert judge_file(roots(4, [a, c], [a], revoked=revoked)).code == 11  # two versions later


def test_a_revocation_is_final(roots, judge_file, root_keys):
    a, b, _ = root_keys
    assert judge_file(roots(1, [a, b], [b], revoked=(revocation(a),))).ok
    for changed in ((), (revocation(a, "2026-11-20T08:00:01Z"),), (revocation(a) | {"keyid": b.keyid[::-1]},)):
        assert (
            "version 2 of the trust root lacks a revocation that version 1 contains"
            in judge_file(roots(2, [a, b], [b], revoked=changed)).failure
        )
    assert judge_file(roots(2, [a, b], [b], revoked=(revocation(a, "2026-11-19T08:00:00Z"), revocation(a)))).ok


def test_a_stolen_key_is_replaced_if_another_valid_root_key_signs(roots, judge_file, root_keys):
    a, b, c = root_keys
    revoked = (revocation(a),)
    assert judge_file(roots(1, [a])).ok
    for alone in (roots(2, [a], [a], revoked=revoked), roots(2, [a, b], [a], revoked=revoked)):
        assert f"{TOO_FEW} 2" in judge_file(alone).failure
    assert judge_file(roots(2, [b], [a, b], revoked=revoked)).ok
    assert judge_file(roots(3, [b, c], [a, b, c], threshold=2, revoked=revoked)).ok
    assert judge_file(roots(4, [a, b, c], [a, b], threshold=2, revoked=revoked)).code == 11


def test_an_expired_root_key_signs_no_successor(roots, judge_file, releases):
    old = releases.signing_key("Root A", end=releases.LATER)
    new = releases.signing_key("Root B")
    first = roots(1, [old, new], [old])
    assert TOO_FEW in judge_file(first).failure
    assert judge_file(roots(1, [old, new], [new])).ok
    assert f"{TOO_FEW} 1" in judge_file(roots(2, [releases.UNTRUSTED], [old, releases.UNTRUSTED])).failure
    assert judge_file(roots(2, [new], [new])).ok


def test_forged_signature_of_the_old_root_is_refused(roots, judge_file, root_keys):
    a, b, _ = root_keys
    assert judge_file(roots(1, [a])).ok
    value = json.loads(roots(2, [b], [b]))
    value["signatures"].append({**value["signatures"][0], "keyid": a.keyid})
    assert judge_file(json.dumps(value, separators=(",", ":"), sort_keys=True).encode()).code == 11


def test_different_roots_are_recorded_separately_and_cannot_be_combined(roots, judge_file, root_keys):
    a, b, _ = root_keys
    assert judge_file(roots(5, [a])).ok
    assert judge_file(roots(1, [b])).ok
    assert "has root keys of two different trust roots" in judge_file(roots(6, [a, b], [a, b])).failure


def test_damaged_or_unwritable_high_water_mark_is_refused(roots, judge_file, root_keys, tmp_path, monkeypatch):
    data = roots(1, root_keys[:1])
    assert judge_file(data).ok
    state = tmp_path / "state" / "seen.json"
    state.write_bytes(state.read_bytes()[:-4])
    assert "cannot be read" in judge_file(data).failure
    forget(state)
    assert judge_file(data).ok
    seen = json.loads(state.read_bytes())
    for wrong in ({"digest": "x"}, {"digest": "F" * 64}, {"keyids": 1}):
        spoilt = {"roots": [{**seen["roots"][0], **wrong}]}
        state.write_text(json.dumps(spoilt, separators=(",", ":"), sort_keys=True))
        assert "cannot be read" in judge_file(data).failure
    forget(state)
    forget(state)
    assert read_state(state).roots == ()
    assert judge_file(data).ok
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "state").write_text("a file")
    found = judge_file(data)
    assert (found.code, found.checks[-1].id) == (11, "trust")
    (tmp_path / "state").unlink()
    monkeypatch.setattr("audits.verify.high_water_mark.write_whole", Mock(side_effect=OSError(28, "No space left")))
    assert "cannot be written" in judge_file(data).failure


def test_plain_root_is_not_recorded(clean, releases, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_TRUST_STATE", str(tmp_path / "seen.json"))
    assert default_state() == tmp_path / "seen.json"
    (tmp_path / "trust.json").write_bytes(releases.root().to_bytes())
    assert verify_bundle(clean, tmp_path / "trust.json", now=releases.LATER).ok
    assert not (tmp_path / "seen.json").exists()


def test_a_revocation_counts_from_its_date_on(releases):
    def revoked(since):
        return releases.root(revoked=({"keyid": releases.RELEASER.keyid, "since": since, "reason": "lost"},))

    revoked("2026-11-20T10:00:00Z").check_key(releases.RELEASER.keyid, releases.LATER)
    with pytest.raises(VerifyError, match="E_REVOKED"):
        revoked("2026-11-20T09:00:00Z").check_key(releases.RELEASER.keyid, releases.LATER)


def test_integrity_only_is_partial(copy, releases):
    found = verify_integrity(copy)
    assert (found.ok, found.code, found.verdict) == (False, 20, "PARTIAL")
    assert [check.id for check in found.checks] == [name for name, _ in INTEGRITY_STEPS]
    releases.edit(copy, lambda v: None, keys=(releases.UNTRUSTED,))
    assert verify_integrity(copy).code == 20  # signatures are not checked
    (copy / "README.md").write_text("fine")
    assert verify_integrity(copy).code == 10
    (copy / "more").mkdir()
    assert verify_integrity(copy).code == 10
    assert verify_integrity(copy / "README.md").code == 15
