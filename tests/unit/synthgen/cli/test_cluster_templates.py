"""The cluster templates run here with stand-ins for `sbatch` and Kubernetes, which set the same variables."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from synthgen.cli.start import cluster_template
from synthgen.pipeline.pipeline import Pipeline

SBATCH = """#!{python}
import os, re, subprocess, sys
options = [word for word in sys.argv[1:] if word.startswith("--")]
script = [word for word in sys.argv[1:] if not word.startswith("--")]
given = dict(option.lstrip("-").partition("=")[::2] for option in options)
common = {{**os.environ, "SLURM_JOB_ID": "71", "SLURM_CPUS_PER_TASK": "1"}}
if "array" in given:
    first, last = map(int, re.fullmatch(r"(\\d+)-(\\d+)", given["array"]).groups())
    tasks = range(first, last + 1)
    each = [dict(SLURM_ARRAY_TASK_ID=str(i), SLURM_ARRAY_TASK_COUNT=str(len(tasks))) for i in tasks]
else:
    assert given == {{"dependency": "afterok:71"}}
    each = [dict()]
jobs = [subprocess.Popen(["bash", *script], env={{**common, **own}}, stdout=sys.stderr) for own in each]
if any([job.wait() for job in jobs]):
    sys.exit(1)
if "parsable" in given:
    print(71)
"""
RECORDS = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], os.environ.get("LOKY_MAX_CPU_COUNT"), oct(os.umask(0))]) + chr(10))
"""
RUNS = """#!{python}
import os, sys
if sys.argv[1] == "run":
    os.execv({python!r}, [{python!r}, "-m", "synthgen", *sys.argv[1:]])
"""


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Return a function that puts a program into a folder of the search path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def put(name, text):
        (folder / name).write_text(text.format(python=sys.executable, log=str(tmp_path / "log")))
        (folder / name).chmod(0o700)

    return put


def calls(tmp_path):
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def slurm(tmp_path, n_parts):
    path = tmp_path / "slurm.sh"
    text = cluster_template("slurm")
    assert "PARTS=8 " in text
    path.write_text(text.replace("PARTS=8 ", f"PARTS={n_parts} "))
    return path


def test_slurm_runs_every_part_and_then_the_release(tmp_path, tools):
    tools("sbatch", SBATCH)
    tools("synthgen", RECORDS)
    subprocess.run(["bash", slurm(tmp_path, 3), "clinic.yaml"], check=True)
    *parts, release = calls(tmp_path)
    run = ["run", "clinic.yaml", "--part"]
    assert sorted(parts) == [[[*run, f"{i}/3", "--wait"], "1", "0o77"] for i in range(3)]
    assert release == [["release", "clinic.yaml"], None, "0o77"]


def test_a_failed_part_prevents_the_release(tmp_path, tools):
    tools("sbatch", SBATCH)
    tools("synthgen", RECORDS + "\nsys.exit(3)\n")
    assert subprocess.run(["bash", slurm(tmp_path, 2), "clinic.yaml"], check=False).returncode != 0
    assert [given[0] for given, *_ in calls(tmp_path)] == ["run", "run"]


def test_kubernetes_runs_every_part_and_then_the_release(tmp_path, tools):
    tools("synthgen", RECORDS)
    run, release = YAML(typ="safe").load_all(cluster_template("kubernetes"))
    assert (run["spec"]["completionMode"], release["spec"]["suspend"]) == ("Indexed", True)
    n = run["spec"]["completions"]
    assert run["spec"]["parallelism"] == n
    for job, indexes in ((run, range(n)), (release, [None])):
        (container,) = job["spec"]["template"]["spec"]["containers"]
        secrets = {one["name"] for one in container["env"] if "valueFrom" in one}
        assert secrets == ({"SYNTHGEN_KEY_PASSPHRASE"} if job is release else set())
        given = {one["name"]: one["value"] for one in container["env"] if one["name"] not in secrets}
        assert given.get("PARTS", str(n)) == str(n)
        for i in indexes:
            index = {} if i is None else {"JOB_COMPLETION_INDEX": str(i)}
            subprocess.run(container["command"], env={**os.environ, **given, **index}, check=True)
    *parts, last = (words for words, *_ in calls(tmp_path))
    arguments = ["run", "/shared/clinic.yaml", "--part"]
    assert parts == [[*arguments, f"{i}/{n}", "--wait"] for i in range(n)]
    assert last == ["release", "/shared/clinic.yaml"]


@pytest.mark.slow
def test_the_slurm_array_gives_the_bytes_of_a_local_run(project, new_project, tmp_path, tools):
    tools("sbatch", SBATCH)
    tools("synthgen", RUNS)
    changes = {"decode": {"batch": 4}}
    path = project.write_config(**changes)
    subprocess.run(["bash", slurm(tmp_path, 2), str(path)], check=True)
    other = type(new_project)(shutil.copytree(new_project.folder, tmp_path / "local"))
    shutil.rmtree(other.folder / "ledger", ignore_errors=True)  # a copy of a ledger would count as rolled back
    (other.folder / "keys" / "ledger-seen.json").unlink(missing_ok=True)
    local = Pipeline(other.config(**changes)).run()
    kept = {
        name: next((project.folder / "ws" / "stages").glob(f"{name}-????????????????"))
        for name in ("filter", "re-embed")
    }
    for name, folder in kept.items():
        for file in ("kept.parquet", "vectors.npy"):
            if (folder / file).exists():
                assert (folder / file).read_bytes() == (local.folder(name) / file).read_bytes()
