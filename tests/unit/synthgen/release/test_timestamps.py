"""Timestamps by an authority on another machine, simulated with `openssl ts`."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from audits.core.instants import stamp
from audits.verify.bundle import ENVELOPE, verify_bundle
from synthgen.core.errors import DataError, DependencyError, StorageError
from synthgen.release.timestamps import attach_timestamp, request_timestamp

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def made(releases, authority, tmp_path_factory):
    """Return a bundle whose policy requires a timestamp, and a trust root that names the authority."""
    policy = releases.POLICY.replace("name: trial", "name: stamped") + "timestamps: {rfc3161: required}\n"
    key = releases.signing_key("R. Releaser", start=NOW - DAY, end=NOW + DAY)
    folder = tmp_path_factory.mktemp("stamped")
    given = {"keys": {key.keyid: key.public}, "roles": {"releaser": {"keyids": (key.keyid,), "threshold": 1}}}
    root = releases.root((policy,), expires=stamp(NOW + 400 * DAY), authorities=(authority.text,), **given)
    return releases.bundle(folder, policy, key=key, now=NOW), root


def test_timestamp_is_requested_and_attached(made, authority, tmp_path):
    bundle, root = made
    assert "synthgen timestamp" in verify_bundle(bundle, root, now=NOW).failure
    request, response = tmp_path / "release.tsq", tmp_path / "release.tsr"
    request_timestamp(bundle / ENVELOPE, request)
    authority.answer(request, response)
    path, time = attach_timestamp(bundle / ENVELOPE, response, trust=root, now=datetime.now(UTC))
    assert abs(time - datetime.now(UTC)) < DAY
    token = response.read_bytes()  # `openssl ts` adds no bytes that the signature does not cover
    assert (path, path.read_bytes()) == (bundle / "attestation/release.tsr", token)
    assert verify_bundle(bundle, root, now=NOW + 300 * DAY).ok
    for place, padded in authority.padded(response.read_bytes()).items():
        path.unlink()
        response.write_bytes(padded)
        attach_timestamp(bundle / ENVELOPE, response, trust=root, now=datetime.now(UTC))
        assert path.read_bytes() == token, place
    with pytest.raises(StorageError, match="exists"):
        attach_timestamp(bundle / ENVELOPE, response, trust=root, now=datetime.now(UTC))
    with pytest.raises(StorageError, match="exists"):
        request_timestamp(bundle / ENVELOPE, request)


def test_invalid_response_is_not_attached(made, stamps, authority, tmp_path):
    bundle, root = made
    envelope = tmp_path / "release.dsse.json"
    envelope.write_bytes((bundle / ENVELOPE).read_bytes())
    request, response = tmp_path / "release.tsq", tmp_path / "answer"
    request_timestamp(envelope, request)
    stamps.Authority(tmp_path / "other").answer(request, response)
    with pytest.raises(DataError, match="cannot be attached"):
        attach_timestamp(envelope, response, trust=root, now=NOW)
    authority.answer(request, response)
    with pytest.raises(DataError, match="in the future"):
        attach_timestamp(envelope, response, trust=root, now=NOW - DAY)
    response.write_bytes(bytes(1 << 17))
    with pytest.raises(DataError, match="larger than"):
        attach_timestamp(envelope, response, trust=root, now=NOW)
    with pytest.raises(StorageError, match="cannot be read"):
        attach_timestamp(envelope, tmp_path / "nowhere", trust=root, now=NOW)
    assert not (tmp_path / "release.tsr").exists()


def test_file_that_is_no_envelope_is_refused(tmp_path, stamps, monkeypatch):
    assert stamps.OPENSSL
    with pytest.raises(StorageError, match="cannot be read"):
        request_timestamp(tmp_path / "nowhere", tmp_path / "q")
    (tmp_path / "text").write_text("x")
    with pytest.raises(DataError, match="not an envelope"):
        request_timestamp(tmp_path / "text", tmp_path / "q")
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(DependencyError, match="rfc3161-client"):
        request_timestamp(tmp_path / "text", tmp_path / "q")
