"""A run on a real Ray cluster of this machine, whose workers and driver are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.workspace import DONE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray` is not installed"),
]
MANY_SHARDS = {"decode": {"batch": 2}}
RAY = {"on": "ray", "workers": 2}


def content(folder):
    """Return the bytes of every file of every stage, by the names of folder and file."""
    stages = folder / "ws" / "stages"
    paths = [path for path in stages.rglob("*") if path.is_file() and path.name != DONE]
    return {path.relative_to(stages).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def short():
    """A private folder with a path that is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def environment(short):
    """Environment of a process that may use the loopback network, over which the processes of Ray communicate."""
    paths = [path for path in os.environ["PYTHONPATH"].split(os.pathsep) if not path.endswith("no_network")]
    root = str(Path(__file__).parents[4])
    given = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**given, "PYTHONPATH": os.pathsep.join([root, *paths]), "TMPDIR": str(short)}


def pids(name):
    """Return the ids of the processes whose command line starts with a name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(name.encode()):
                found.append(int(path.parent.name))
        except OSError:  # the process has ended
            continue
    return found


def wait_for(look, process, log):
    """Return the first true value of `look()` while a process runs."""
    deadline = time.monotonic() + 900
    while not (found := look()):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def texts_in(folder, texts):
    """Return the texts of which a file in the folder contains a piece of 30 characters."""
    pieces = {text: [text[i : i + 30].encode() for i in range(0, max(1, len(text) - 30), 30)] for text in texts}
    data = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [text for text, parts in pieces.items() if any(part in data for part in parts)]


def test_killed_workers_and_a_killed_driver_give_the_bytes_of_a_local_run(
    project, new_project, tmp_path, short, environment
):
    path = project.write_config(**MANY_SHARDS)
    path.write_text(f'{path.read_text()[:-1]}, "run": {json.dumps(RAY)}}}')
    command = [sys.executable, "-m", "synthgen", "run", str(path)]
    stages = project.folder / "ws" / "stages"
    notes = [json.loads(line)["note"] for line in (project.folder / "notes.jsonl").read_text().splitlines()]

    (tmp_path / "log").mkdir()
    path = tmp_path / "log" / "driver"
    with path.open("w") as log:
        driver = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        worker, *_ = wait_for(lambda: pids("ray::RayWorker"), driver, path)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: list(stages.glob("decode*.shards/shard-*")), driver, path)
        if others := pids("ray::RayWorker"):
            os.kill(others[0], signal.SIGKILL)
        driver.kill()
        driver.wait()
    assert any(path.name == "logs" for path in short.rglob("logs")), "Ray left no folder that can be examined"
    assert texts_in(short, notes) == []
    assert texts_in(project.folder, notes) == notes  # the search finds texts that are present
    assert texts_in(tmp_path / "log", notes) == []

    subprocess.run(command, env=environment, check=True, timeout=1200)
    other = type(new_project)(shutil.copytree(new_project.folder, tmp_path / "local"))
    shutil.rmtree(other.folder / "ledger", ignore_errors=True)  # a copy of a ledger would count as rolled back
    (other.folder / "keys" / "ledger-seen.json").unlink(missing_ok=True)
    Pipeline(other.config(**MANY_SHARDS)).run()
    assert content(project.folder) == content(other.folder)
    assert not pids("ray::RayWorker")


OPEN = """
import ray, sys
ray.init(address="local", include_dashboard=False, num_cpus=1, object_store_memory=80_000_000, _temp_dir=sys.argv[1])
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("mode", ["disabled", "token"])
def test_doctor_accepts_only_a_cluster_that_requires_a_token(short, environment, mode):
    token = {"RAY_AUTH_TOKEN": "a" * 64, "RAY_USAGE_STATS_ENABLED": "0"}
    (short / "r").mkdir()
    started = subprocess.Popen(
        [sys.executable, "-c", OPEN, str(short / "r")],
        env={**environment, **token, "RAY_AUTH_MODE": mode},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with started as cluster:
        address = next(line.strip() for line in iter(cluster.stdout.readline, "") if line[:1].isdecimal())
        command = [sys.executable, "-m", "synthgen", "doctor", "--ray", address, "--json"]
        given = {**environment, **token, "RAY_AUTH_MODE": "token"}
        done = subprocess.run(command, env=given, check=False, capture_output=True, text=True, timeout=600)
        cluster.stdin.close()
    (check,) = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "ray cluster"]
    assert check["ok"] == (mode == "token"), check
    if mode == "disabled":
        assert done.returncode == 6
        assert "answers without a token" in check["detail"]
