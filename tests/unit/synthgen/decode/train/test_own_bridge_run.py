"""A bridge is trained for a model of each supported layout, and a release is written with it and verified."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from safetensors.torch import load_file
from typer.testing import CliRunner

from synthgen.cli import main as cli
from synthgen.decode.bridge import DESCRIPTION, WEIGHTS
from synthgen.decode.train.families import FAMILIES
from synthgen.decode.train.trainer import STATE
from synthgen.pipeline.pipeline import Pipeline
from synthgen.release.run import load_run

ROOT = Path(__file__).parents[5]
TRAIN = {"steps": 3, "decay": 1, "warmup": 1, "batch": 4, "length": 64, "evaluate_every": 2, "checkpoint_every": 2}


@pytest.fixture
def training(project, tiny):
    """Return a function that writes the configuration of a training and returns its path."""
    (project.folder / "passages").mkdir()
    texts = [f"{text} It ends here." for text in tiny.sentences(40)]
    table = pa.table({"text": texts, "source": ["made"] * len(texts)})
    pq.write_table(table, project.folder / "passages" / "a.parquet")
    models = project.folder / "models"

    def write(name="bridge.yaml", out="trained", **train):
        content = {
            "version": 1,
            "encoder": str(models / "encoder"),
            "decoder": str(models / "decoder"),
            "corpus": {"path": "passages", "passages": 30, "heldout": 5},
            "bridge": {"soft_tokens": 3, "hidden": 13, "adapter_rank": 2},
            "train": {**TRAIN, "dtype": "float32", **train},
            "out": out,
        }
        path = project.folder / name
        path.write_text(yaml.safe_dump(content))
        return path

    return write


def call(*words):
    done = CliRunner().invoke(cli.app, ["train-bridge", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize(
    "family", [family if family == "phi3" else pytest.param(family, marks=pytest.mark.slow) for family in FAMILIES]
)
def test_each_layout_goes_from_training_to_a_verified_release(project, tiny, training, family):
    models = project.folder / "models"
    shutil.rmtree(models / "decoder")
    tiny.save_model(models / "decoder", family)
    call(training())
    described = json.loads((project.folder / "trained" / DESCRIPTION).read_text())
    assert (described["steps"], tuple(described["adapter_targets"])) == (3, FAMILIES[family].targets)
    own = {"model": str(models / "decoder"), "bridge": "trained"}
    config = project.config(embed={"model": str(models / "encoder")}, decode=own)
    Pipeline(config).run()
    project.verified_release(load_run(config))


def test_an_estimate_states_time_and_memory_and_keeps_nothing(project, training):
    path = training(steps=1000)
    stated = json.loads(call(path, "--plan", "--json").stdout)
    assert (stated["passages"], stated["steps"]) == (35, 1000)
    assert stated["seconds"] == stated["embed_seconds"] + 1000 * stated["step_seconds"] > 0
    assert stated["peak_memory"] > 1 << 20
    assert 0 < stated["trained_parameters"] < 20_000 < stated["parameters"]
    assert not (project.folder / "trained").exists()
    assert "1,000 steps of" in call(path, "--plan").output


@pytest.mark.slow
def test_two_processes_give_the_bridge_of_one(project, training):
    """`torchrun` sets the same variables as `accelerate launch`."""
    two = training("two.yaml", "two", steps=1)
    call(training("one.yaml", "one", steps=1))
    launched = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launched, "-m", "synthgen", "train-bridge", str(two)],
        cwd=project.folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("bridge:") == 1
    # after one step, this state of the optimizer is a tenth of the gradient of the whole batch
    ones, twos = (load_file(project.folder / name / STATE) for name in ("one", "two"))
    gradients = [name for name in ones if name.startswith("optimizer.exp_avg.")]
    assert len(gradients) > 10
    for name in gradients:
        assert torch.allclose(ones[name], twos[name], rtol=1e-3, atol=1e-7), name
    assert sum(float(ones[name].abs().max()) > 1e-4 for name in gradients) > 5


def test_recomputed_activations_give_the_same_bridge(project, training):
    call(training("kept.yaml", "kept"))
    call(training("again.yaml", "again", gradient_checkpointing=True))
    kept, again = (load_file(project.folder / name / WEIGHTS) for name in ("kept", "again"))
    assert all((kept[name] == again[name]).all() for name in kept)
