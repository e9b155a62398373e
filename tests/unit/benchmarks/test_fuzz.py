import random

import pytest


@pytest.fixture(scope="module")
def bench(module_at):
    return module_at("benchmarks/fuzz.py")


def test_a_few_hundred_spoilt_things_end_in_a_reason_and_never_in_verified(bench, stamps, tmp_path):
    ends = bench.run(280, 11, tmp_path)
    assert sum(ends.values()) == 280
    refused = {end.split(": ")[0] for end in ends if not end.endswith("VERIFIED")}
    assert refused == set(bench.KINDS)
    assert stamps.OPENSSL


def test_a_verifier_that_believes_everything_is_found_out(bench, tmp_path, monkeypatch):
    fuzz = bench.Fuzz(tmp_path)
    good = bench.verify_bundle(fuzz.bundle, fuzz.root, now=fuzz.releases.LATER)
    monkeypatch.setattr(bench, "verify_bundle", lambda *_given, **_how: good)
    with pytest.raises(SystemExit, match="VERIFIED, though the"):
        bench.run(70, 1, tmp_path / "again")


def test_spoiling_changes_something_most_times(bench):
    rng = random.Random(5)
    data, value = b"0123456789" * 9, {"a": [1, {"b": "c"}], "d": 2.5}
    assert sum(bench.spoil_bytes(data, rng) != data for _ in range(100)) > 90
    assert sum(bench.spoil_value(value, rng) != value for _ in range(100)) > 90
