"""Fixtures: one release with the embedded models, which the command line makes once, and copies of its folder.

The release, its first verification and each release that is killed run in a separate process. All other commands of
`synthgen` run in the process of the tests.
"""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audits.gate.shipped import load_policy
from synthgen.cli import main as cli
from synthgen.cli.start import start
from synthgen.models.registry import MODELS
from synthgen.models.store import MANIFEST, store_folder
from synthgen.release.trust import new_trust

SEED = 918273645  # these digits occur in no other number of a release
CONFIG = """
version: 1
workspace: ./ws
seed: {seed}
secret: public
ledger: ./ledger
source: {{path: notes.jsonl, text: note, label: specialty, group: patient_id, id: note_id, names: [patient_name],
          labels: [cardiology, gastroenterology, pulmonology]}}
deidentify: {{engine: rules}}
interpolate: {{method: smote, k_neighbors: 3, balance: equal, total: 36}}
decode: {{candidates: 1, max_new_tokens: 12, batch: 32}}
{no_filter}
policy: lenient.yaml
release: {{name: trial, key: keys/releaser.pem, out: out}}
"""
NO_FILTER = """filter: {class_agreement: null, embedding_distance: null, near_duplicate: null, language: null,
         length: null, repetition: null, fluency: null}"""
LENIENT = """
name: lenient
version: "1"
intended_use: inside
statement: For tests alone.
measured: [memorization]
rules:
  - {id: records, metric: records.synthetic, bound: value, op: ">=", limit: 12, why: Something must be there.}
  - {id: balance, metric: balance.tv_distance, bound: value, op: "<=", limit: 0.5, why: Every class is there.}
"""
MOST_SECONDS = 900  # limit for one command, sufficient on a busy machine


def environment(**changes):
    kept = {k: v for k, v in os.environ.items() if k != "SYNTHGEN_KEY_PASSPHRASE"}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "100", **changes}


def command(*arguments):
    return [sys.executable, "-m", "synthgen", *map(str, arguments)]


@dataclass(frozen=True)
class Done:
    """The exit code and the output of a command."""

    returncode: int
    stdout: str
    stderr: str


def run_here(folder, arguments, env, main=cli.main):
    """Run a command of `synthgen`, or of another program, in this process, which saves the time for imports."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    mask = os.umask(0o077)
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        for name in set(os.environ) - set(environment()):
            patch.delenv(name)
        for name, value in environment(**env).items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["synthgen", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.StringIO())
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        finally:
            os.umask(mask)
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return Done(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Trial:
    """A folder as `synthgen init` creates it, but with a quick configuration and a policy that its release meets."""

    folder: Path
    name: str = "clinic.yaml"
    config = property(lambda self: self.folder / self.name)
    workspace = property(lambda self: self.folder / "ws")
    trust = property(lambda self: self.folder / "trust.json")

    @property
    def bundles(self):
        return sorted((self.folder / "out").glob("release-*"))

    @property
    def bundle(self):
        (only,) = self.bundles
        return only

    def data(self):
        return {p.name: p.read_bytes() for p in sorted((self.bundle / "data").iterdir())}

    def edit(self, old, new):
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def run(self, *arguments, **env):
        """Run a command in the folder of the trial and in this process, which has already loaded the libraries."""
        return run_here(self.folder, arguments, env)

    def run_apart(self, *arguments):
        """Run a command in a process of its own."""
        place = {"cwd": self.folder, "env": environment(), "stdin": subprocess.DEVNULL, "timeout": MOST_SECONDS}
        return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, **place)

    def release(self, *options, **env):
        return self.run("release", self.config, *options, **env)

    def start_release(self, log, stage=""):
        """Start a release that logs to a file; return its process when a stage (default: any) has begun."""
        place = {"cwd": self.folder, "env": environment(), "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        with log.open("w") as messages:
            process = subprocess.Popen(command("release", self.config), stderr=messages, **place)
        give_up = time.monotonic() + MOST_SECONDS
        while f"{stage}  0/" not in log.read_text() and process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.05)
        return process


def make_trial(folder, patients):
    start(folder, "clinic", patients=patients)
    trial = Trial(folder)
    trial.config.write_text(CONFIG.format(seed=SEED, no_filter=NO_FILTER))
    trust_lenient(trial)
    return trial


def trust_lenient(trial):
    """Write a policy that every trial meets to the trial's folder, and make a trust root that lists it."""
    (trial.folder / "lenient.yaml").write_text(LENIENT)
    trial.trust.unlink()
    new_trust(
        trial.trust,
        roles={"releaser": [trial.folder / "keys" / "releaser.pub.json"]},
        policies={"lenient": [load_policy(trial.folder / "lenient.yaml").digest()]},
        expires=datetime.now(UTC) + timedelta(days=365),
    )


@pytest.fixture(scope="session")
def embedded_models():
    needed = [name for name, model in MODELS.items() if model.kind != "names"]  # rules find the names
    missing = [name for name in needed if not (store_folder() / name / MANIFEST).is_file()]
    if missing:
        pytest.skip(f"not in the model store: {', '.join(missing)}; run `synthgen models pull`")


@pytest.fixture(scope="session")
def released(tmp_path_factory, embedded_models):
    """The trial after its release, which is made once; no test may change this folder."""
    trial = make_trial(tmp_path_factory.mktemp("released") / "trial", patients=80)
    done = trial.run_apart("release", trial.config, "--json")
    assert done.returncode == 0, done.stderr
    (trial.folder / "printed.json").write_text(done.stdout)
    return trial


@pytest.fixture
def copy(released, tmp_path):
    """A copy of the released trial that a test may change."""
    return Trial(Path(shutil.copytree(released.folder, tmp_path / "trial")))


@pytest.fixture
def unmade(copy):
    """A copy of the released trial, without its workspace and bundles."""
    shutil.rmtree(copy.folder / "out")
    shutil.rmtree(copy.workspace)
    return copy


@pytest.fixture(scope="session")
def new_small(tmp_path_factory):
    return make_trial(tmp_path_factory.mktemp("small") / "trial", patients=12)


@pytest.fixture
def small(new_small, tmp_path):
    """A trial of few records before its first run, for errors that occur before a model is loaded."""
    return Trial(Path(shutil.copytree(new_small.folder, tmp_path / "trial")))


@pytest.fixture(scope="session")
def newsgroups(tmp_path_factory, embedded_models):
    """The newsgroup example with few short texts; stages that do not depend on the method are reused."""
    if "SYNTHGEN_DATA" not in os.environ:
        pytest.skip("SYNTHGEN_DATA does not say where the real corpora are")
    folder = tmp_path_factory.mktemp("newsgroups") / "trial"
    start(folder, "newsgroup")
    trial = Trial(folder, "newsgroups.yaml")
    edits = {"labels:": "max_records: 600\n  labels:", "total: 2600": "total: 15", "candidates: 2": "candidates: 1"}
    edits |= {"max_new_tokens: 96": "max_new_tokens: 16\n  batch: 32"}
    for old, new in (edits | {"policy: research": "policy: lenient.yaml\n" + NO_FILTER}).items():
        trial.edit(old, new)
    trust_lenient(trial)
    return trial
