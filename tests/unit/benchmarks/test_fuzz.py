import random

import pytest


@pytest.mark.slow
def test_fuzz_corrupted_bundles_are_rejected_with_a_reason(bench, stamps, tmp_path):
    ends = bench.run(280, 11, tmp_path)
    assert sum(ends.values()) == 280
    refused = {end.split(": ")[0] for end in ends if not end.endswith("VERIFIED")}
    assert refused == set(bench.KINDS)
    assert stamps.OPENSSL


def test_a_verifier_that_accepts_everything_is_detected(bench, tmp_path, monkeypatch):
    fuzz = bench.Fuzz(tmp_path)
    good = bench.verify_bundle(fuzz.bundle, fuzz.root, now=fuzz.releases.LATER)
    monkeypatch.setattr(bench, "verify_bundle", lambda *_given, **_how: good)
    with pytest.raises(SystemExit, match="VERIFIED, although the"):
        bench.run(70, 1, tmp_path / "again")


def test_corruption_usually_changes_the_value(bench):
    rng = random.Random(5)
    data, value = b"0123456789" * 9, {"a": [1, {"b": "c"}], "d": 2.5}
    assert sum(bench.corrupt_bytes(data, rng) != data for _ in range(100)) > 90
    assert sum(bench.corrupt_value(value, rng) != value for _ in range(100)) > 90
