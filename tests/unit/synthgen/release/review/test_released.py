import hashlib
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from audits.verify.dsse import parse_envelope
from synthgen.release.review.released import released_bundle
from synthgen.release.run import load_run


@pytest.fixture
def run(finished):
    return load_run(finished.config())


def test_the_newest_bundle_of_the_run_is_found(finished, run):
    decision, out = run.decide(), finished.folder / "out"
    assert released_bundle(run, decision) is None
    now = datetime.now(UTC)
    old = run.release(decision, key=finished.folder / "keys" / "releaser.pem", out=out, now=now - timedelta(days=2))
    assert released_bundle(run, decision).path == old.path
    new = run.release(decision, key=finished.folder / "keys" / "releaser.pem", out=out, now=now)
    found = released_bundle(run, decision)
    assert (found.path, found.release_id) == (new.path, new.release_id)
    payload = parse_envelope((new.path / "attestation" / "release.dsse.json").read_bytes()).payload
    assert found.digest == hashlib.sha256(payload).hexdigest()


def test_other_bundles_and_damaged_ones_do_not_count(finished, run, releases):
    out, decision = finished.folder / "out", run.decide()
    releases.bundle(out)  # another release in the same folder
    assert released_bundle(run, decision) is None
    own = run.release(decision, key=finished.folder / "keys" / "releaser.pem", out=out)
    envelope = own.path / "attestation" / "release.dsse.json"
    shutil.copytree(own.path, out / "release-broken")
    (out / "release-broken" / "attestation" / "release.dsse.json").write_text("{}")
    assert released_bundle(run, decision).path == own.path
    envelope.unlink()
    assert released_bundle(run, decision) is None
