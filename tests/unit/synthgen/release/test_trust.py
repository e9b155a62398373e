import pytest

from audits.verify.bundle import verify_bundle
from audits.verify.trust import fingerprint, load_trust
from synthgen.core.errors import ConfigError, StorageError
from synthgen.release.keys import load_key, new_key
from synthgen.release.trust import new_trust

SECRET = b"correct horse"


@pytest.fixture(scope="module")
def keys(tmp_path_factory, releases):
    folder = tmp_path_factory.mktemp("keys")
    for role, person in {"releaser": "R", "data_owner": "D", "root": "T"}.items():
        new_key(folder / f"{role}.pem", SECRET, person=person, org="Clinic", now=releases.NOW)
    return folder


def test_new_root_verifies_a_new_release(keys, tmp_path, releases):
    policy, path = releases.policy_of(releases.POLICY), tmp_path / "trust.json"
    roles = {"releaser": [keys / "releaser.pub.json"], "data_owner": [keys / "data_owner.pub.json"]}
    printed = new_trust(path, roles=roles, policies={"trial": [policy.digest()]}, expires=releases.NOW + releases.DAY)
    assert printed == fingerprint(path.read_bytes())
    bundle = releases.bundle(tmp_path / "out", key=load_key(keys / "releaser.pem", SECRET))
    for now, code in ((releases.LATER, 0), (releases.NOW + releases.DAY, 14)):
        found = verify_bundle(bundle, path, now=now)
        assert found.code == code, found.failure
    with pytest.raises(StorageError, match="exists"):
        new_trust(path, roles=roles, policies={}, expires=releases.NOW)


def test_root_with_root_keys_is_signed(keys, tmp_path, releases):
    roles = {role: [keys / f"{role}.pub.json"] for role in ("releaser", "root")}
    with pytest.raises(ConfigError, match="has the role `root`, but there are no private root keys"):
        new_trust(tmp_path / "t", roles=roles, policies={}, expires=releases.NOW)
    root = load_key(keys / "root.pem", SECRET)
    new_trust(tmp_path / "t", roles=roles, policies={}, expires=releases.NOW, root_keys=[root])
    assert load_trust(tmp_path / "t").roles["root"].keyids == (root.keyid,)


def test_unsound_root_is_not_written(keys, tmp_path, releases):
    one = [keys / "releaser.pub.json"]
    for roles in ({"releaser": one, "data_owner": one}, {"data_owner": one}, {"releaser": one * 2}):
        with pytest.raises(ConfigError, match="would not be valid"):
            new_trust(tmp_path / "t", roles=roles, policies={}, expires=releases.NOW)
    assert list(tmp_path.iterdir()) == []
