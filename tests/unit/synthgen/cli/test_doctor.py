import json
from dataclasses import asdict

import pytest

from synthgen.cli import doctor
from synthgen.cli.doctor import examine
from synthgen.models.registry import MODELS


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_MODELS", str(tmp_path / "store"))
    return tmp_path / "store"


def found():
    return {check.name: check for check in examine()}


def test_a_missing_model_is_told_with_the_command_that_brings_it():
    checks = found()
    for name in MODELS:
        check = checks[f"model {name}"]
        assert (check.ok, check.optional) == (False, False)
        assert f"synthgen models pull {name}" in check.detail


def test_what_only_matters_sometimes_stops_no_run():
    checks = found()
    assert {name for name, check in checks.items() if check.optional} >= {"swap", "memory", "gpu"}
    assert all(json.dumps(asdict(check)) for check in checks.values())


@pytest.mark.parametrize(("able", "said"), [(True, "bfloat16"), (False, "float32: ")])
def test_what_the_processor_computes_in_is_told(monkeypatch, able, said):
    monkeypatch.setattr("synthgen.decode.loop.products.has_bfloat16", lambda: able)
    check = found()["arithmetic"]
    assert (check.ok, check.optional) == (able, True)
    assert check.detail.startswith(said)


def test_the_store_is_judged_where_it_would_be_made(store):
    check = found()["model store"]
    assert str(store.parent) in check.detail
    assert not store.exists()


def test_a_missing_bridge_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("synthgen.decode.bridge.BUILTIN", tmp_path / "none")
    check = found()["bridge"]
    assert (check.ok, check.optional) == (False, False)
    assert "no bridge here" in check.detail


def test_little_room_for_models_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "NEEDED_GIB", 1e9)
    assert not found()["model store"].ok
