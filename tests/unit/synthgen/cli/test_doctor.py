import json
from dataclasses import asdict

import pytest

from synthgen.cli import doctor
from synthgen.cli.doctor import examine
from synthgen.models.registry import MODELS

pytestmark = pytest.mark.usefixtures("store")


def found():
    return {check.name: check for check in examine()}


def test_missing_models_and_bridge_fail_and_swap_memory_and_gpu_are_optional(tmp_path, monkeypatch):
    monkeypatch.setattr("synthgen.decode.bridge.BUILTIN", tmp_path / "none")
    checks = found()
    details = {f"model {name}": f"synthgen models pull {name}" for name in MODELS} | {"bridge": "contains no bridge"}
    for name, detail in details.items():
        check = checks[name]
        assert (check.ok, check.optional) == (False, name == "model rampart")
        assert detail in check.detail
    assert {name for name, check in checks.items() if check.optional} >= {"swap", "memory", "gpu"}
    assert all(json.dumps(asdict(check)) for check in checks.values())


@pytest.mark.parametrize(("able", "start"), [(True, "bfloat16"), (False, "float32, because")])
@pytest.mark.parametrize("in_int8", [True, False])
def test_the_arithmetic_of_the_cpu_is_reported(monkeypatch, able, start, in_int8):
    monkeypatch.setattr("synthgen.core.workers.has_bfloat16", lambda: able)
    monkeypatch.setattr("synthgen.core.workers.has_int8", lambda: in_int8)
    check = found()["arithmetic"]
    assert (check.ok, check.optional) == (able or in_int8, True)
    assert check.detail.startswith(start)
    assert ("int8" in check.detail) is in_int8


def test_free_space_is_checked_where_the_store_would_be_created(store, monkeypatch):
    assert str(store.parent) in found()["model store"].detail
    assert not store.exists()
    monkeypatch.setattr(doctor, "NEEDED_GIB", 1e9)
    assert not found()["model store"].ok
    monkeypatch.setattr(doctor, "_model", lambda name: doctor.Check(f"model {name}", True, "sha256"))
    assert found()["model store"].ok  # a complete store needs no space


@pytest.mark.parametrize("problems", [[], ["the cluster answers without a token", "the dashboard answers"]])
def test_a_ray_cluster_is_checked_only_if_its_address_is_given(monkeypatch, problems):
    monkeypatch.setattr("synthgen.pipeline.ray_cluster.cluster_problems", lambda _: problems)
    assert "ray cluster" not in found()
    check = {check.name: check for check in examine("10.0.0.5:6379")}["ray cluster"]
    assert (check.ok, check.optional) == (not problems, False)
    assert check.detail == ("; ".join(problems) or "10.0.0.5:6379 requires a token")
