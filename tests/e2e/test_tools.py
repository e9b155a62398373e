"""The training of a bridge with the embedded models."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fictional_clinic import write_notes

from synthgen.decode.bridge import load_bridge

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.usefixtures("embedded_models")]

BRIDGE = """
version: 1
corpus: {{path: corpus, passages: 40, heldout: 8}}
bridge: {{hidden: 64, adapter_rank: 2}}
train: {{steps: {steps}, decay: 1, warmup: 1, batch: 4, length: 64, evaluate_every: 3, checkpoint_every: 3}}
out: bridge
"""


def write_corpus(folder):
    write_notes(folder / "notes.jsonl", 40, seed=1)
    texts = [json.loads(line)["note"] for line in (folder / "notes.jsonl").read_text().splitlines()[:60]]
    (folder / "corpus").mkdir()
    pq.write_table(pa.table({"text": texts, "source": ["fiction"] * len(texts)}), folder / "corpus" / "a.parquet")


def test_a_bridge_is_trained_and_continued(tmp_path, module_at):
    run_here = module_at("tests/e2e/conftest.py").run_here
    write_corpus(tmp_path)
    config = tmp_path / "bridge.yaml"
    for steps, options, code in ((3, (), 0), (4, (), 2), (4, ("--resume",), 0)):
        config.write_text(BRIDGE.format(steps=steps))
        done = run_here(tmp_path, ("train-bridge", config, *options), {})
        assert done.returncode == code, done.stderr
        assert ("contains a checkpoint" in done.stderr) == (code == 2)
        assert load_bridge(str(tmp_path / "bridge")).info.steps == (3 if code else steps)
