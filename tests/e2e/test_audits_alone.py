"""`audits` without the engine: a new environment without torch and transformers, and tables of every format."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
WORDS = ["".join(parts) for parts in product(("ba", "ko", "mi", "te", "su"), ("ra", "lo", "ni"), "mstl")]


def rows(n, who, seed):
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, 40)) + "." for _ in range(n)]
    return [{"text": text, "label": "ab"[i % 2], "group": f"{who}{i}"} for i, text in enumerate(texts)]


SUFFIXES = {"synthetic": "csv", "train": "jsonl", "control": "parquet"}


def written(folder):
    """Write a table for each role, and the train texts as a table for release in every format."""
    tables = {role: rows(n, role, seed) for seed, (role, n) in enumerate(zip(SUFFIXES, (60, 55, 50), strict=True))}
    copies = [saved(released(tables["train"]), folder / f"copies.{suffix}") for suffix in SUFFIXES.values()]
    tables["synthetic"] = released(tables["synthetic"])
    return {role: saved(table, folder / f"{role}.{SUFFIXES[role]}") for role, table in tables.items()}, copies


def released(table):
    return [{"text": row["text"], "label": row["label"]} for row in table]


def saved(table, path):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(table), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, table[0])
            writer.writeheader()
            writer.writerows(table)
    return path


def called(*words, cwd):
    alone = {
        k: v for k, v in os.environ.items() if k != "PYTHONPATH"
    }  # PYTHONPATH has the network guard of the tests, which would block the installation
    return subprocess.run([str(w) for w in words], cwd=cwd, env=alone, capture_output=True, text=True, check=False)


def lowest(requirements):
    """Return the requirements, each restricted to the oldest minor version that it allows."""
    return re.sub(r"^(\S+)>=(\S+)", r"\1>=\2,<=\2.999", requirements, flags=re.MULTILINE)


def link_installed(requirements, site):
    """Link the installed packages that the requirements name, and their dependencies, into another folder."""
    wanted, seen = [Requirement(line) for line in requirements.splitlines() if line[:1] not in ("", "#")], set()
    while wanted:
        required = wanted.pop()
        if required.name in seen or not (required.marker is None or required.marker.evaluate({"extra": ""})):
            continue
        seen.add(required.name)
        found = distribution(required.name)
        assert found.version in required.specifier
        wanted += map(Requirement, found.requires or ())
        for name in {path.parts[0] for path in found.files} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(found.locate_file(name))


@pytest.fixture(scope="module")
def alone(request, tmp_path_factory):
    """Return the Python of an environment that has only the audits and their requirements.

    The parameter is `oldest`, `here`, or the name of another Python. `oldest` installs the oldest allowed versions of
    the requirements. `here` links the versions in the environment of this process instead of installing them.
    """
    folder = tmp_path_factory.mktemp("alone")
    required = (ROOT / "audits" / "requirements.txt").read_text()
    (folder / "requirements.txt").write_text(lowest(required) if request.param == "oldest" else required)
    made_by = request.param if request.param.startswith("python") else sys.executable
    if shutil.which(made_by) is None or called(made_by, "--version", cwd=folder).returncode != 0:
        pytest.skip(f"{made_by} is not installed")
    assert called(made_by, "-m", "venv", "--without-pip", folder / "venv", cwd=folder).returncode == 0
    python = folder / "venv" / "bin" / "python"
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--disable-pip-version-check",
        "-q",
        "install",
        "--no-compile",
    )
    if request.param == "here":
        link_installed(required, *(folder / "venv" / "lib").glob("python*/site-packages"))
    of_index = [] if request.param == "here" else [("-r", folder / "requirements.txt")]
    for what in (*of_index, ("--no-deps", ROOT)):
        done = called(*pip, *what, cwd=folder)
        if "No matching distribution" in done.stderr:
            pytest.skip("the package index cannot be reached")
        assert done.returncode == 0, done.stderr
    return python


@pytest.mark.slow
@pytest.mark.parametrize("alone", ["here", "oldest", "python3.12", "python3.13"], indirect=True)
def test_the_audits_install_and_run_without_the_engine(alone, tmp_path, request):
    for module in ("torch", "transformers", "sentence_transformers"):
        assert called(alone, "-c", f"import {module}", cwd=tmp_path).returncode == 1
    schema = json.loads(called(alone, "-m", "audits", "schema", cwd=tmp_path).stdout)
    tables, copies = written(tmp_path)
    asked = [word for role, path in tables.items() for word in (f"--{role}", path)]
    done = called(alone, "-m", "audits", "run", *asked, "--out", tmp_path / "out", "--json", cwd=tmp_path)
    assert done.returncode == 4, done.stderr  # there are far too few persons for a pass
    report = json.loads(done.stdout)
    assert (tmp_path / "out" / "audit.json").read_text() == done.stdout.rstrip("\n")
    Draft202012Validator(schema).validate(report)
    assert {r["verdict"] for r in report["results"]} == {"insufficient"}
    assert "failed" not in {r["status"] for r in report["results"]}
    # a parquet file of another version of pyarrow must be rewritten first
    has_same_writer = request.node.callspec.params["alone"] == "here"
    for path in copies if has_same_writer else copies[:2]:
        words = (*asked[2:], "--synthetic", path, "--only", "memorization", "--json")
        leak = called(alone, "-m", "audits", "run", *words, cwd=tmp_path)
        assert json.loads(leak.stdout)["overall"] == "fail"


def test_requirements_are_the_imported_modules_and_those_of_the_distribution():
    lines = (ROOT / "audits" / "requirements.txt").read_text().splitlines()
    wanted = {line.split(">=")[0] for line in lines if line and not line.startswith("#")}
    project = (ROOT / "pyproject.toml").read_text()
    assert all(f'"{name}>=' in project for name in wanted)
    named = {"cryptography": "cryptography", "dp-accounting": "dp_accounting", "pyahocorasick": "ahocorasick"}
    named |= {"confusable-homoglyphs": "confusable_homoglyphs"}
    named |= {"python-stdnum": "stdnum", "ruamel.yaml": "ruamel", "scikit-learn": "sklearn"}
    modules = {named.get(name, name) for name in wanted}
    used = set()
    for path in (ROOT / "audits").rglob("*.py"):
        used |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), flags=re.MULTILINE))
    third = used - set(sys.stdlib_module_names) - {"audits"}
    optional = {"rfc3161_client"}  # for policies that require trusted times; without it the verifier refuses
    assert 'timestamps = ["rfc3161-client>=' in project
    assert {name for name in third if find_spec(name) is not None} - optional <= modules
