import stat
import sys
from types import SimpleNamespace

import pytest

from synthgen.core.errors import DependencyError, StorageError, UsageError, WorkerError
from synthgen.core.run_config import RunConfig
from synthgen.pipeline import ray_cluster
from synthgen.pipeline.ray_cluster import address_of, cluster_problems, connected, require_ray

ADDRESS = "127.0.0.1:6379"


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: object())
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)


def test_a_missing_package_is_reported(monkeypatch):
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: None)
    with pytest.raises(DependencyError, match="not installed") as caught:
        require_ray()
    assert ".[ray]" in caught.value.hint


def test_address_is_that_of_the_configuration_or_of_the_environment(monkeypatch):
    own = RunConfig.model_validate({"on": "ray", "address": ADDRESS})
    assert (address_of(own), address_of(RunConfig(on="ray"))) == (ADDRESS, None)
    monkeypatch.setenv("RAY_ADDRESS", "10.1.1.1:6379")
    assert (address_of(own), address_of(RunConfig(on="ray"))) == (ADDRESS, "10.1.1.1:6379")
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert address_of(RunConfig(on="ray")) is None


def answering(monkeypatch, *modes, dashboard=False):
    """Let a cluster answer in these authentication modes."""
    monkeypatch.setattr(ray_cluster, "_answers", lambda _address, variables: variables["RAY_AUTH_MODE"] in modes)
    monkeypatch.setattr(ray_cluster, "_is_open", lambda *_: dashboard)


@pytest.mark.parametrize(
    ("mode", "modes", "dashboard", "expected"),
    [
        ("token", ("token",), False, []),
        ("token", ("token", "disabled"), False, ["answers without a token"]),
        ("token", ("token",), True, ["dashboard at 127.0.0.1:8265"]),
        ("token", (), False, ["does not answer"]),
        (None, ("token",), False, ["RAY_AUTH_MODE is not `token`"]),
        (None, ("token", "disabled"), True, ["RAY_AUTH_MODE", "answers without", "dashboard"]),
    ],
)
def test_an_open_or_unreachable_cluster_has_problems(monkeypatch, mode, modes, dashboard, expected):
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    answering(monkeypatch, *modes, dashboard=dashboard)
    found = cluster_problems(ADDRESS)
    assert len(found) == len(expected)
    assert all(part in problem for part, problem in zip(expected, found, strict=True))


@pytest.mark.parametrize("address", ["auto", "ray://h:10001", "h", "--help:1", "h:1 --x", "h:1\n"])
def test_an_invalid_address_is_refused(address):
    with pytest.raises(UsageError, match="no address of a Ray cluster"):
        cluster_problems(address)


def test_a_run_does_not_connect_to_an_open_cluster(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    answering(monkeypatch, "token", "disabled")
    run = RunConfig.model_validate({"on": "ray", "address": ADDRESS})
    with pytest.raises(WorkerError, match="cannot be used for private data") as caught, connected(run, tmp_path):
        pytest.fail("connected")
    assert "answers without a token" in caught.value.problems[0]
    assert "RAY_AUTH_MODE=token" in caught.value.hint


def test_a_process_that_is_connected_already_is_refused(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: True))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_worker_niceness"):  # `connected` changes them
        monkeypatch.setenv(name, "token")
    with pytest.raises(WorkerError, match="already connected"), connected(RunConfig(on="ray"), tmp_path):
        pytest.fail("connected twice")


def test_a_cluster_that_cannot_be_joined_is_reported(monkeypatch, tmp_path):
    def init(**_):
        raise ConnectionError("refused")

    ray = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", ray)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_worker_niceness"):  # `connected` changes them
        monkeypatch.setenv(name, "token")
    monkeypatch.setattr(ray_cluster, "cluster_problems", lambda _address: [])
    run = RunConfig.model_validate({"on": "ray", "address": ADDRESS})
    with pytest.raises(WorkerError, match=r"cannot be joined \(ConnectionError\)"), connected(run, tmp_path):
        pytest.fail("joined")


def test_the_folder_of_ray_is_private_and_short(monkeypatch, tmp_path):
    short = ray_cluster._short_folder(tmp_path)
    try:
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
        assert len(str(short)) <= 32
    finally:
        short.rmdir()
    monkeypatch.setattr(ray_cluster, "SOCKET_BYTES", 1000)
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "old").touch()
    inside = ray_cluster._short_folder(tmp_path)
    assert (inside, list(inside.iterdir())) == (tmp_path / "ray", [])
    assert stat.S_IMODE(inside.stat().st_mode) == 0o700
    monkeypatch.setattr(ray_cluster, "SOCKET_BYTES", 80)
    with pytest.raises(StorageError, match="too long for the sockets of Ray"):
        ray_cluster._short_folder(tmp_path)


class Dashboard:
    """A stand-in for an HTTP connection to a dashboard; with `status` None, nothing listens."""

    status: int | None = None

    def __init__(self, host, port, timeout):
        assert (host, port, timeout > 0) == ("10.0.0.5", 8265, True)

    def request(self, method, path):
        assert (method, path) == ("GET", "/api/version")
        if self.status is None:
            raise ConnectionRefusedError

    def getresponse(self):
        return self

    def close(self):
        pass


@pytest.mark.parametrize(("status", "is_open"), [(200, True), (302, True), (401, False), (403, False), (None, False)])
def test_a_dashboard_is_open_if_it_answers_without_a_token(monkeypatch, status, is_open):
    monkeypatch.setattr(Dashboard, "status", status)
    monkeypatch.setattr(ray_cluster.http.client, "HTTPConnection", Dashboard)
    assert ray_cluster._is_open("10.0.0.5", 8265) == is_open
