import math
import os
import re
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from studies.cli import app
from synthgen.core.errors import SynthGenError
from synthgen.models.store import MANIFEST, store_folder

GAINS = {"none": 0.0, "random-oversample": 0.05, "smote": 0.08, "vae": 0.02, "adasyn": 0.04}
ONE_WORKER = {"LOKY_MAX_CPU_COUNT": "1"}  # starting a process takes longer than the jobs of a test
REFUSED = {"status": "refused", "reason": "no danger | points"}
REFUSED |= dict.fromkeys(("accuracy", "macro_f1", "minority_recall"), math.nan)


def made_up(datasets, sizes, repeats, folds, refused=frozenset()):
    """Return cells whose methods differ by GAINS; those of `refused` (method, n) have no result in any fold."""
    rng = np.random.default_rng(11)
    rows = []
    for dataset, repeat, fold in product(datasets, range(repeats), range(folds)):
        fold_effect = rng.normal(0, 0.02)
        for n, (method, gain) in product(sizes, GAINS.items()):
            accuracy = 0.6 + 0.02 * math.log2(n) + gain + fold_effect + rng.normal(0, 0.004)
            row = {"dataset": dataset, "repeat": repeat, "fold": fold, "n": n, "method": method}
            row |= {"n_test": 90, "n_train": 256 + n, "seconds": 0.1, "fit_seconds": 0.2}
            row |= {"accuracy": accuracy, "macro_f1": accuracy - 0.01, "minority_recall": accuracy - gain}
            rows.append(row | (REFUSED if (method, n) in refused else {"status": "ok", "reason": ""}))
    return pa.Table.from_pylist(rows)


@pytest.fixture(name="made_up")
def _made_up():
    return made_up


@pytest.fixture(scope="session")
def small(module_at):
    """Return the module `small`: a small text set, its plan, and texts for it."""
    return module_at("tests/unit/studies/small.py")


@pytest.fixture(scope="session")
def svg_texts():
    """Return a function that lists the texts of an SVG file."""
    return lambda path: re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def lines_of():
    """Return a function that lists the lines of a page that start with some text."""
    return lambda page, start: [line for line in page.splitlines() if line.startswith(start)]


@pytest.fixture(scope="session")
def check_tables():
    """Return a function that checks that all rows of each table of a page have the same number of cells."""

    def check(page):
        for table in re.findall(r"(?:^\|.*\n?)+", page, flags=re.MULTILINE):
            assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1

    return check


@pytest.fixture
def corpora():
    """Return the folder of the real text sets, or skip the test."""
    if not os.environ.get("SYNTHGEN_DATA"):
        pytest.skip("SYNTHGEN_DATA is not set")
    return Path(os.environ["SYNTHGEN_DATA"])


@pytest.fixture
def stored_models():
    """Skip the test if a model that the studies use is not in the store."""
    if not all((store_folder() / name / MANIFEST).is_file() for name in ("minilm", "smollm2")):
        pytest.skip("a model is not in the store; run `synthgen models pull`")


@pytest.fixture
def study_process(tmp_path):
    """Return an object that runs a study command as its own process, by default without the real text sets."""
    return StudyProcess(tmp_path)


class StudyProcess:
    """Runs a study command as its own process in a folder.

    Args:
        folder: the working folder.
    """

    def __init__(self, folder):
        self.folder, self.log = folder, folder / "log"

    def start(self, arguments, env, log):
        command = [sys.executable, "-m", "studies", *map(str, arguments)]
        env = {k: v for k, v in os.environ.items() if k != "SYNTHGEN_DATA"} | ONE_WORKER | env
        return subprocess.Popen(command, cwd=self.folder, env=env, stdout=subprocess.DEVNULL, stderr=log)

    def stop_after_first(self, pattern, *arguments, **env):
        """Start the command, stop it once a file of the pattern exists, and return those files and their times."""
        with self.log.open("w") as log:
            first = self.start(arguments, env, log)
        give_up = time.monotonic() + 500
        while not list(self.folder.glob(pattern)) and first.poll() is None and time.monotonic() < give_up:
            time.sleep(0.02)
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=60) == 7, self.log.read_text()
        return {p: p.stat().st_mtime_ns for p in self.folder.glob(pattern)}


@pytest.fixture(scope="session")
def quick_out(tmp_path_factory):
    """Return a folder shared by all quick forms on the same fictional notes, which are then embedded only once."""
    return tmp_path_factory.mktemp("quick") / "out"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a function that runs a study command in an empty folder and returns its exit code and output."""

    def run(*arguments, **env):
        monkeypatch.chdir(tmp_path)
        for name, value in (ONE_WORKER | env).items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(app, [*map(str, arguments)])
        if isinstance(done.exception, SynthGenError):
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.output

    return run
