import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.decode.prompt_words import FILE, make_reader, save_words

ROOT = Path(__file__).parents[3]
LABELS = ("ant", "bee")


@pytest.fixture(scope="session")
def made(tmp_path_factory, tiny):
    """A folder with tiny models, a bridge with a vocabulary, a table of texts and a corpus; and the options."""
    folder = tmp_path_factory.mktemp("bench-bridge")
    models = {name: str(folder / name) for name in ("encoder", "decoder", "bridge")}
    tiny.save_model(folder / "encoder", "mistral")
    tiny.save_model(folder / "decoder", "llama", max_position_embeddings=512)
    info = tiny.info(encoder=models["encoder"], decoder=models["decoder"], dim=40)
    tiny.write_bridge(folder / "bridge", info, tiny.bridge_tensors(info))
    words = [*tiny.WORDS, *(f"{w}s" for w in tiny.WORDS)]
    vectors = np.random.default_rng(0).normal(size=(len(words), 40)).astype(np.float32)
    reader = make_reader(dict.fromkeys(words, 0.1), vectors, np.zeros(40, dtype=np.float32))
    save_words(reader, folder / "bridge" / FILE)
    texts = tiny.sentences(33)
    labels = [LABELS[i % 2] for i in range(len(texts))]
    pq.write_table(pa.table({"text": texts, "label": labels}), folder / "table.parquet")
    (folder / "corpus").mkdir()
    passages = tiny.sentences(20, seed=5)
    pq.write_table(pa.table({"text": passages, "source": ["web"] * 20}), folder / "corpus" / "a.parquet")
    options = [
        "--table",
        folder / "table.parquet",
        "--corpus",
        folder / "corpus",
        "--cache",
        folder / "cache",
        "--max-new-tokens",
        "9",
        "--quick",
    ]
    options += [f"--{name}={path}" for name, path in models.items()]
    return folder, list(map(str, options))


@pytest.fixture(scope="session")
def bench(module_at):
    return module_at("benchmarks/bridge.py")


@pytest.mark.slow
def test_every_figure_is_there_and_the_run_repeats(made, bench, tmp_path, capsys):
    folder, options = made
    found = []
    for name in ("one", "two"):
        out = tmp_path / name
        out.mkdir()
        bench.main(
            [
                *options,
                "--variants",
                "--figure",
                str(out),
                "--json",
                str(out / "x.json"),
                "--markdown",
                str(out / "x.md"),
            ]
        )
        found.append(json.loads((out / "x.json").read_text()))
        assert (out / "lambdas.svg").is_file()
        assert (out / "x.md").read_text() in capsys.readouterr().out
    one, two = found
    one["made"].pop("seconds"), two["made"].pop("seconds")
    assert one == two
    ways = [row["way"] for row in one["fidelity"]]
    assert ways[:2] == ["one text", "best of 2"]
    assert ways[-1] == "the nearest of 16 training passages"
    assert [row["lambda"] for row in one["lambdas"]] == [0, 0.25, 0.5, 0.75, 1]
    assert len(list((folder / "cache").glob("passages-*.npy"))) == 1
    assert {row["given"] for row in one["likelihood"]} >= {"its own vector", "another text's vector", "no vector"}
    assert one["quality"][1]["texts"] == "real"


@pytest.mark.slow
def test_ways_are_compared_at_equal_cost(made, bench, tmp_path):
    _, options = made
    bench.main([*options, "--variants", "--json", str(tmp_path / "x.json")])
    rows = {row["way"]: row for row in json.loads((tmp_path / "x.json").read_text())["variants"]}
    corrected = [row for name, row in rows.items() if "corrected" in name]
    assert [row["decodes"] for row in corrected] == [2, 2, 4, 4]
    assert all(row["against"] == f"best of {row['decodes']}" for row in corrected)
    assert all(
        rows[row["against"]]["decodes"] == row["decodes"]
        for row in rows.values()
        if "against" in row and "best of 4" in row["way"] and row["way"] != "best of 4"
    )
    assert rows["best of 8"]["cosine"] >= rows["best of 4"]["cosine"] >= rows["one text"]["cosine"]
    assert {"4 words: one text", "8 words: best of 4", "temperature 0.5: one text"} <= set(rows)


def test_a_table_of_markdown(bench):
    rows = [{"a": "x", "b": 1 / 3, "b_low": 0.25, "b_high": 0.5, "c": 7}, {"a": "y", "b": None, "c_more": 0.5}]
    text = bench.table(rows, (("a", "A"), ("b", "B"), ("c", "C"), ("c_more", "D")))
    assert text.splitlines() == [
        "| A | B | C | D |",
        "| --- | --- | --- | --- |",
        "| x | 0.333 [0.250, 0.500] | 7 |  |",
        "| y |  |  | +0.500 |",
    ]
