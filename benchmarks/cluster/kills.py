"""Kill processes of a run on a local Ray cluster at random, and compare its result to that of a run without Ray.

    python benchmarks/cluster/kills.py [CONFIG] [--kills 20] [--until filter] [--records N] [--seed 0]
        [--folder build/kills]

Every few seconds, a worker, the driver (the command itself) or the head of the cluster gets SIGKILL. If the command
fails, it is started again and continues the run. If the command succeeds before `--kills` processes were killed, its
workspace is removed and the run starts from the beginning. The files of all stages must have the same bytes as in the
local run; otherwise the exit code is 1. Do not run this benchmark while another Ray cluster uses this machine: the
benchmark also kills processes of that cluster. CONFIG must have no privacy budget; the default is a fictional clinic
of 240 patients. The extra `ray` is needed. To shorten the run, set --records, which replaces `interpolate.total`.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from audits.core.strictyaml import read_yaml
from synthgen.config import Config
from synthgen.core.errors import ConfigError
from synthgen.core.seeds import SeedTree
from synthgen.pipeline.workspace import DONE

sys.path.append(str(Path(__file__).parents[2] / "examples" / "clinic"))  # the fictional clinic

from fictional_clinic import generate

WAIT = (3.0, 12.0)  # shortest and longest time between two kills, in seconds
PROGRESS = 45.0  # driver and head are not killed in the first 45 seconds of a command, so that the run advances
KINDS = {"worker": 0.5, "driver": 0.25, "head": 0.25}  # probability of each kind of process
COMMAND_LINES = {"worker": "ray::RayWorker", "head": "gcs_server"}  # start of the command line, or program name
PATIENTS, RECORDS = 240, 60


def clinic(folder):
    """Write a small fictional clinic and return its configuration."""
    rows = generate(PATIENTS, SeedTree(7).child("clinic").generator())
    (folder / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"path": str(folder / "notes.jsonl"), "text": "note", "label": "specialty", "group": "patient_id"}
    decode = {"candidates": 2, "max_new_tokens": 32, "batch": 8}
    return {"version": 1, "secret": "public", "source": source, "interpolate": {"total": RECORDS}, "decode": decode}


def configurations(path, folder, records=None):
    """Write a configuration for the local run and one for the run with Ray, and return their paths."""
    given = clinic(folder) if path is None else read_yaml(path, error=ConfigError)
    if path is not None:
        config = Config.load(path)
        given["source"]["path"] = str(config.resolve(config.source.path))
    if records is not None:
        given["interpolate"] = {**given.get("interpolate", {}), "total": records}
    written = {}
    for name, machines in (("local", {"on": "local"}), ("ray", {"on": "ray", "workers": 2})):
        own = {**given, "workspace": str(folder / name), "ledger": str(folder / "ledger"), "run": machines}
        written[name] = folder / f"{name}.yaml"
        written[name].write_text(json.dumps(own))
    return written


def processes(kind, driver):
    """Return the ids of the running processes of a kind; `driver` is the id of the driver."""
    if kind == "driver":
        return [driver]
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            program = path.read_bytes().split(b"\0")[0].decode(errors="replace")
        except OSError:  # the process has ended
            continue
        if program.startswith(COMMAND_LINES[kind]) or Path(program).name == COMMAND_LINES[kind]:
            found.append(int(path.parent.name))
    return found


def kill_one(rng, driver, seconds):
    """Kill a random process of a random kind; return the kind, or None if there is no such process at the moment."""
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    if kind != "worker" and seconds < PROGRESS:
        return None
    found = processes(kind, driver)
    if not found:
        return None
    try:
        os.kill(rng.choice(found), signal.SIGKILL)
    except ProcessLookupError:
        return None
    return kind


def content(workspace):
    """Return the bytes of the files of all stages by relative path, without `DONE` files, which contain durations."""
    stages = workspace / "stages"
    return {
        path.relative_to(stages).as_posix(): path.read_bytes()
        for path in stages.rglob("*")
        if path.is_file() and path.name != DONE
    }


def different(one, other):
    """Return the names of the files that differ between two workspaces."""
    left, right = content(one), content(other)
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


def disturbed(command, rng, missing, log):
    """Run a command and meanwhile kill up to `missing` processes; return the exit code and the killed kinds."""
    killed, started = [], time.monotonic()
    process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - the command of `main`
    while process.poll() is None:
        if len(killed) == missing:
            process.wait()
            break
        time.sleep(rng.uniform(*WAIT))
        if process.poll() is None and (kind := kill_one(rng, process.pid, time.monotonic() - started)):
            killed.append(kind)
    return process.returncode, killed


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", type=Path, help="configuration of a run without a privacy budget")
    parser.add_argument("--kills", type=int, default=20, help="number of processes to kill")
    parser.add_argument("--until", default="filter", help="last stage of the run")
    parser.add_argument(
        "--records", type=int, help="number of synthetic records instead of that in the configuration"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random choices")
    parser.add_argument("--folder", type=Path, default=Path("build/kills"), help="folder of the workspaces")
    return parser.parse_args(argv)


def main(argv=None):
    args = arguments(argv)
    if find_spec("ray") is None:
        raise SystemExit("the extra `ray` is not installed: pip install '.[ray]'")
    folder = args.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng, killed, ends, started = random.Random(args.seed), [], [], time.monotonic()
    commands = {
        name: [sys.executable, "-m", "synthgen", "run", str(path), "--until", args.until]
        for name, path in configurations(args.config, folder, args.records).items()
    }
    with (folder / "log").open("w") as log:
        subprocess.run(commands["local"], check=True, stdout=log, stderr=log)  # noqa: S603 - as above
        while True:
            code, kinds = disturbed(commands["ray"], rng, args.kills - len(killed), log)
            killed += kinds
            ends.append(code)
            seconds, names = time.monotonic() - started, ", ".join(kinds) or "nothing"
            print(f"{seconds:6.0f} s  exit code {code:3}  killed: {names}", flush=True)
            if code != 0:
                continue
            if changed := different(folder / "local", folder / "ray"):
                print(f"different: {', '.join(changed)}")
                return 1
            if len(killed) >= args.kills:
                break
            shutil.rmtree(folder / "ray")
    counts = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(killed).items()))
    print(f"{len(killed)} processes killed ({counts}); {len(ends)} starts of the command")
    print(f"{ends.count(0)} finished runs, each with the bytes of the local run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
