"""The tools beside the release, with the embedded models: bridge training, evaluation, benchmarks."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fictional_clinic import write_notes

from synthgen.decode.bridge import load_bridge

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.usefixtures("embedded_models")]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
BRIDGE = """
version: 1
corpus: {{path: corpus, passages: 40, heldout: 8}}
bridge: {{hidden: 64, adapter_rank: 2}}
train: {{steps: {steps}, decay: 1, warmup: 1, batch: 4, length: 64, evaluate_every: 3, checkpoint_every: 3}}
out: bridge
"""


def notes(folder, patients, seed):
    """Return the rows of a fictional clinic."""
    path = folder / f"notes-{seed}.jsonl"
    write_notes(path, patients, seed=seed)
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(folder, *command):
    command, env = [sys.executable, *map(str, command)], os.environ | {"NO_COLOR": "1"}
    place = {"cwd": folder, "env": env, "stdin": subprocess.DEVNULL, "timeout": 900}
    return subprocess.run(command, capture_output=True, text=True, check=False, **place)


def write_corpus(folder, texts):
    (folder / "corpus").mkdir()
    table = pa.table({"text": texts, "source": ["fiction"] * len(texts)})
    pq.write_table(table, folder / "corpus" / "a.parquet")


def test_a_bridge_is_trained_and_continued(tmp_path):
    write_corpus(tmp_path, [row["note"] for row in notes(tmp_path, 40, 1)[:60]])
    config = tmp_path / "bridge.yaml"
    for steps, options, code in ((3, (), 0), (4, (), 2), (4, ("--resume",), 0)):
        config.write_text(BRIDGE.format(steps=steps))
        done = run(tmp_path, "-m", "synthgen", "train-bridge", config, *options)
        assert done.returncode == code, done.stderr
        assert ("contains a checkpoint" in done.stderr) == (code == 2)
        assert load_bridge(str(tmp_path / "bridge")).info.steps == (3 if code else steps)


def test_evaluate_compares_three_tables(tmp_path):
    kept = ("cardiology", "pulmonology")
    for seed, name in ((2, "s.jsonl"), (3, "t.parquet"), (4, "u.csv")):
        rows = [r for r in notes(tmp_path, 30, seed) if r["specialty"] in kept]
        columns = {"text": [row["note"] for row in rows], "label": [row["specialty"] for row in rows]}
        columns |= {"group": [f"{seed}-{row['patient_id']}" for row in rows]}  # each table is of another clinic
        write(tmp_path / name, pa.table(columns))
    tables = ("--synthetic", "s.jsonl", "--train", "t.parquet", "--test", "u.csv")
    done = run(tmp_path, "-m", "synthgen", "evaluate", *tables, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["classifiers"]) == {"encoder-logistic", "tfidf-linear"}
    for arms in found["classifiers"].values():
        assert set(arms) == {"real", "synthetic", "real+synthetic"}
    for word in (*found["classifiers"], "real+synthetic", "macro_f1"):
        assert word in done.stderr


def write(path, table):
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, table.column_names)
            writer.writeheader()
            writer.writerows(table.to_pylist())
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def test_the_bridge_benchmark_prints_its_figures(tmp_path):
    texts = [row["note"] for row in notes(tmp_path, 12, 5)]
    labels = ["ab"[i % 2] for i in range(len(texts))]
    pq.write_table(pa.table({"text": texts, "label": labels}), tmp_path / "table.parquet")
    write_corpus(tmp_path, texts)
    given = ["--table", "table.parquet", "--corpus", "corpus", "--cache", "cache", "--json", "card.json"]
    done = run(tmp_path, BENCHMARKS / "bridge.py", *given, "--quick")
    assert done.returncode == 0, done.stderr
    assert "| one text | 1 | " in done.stdout
    assert (tmp_path / "card.json").is_file()


def test_the_decode_benchmark_prints_its_figures_for_each_number_of_candidates(tmp_path):
    done = run(tmp_path, BENCHMARKS / "decode.py", "--quick", "--candidates", "1", "2")
    assert done.returncode == 0, done.stderr
    ratios = [f"records per second, ratio by {kind} time" for kind in ("wall", "processor")]
    figures = ["round 1", *ratios, "loop", "generate", "matrix products alone"]
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["smollm2 on cpu", *figures * 2]
