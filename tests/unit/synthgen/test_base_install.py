"""Test the base install in processes where no package of the extra `engine` can be imported."""

import ast
import json
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from synthgen.core.engine import INSTALL, PACKAGES
from synthgen.release.keys import load_key, new_key, public_path
from synthgen.release.trust import new_trust

ROOT = Path(__file__).parents[3]
SHARED = {"joblib", "threadpoolctl"}  # scikit-learn, a base dependency, installs and imports these
BLOCKED = sorted({*PACKAGES, "huggingface_hub", "tokenizers"} - SHARED)
BLOCKER = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""
RUN = BLOCKER + "from synthgen.cli.main import main\nmain()\n"
RUN_ALL = (
    BLOCKER
    + """
import contextlib, io, json
from synthgen.cli.main import main
done = []
for words in json.loads(sys.argv[1]):
    sys.argv, code = ["synthgen", *words], 0
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    done.append((code, *(stream.buffer.getvalue().decode() for stream in (out, err))))
print(json.dumps(done))
"""
)
API = """
from synthgen import Config, Release, interpolate, verify
try:
    from synthgen import Pipeline
except ImportError as error:
    print(type(error).__name__, error.hint)
"""
PASSPHRASE = "correct horse"
OPTIONAL = {"rfc3161_client", "securesystemslib", "pandas"}  # in other extras; errors say which extra to install


def called(code, *arguments, cwd, **env):
    command, path = [sys.executable, "-c", code, *map(str, arguments)], f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    env = os.environ | {"PYTHONPATH": path, "SYNTHGEN_KEY_PASSPHRASE": PASSPHRASE} | env
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120, env=env)


def called_one_by_one(*commands, cwd, **env):
    """Run commands in one process, and return the exit code, output and messages of each."""
    done = called(RUN_ALL, json.dumps([[str(word) for word in words] for words in commands]), cwd=cwd, **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """A folder that `synthgen init` made without the engine."""
    folder = tmp_path_factory.mktemp("base") / "trial"
    done = called(RUN, "init", folder, "--template", "newsgroup", cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return folder


COMMANDS = ("--help", "run --help", "verify --help", "keys --help", "models list")
SCHEMAS = ("schema config", "schema policy", "schema audit", "schema attestation")


def test_commands_that_read_no_files_work(tmp_path):
    commands = [arguments.split() for arguments in (*COMMANDS, *SCHEMAS)]
    done = called_one_by_one(*commands, cwd=tmp_path, SYNTHGEN_MODELS=str(tmp_path / "store"))
    for arguments, (code, output, error) in zip(commands, done, strict=True):
        assert (code, len(output) > 100) == (0, True), (arguments, error)


def test_a_bundle_is_approved_and_verified(releases, tmp_path):
    now = datetime.now(UTC) - timedelta(hours=1)
    for role in ("releaser", "privacy_officer", "data_owner"):
        new_key(tmp_path / f"{role}.pem", PASSPHRASE.encode(), person=role, org="Clinic", now=now)
    root, policy = tmp_path / "trust.json", releases.policy_of(releases.APPROVED_POLICY)
    roles = {path.stem: [public_path(path)] for path in tmp_path.glob("*.pem")}
    new_trust(root, roles=roles, policies={policy.name: [policy.digest()]}, expires=now + timedelta(days=9))
    key = load_key(tmp_path / "releaser.pem", PASSPHRASE.encode())
    bundle = releases.bundle(tmp_path / "out", releases.APPROVED_POLICY, key, now)
    roles = ("privacy_officer", "data_owner")
    approve = ("approve", bundle, "--yes", "--no-review")
    commands = [(*approve, "--role", role, "--key", tmp_path / f"{role}.pem") for role in roles]
    commands = [(*command, "--trust", root) for command in (*commands, ("verify", bundle))]
    for code, _, error in called_one_by_one(*commands, cwd=tmp_path):
        assert code == 0, error


def test_keys_and_trust_roots_are_made_and_read(trial, tmp_path):
    commands = [("keys", "new", tmp_path / "ann.pem", "--person", "Ann", "--org", "Clinic")]
    commands += [("keys", "show", tmp_path / "ann.pub.json"), ("trust", "show", trial / "trust.json")]
    for code, _, error in called_one_by_one(*commands, cwd=tmp_path):
        assert code == 0, error


def test_a_bundle_is_inspected_compared_and_exported(releases, tmp_path):
    bundle = releases.bundle(tmp_path / "out")
    commands = [("inspect", bundle, "--json"), ("diff", bundle, bundle)]
    commands += [("export", bundle, "--to", to, "--out", tmp_path / to) for to in ("csv", "hf", "fhir")]
    for code, _, error in called_one_by_one(*commands, cwd=tmp_path):
        assert code == 0, error


def test_a_budget_is_read(trial):
    commands = [("budget", command, trial / "newsgroups.yaml") for command in ("show", "check")]
    for code, _, error in called_one_by_one(*commands, cwd=trial):
        assert code == 0, error


def test_a_report_inside_a_bundle_is_found(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").touch()
    done = called(RUN, "report", tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "report" / "report.html"))


def test_doctor_says_that_the_engine_is_missing(tmp_path):
    done = called(RUN, "doctor", cwd=tmp_path, SYNTHGEN_MODELS=str(tmp_path / "store"))
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FAIL engine")]
    assert (done.returncode, INSTALL in line, "torch" in line) == (6, True, True)


def test_an_engine_command_ends_with_one_message(trial):
    commands = [(command, trial / "newsgroups.yaml") for command in ("run", "plan", "release", "shadow")]
    for code, _, error in called_one_by_one(*commands, cwd=trial):
        assert code == 3
        assert "Traceback" not in error
        assert error.splitlines()[-1] == f"Install it: {INSTALL}"
        assert "torch" in error.splitlines()[-2]


def test_the_python_api_without_the_engine(tmp_path):
    done = called(BLOCKER + API, cwd=tmp_path)
    assert done.stdout.splitlines() == [f"DependencyError Install it: {INSTALL}"], done.stderr


def test_base_dependencies_are_those_of_the_audits_and_cover_what_base_commands_import(tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "audits" / "requirements.txt").read_text().splitlines()
    assert sorted(project["dependencies"]) == sorted(line for line in lines if line and not line.startswith("#"))
    commands = ("main", "airgap", "budgets", "doctor", "keys", "publish", "received", "schemas", "start")
    files = (p for p in (ROOT / "audits").rglob("*.py") if p.stem not in {"__init__", "__main__"})
    modules = [
        *("synthgen.config", "synthgen.dp.reserve", *(f"synthgen.cli.{name}" for name in commands)),
        *(f"synthgen.release.{name}" for name in ("approve", "open", "signers")),
        *(f"synthgen.receive.{name}" for name in ("difference", "export", "overview")),
        *(".".join(p.relative_to(ROOT).with_suffix("").parts) for p in files),
    ]
    code = BLOCKER + (
        f"import importlib\nfor module in {modules!r}:\n    importlib.import_module(module)\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if name.partition('.')[0] in {'synthgen', 'audits'}:\n        print(module.__file__)\n"
    )
    done = called(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    named = {name for file in done.stdout.splitlines() for name in _imported_at_the_top(Path(file))}
    third = named - {"synthgen", "audits", *sys.stdlib_module_names} - OPTIONAL
    known = packages_distributions()
    base = {entry.split(">=")[0] for entry in project["dependencies"]}
    assert {known[name][0].lower().replace("_", "-") for name in third} <= {*base, "ruamel-yaml"}


def _imported_at_the_top(file):
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
