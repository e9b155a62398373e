import math

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from studies.cli import app
from synthgen.core.errors import SynthGenError

GAINS = {"none": 0.0, "random-oversample": 0.05, "smote": 0.08, "vae": 0.02, "adasyn": 0.04}


def made_up(datasets, sizes, repeats, folds, refused=frozenset()):
    """Return cells whose methods differ by GAINS; those of `refused` (method, n) have no result in any fold."""
    rng = np.random.default_rng(11)
    rows = []
    for dataset in datasets:
        for repeat in range(repeats):
            for fold in range(folds):
                luck = rng.normal(0, 0.02)
                for n in sizes:
                    for method, gain in GAINS.items():
                        accuracy = 0.6 + 0.02 * math.log2(n) + gain + luck + rng.normal(0, 0.004)
                        no = (method, n) in refused
                        rows.append(
                            {
                                "dataset": dataset,
                                "repeat": repeat,
                                "fold": fold,
                                "n": n,
                                "method": method,
                                "status": "refused" if no else "ok",
                                "reason": "no danger | points" if no else "",
                                "accuracy": math.nan if no else accuracy,
                                "macro_f1": math.nan if no else accuracy - 0.01,
                                "minority_recall": math.nan if no else accuracy - gain,
                                "n_test": 90,
                                "n_train": 256 + n,
                                "seconds": 0.1,
                                "fit_seconds": 0.2,
                            }
                        )
    return pa.Table.from_pylist(rows)


@pytest.fixture(name="made_up")
def _made_up():
    return made_up


@pytest.fixture(scope="session")
def small(module_at):
    """A small set, its plan, and texts for it."""
    return module_at("tests/unit/studies/small.py")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a function that runs a study command in an empty folder and returns its exit code and output."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(app, [*map(str, arguments)])
        if isinstance(done.exception, SynthGenError):
            return done.exception.exit_code, str(done.exception)
        return done.exit_code, done.output

    return run
