"""Start a Ray cluster for a run, or connect to a running cluster that requires a secret token."""

import http.client
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from synthgen.core.errors import DependencyError, StorageError, UsageError, WorkerError
from synthgen.core.run_config import ADDRESS, RunConfig
from synthgen.core.workers import usable_cores

MODE, TOKEN, TOKEN_FILE = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"  # environment variables
PRIVATE = {"RAY_USAGE_STATS_ENABLED": "0"}  # environment variables that stop Ray's usage reports to its developers
DASHBOARD_PORT = 8265
PROBE_SECONDS = 60.0  # time limit of a connection test
STORE_BYTES = 80_000_000  # size of Ray's object store in bytes; the store contains only file names
# in bytes: longest possible path of a socket, and length of what Ray appends to the path of its folder
SOCKET_BYTES, APPENDED_BYTES = 107, 75
_HINT = (
    "See docs/how-to/cluster.md. Start Ray with RAY_AUTH_MODE=token on all machines. On this machine, set "
    "RAY_AUTH_MODE=token, and set RAY_AUTH_TOKEN to the token of the cluster, or RAY_AUTH_TOKEN_PATH to the file "
    "with this token."
)


def require_ray() -> None:
    """Raise DependencyError if Ray is not installed; do not import Ray."""
    if find_spec("ray") is None:
        raise DependencyError("the package ray is not installed", hint="In a checkout: pip install '.[ray]'.")


def address_of(run: RunConfig) -> str | None:
    """Return the address of the running cluster that the run uses; None if the run starts a cluster."""
    given = run.address or os.environ.get("RAY_ADDRESS") or None
    return None if given == "local" else given


@contextmanager
def connected(run: RunConfig, root: Path) -> Iterator[Any]:
    """Yield the module `ray`, connected to a cluster that requires a secret token.

    If no cluster is configured, a cluster is started on this machine. Its folder is in the workspace `root` or, if
    that path is too long for a socket, in the folder for temporary files. The folder is removed at the end.

    Raises:
        DependencyError: Ray is not installed.
        UsageError: the address in the environment variable RAY_ADDRESS is not HOST:PORT.
        WorkerError: the running cluster can be used without a token, or cannot be reached with the token; or this
            process is already connected to Ray.
        StorageError: the paths of the workspace and of the folder for temporary files are too long for a socket.
    """
    require_ray()
    address = address_of(run)
    os.environ.update(PRIVATE)
    if address is not None and (problems := cluster_problems(address)):
        raise WorkerError(f"the Ray cluster {address} cannot be used for private data", problems=problems, hint=_HINT)
    os.environ[MODE] = "token"
    os.environ.setdefault("RAY_worker_niceness", "0")  # with Ray's default of 15, workers starve on a busy machine
    if address is None and TOKEN not in os.environ and TOKEN_FILE not in os.environ:
        os.environ[TOKEN] = secrets.token_hex(32)
    import ray

    if ray.is_initialized():
        raise WorkerError("this process is already connected to Ray", hint="Call ray.shutdown() first.")
    folder = None if address is not None else _short_folder(root)
    try:
        if folder is None:
            try:
                ray.init(address=address, log_to_driver=False, configure_logging=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                message = f"the Ray cluster {address} cannot be joined ({type(error).__name__})"
                hint = "Start the run on a machine of the cluster, with the cluster's versions of Ray and Python."
                raise WorkerError(message, hint=hint) from error
        else:
            ray.init(
                address="local",
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
                num_cpus=usable_cores(),
                object_store_memory=STORE_BYTES,
                _node_ip_address="127.0.0.1",
                _temp_dir=str(folder),
            )
        yield ray
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _short_folder(root: Path) -> Path:
    """Create a folder for Ray in `root` or, if that path is too long for a socket, in the temporary folder."""
    most = SOCKET_BYTES - APPENDED_BYTES
    inside = root / "ray"
    if len(os.fsencode(inside)) <= most:
        shutil.rmtree(inside, ignore_errors=True)
        inside.mkdir(mode=0o700)
        return inside
    if len(os.fsencode(tempfile.gettempdir())) + len("/sg-12345678") > most:
        raise StorageError(
            "the paths of the workspace and of the folder for temporary files are too long for the sockets of Ray, "
            f"which allow {most} bytes",
            hint="Set the variable TMPDIR to a folder with a short path, such as /tmp.",
        )
    return Path(tempfile.mkdtemp(prefix="sg-"))


def cluster_problems(address: str) -> list[str]:
    """Return the reasons not to process private data on the cluster at `address`; empty if there are none.

    The function tries to use the cluster and its dashboard without a token.

    Raises:
        DependencyError: Ray is not installed.
        UsageError: `address` is not HOST:PORT.
    """
    require_ray()
    if re.fullmatch(ADDRESS, address) is None:
        hint = "Write the address (run.address or the variable RAY_ADDRESS) as HOST:PORT, such as 10.0.0.5:6379."
        raise UsageError(f"{address!r} is no address of a Ray cluster", hint=hint)
    problems = []
    if os.environ.get(MODE) != "token":
        problems.append(f"the variable {MODE} is not `token`, so this machine would use the cluster without a token")
    if _answers(address, {MODE: "disabled"}):
        problems.append("the cluster answers without a token, so anyone in the network can run programs on it")
    elif not problems and not _answers(address, {MODE: "token"}):
        problems.append("the cluster does not answer: it is not running, or the address or the token is wrong")
    host = address.rpartition(":")[0]
    if _is_open(host, DASHBOARD_PORT):
        problems.append(f"the dashboard at {host}:{DASHBOARD_PORT} answers without a token")
    return problems


def _answers(address: str, variables: dict[str, str]) -> bool:
    """Return whether the cluster answers a request for its status if these environment variables are set."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
    environment = {**os.environ, **PRIVATE, **variables}
    try:
        done = subprocess.run(  # noqa: S603 - the address was checked
            command, env=environment, check=False, capture_output=True, timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return bool(done.returncode == 0)


def _is_open(host: str, port: int) -> bool:
    """Return whether a Ray dashboard at this host and port answers a request without a token."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/api/version")
        return connection.getresponse().status < http.client.UNAUTHORIZED
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
