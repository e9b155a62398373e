import contextlib
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture(scope="session")
def made(tmp_path_factory, tiny, tiny_models):
    """Return a folder (tiny models, a bridge with a vocabulary, a table of texts, a corpus) and the options."""
    folder = tmp_path_factory.mktemp("bench-bridge")
    options = tiny_models(folder, [*tiny.WORDS, *(f"{w}s" for w in tiny.WORDS)])
    table = pa.table({"text": tiny.sentences(33), "label": [*["ant", "bee"] * 16, "ant"]})
    pq.write_table(table, folder / "table.parquet")
    (folder / "corpus").mkdir()
    passages = tiny.sentences(20, seed=5)
    pq.write_table(pa.table({"text": passages, "source": ["web"] * 20}), folder / "corpus" / "a.parquet")
    paths = {"table": "table.parquet", "corpus": "corpus", "cache": "cache"}
    options += [f"--{name}={folder / path}" for name, path in paths.items()]
    return folder, [*options, "--max-new-tokens=9", "--quick"]


def measured(bench, options, out):
    """Run the benchmark with the variants, and return its results without the duration."""
    files, shown = [f"--figure={out}", f"--json={out / 'x.json'}", f"--markdown={out / 'x.md'}"], io.StringIO()
    with contextlib.redirect_stdout(shown):
        bench.main([*options, "--variants", *files])
    assert (out / "lambdas.svg").is_file()
    assert (out / "x.md").read_text() in shown.getvalue()
    found = json.loads((out / "x.json").read_text())
    found["made"].pop("seconds")
    return found


@pytest.fixture(scope="module")
def one(made, bench, tmp_path_factory):
    return measured(bench, made[1], tmp_path_factory.mktemp("one"))


@pytest.mark.slow
def test_every_figure_is_there_and_the_run_repeats(made, bench, one, tmp_path):
    folder, options = made
    assert measured(bench, options, tmp_path) == one
    ways = [row["way"] for row in one["fidelity"]]
    assert ways[:2] == ["one text", "best of 2"]
    assert ways[-1] == "the nearest of 16 training passages"
    assert [row["lambda"] for row in one["lambdas"]] == [0, 0.25, 0.5, 0.75, 1]
    assert len(list((folder / "cache").glob("passages-*.npy"))) == 1
    assert {row["given"] for row in one["likelihood"]} >= {"its own vector", "another text's vector", "no vector"}
    assert one["quality"][1]["texts"] == "real"


@pytest.mark.slow
def test_ways_are_compared_at_equal_cost(one):
    rows = {row["way"]: row for row in one["variants"]}
    corrected = [row for name, row in rows.items() if "corrected" in name]
    assert [row["decodes"] for row in corrected] == [2, 2, 4, 4]
    assert all(row["against"] == f"best of {row['decodes']}" for row in corrected)
    compared = [row for name, row in rows.items() if "against" in row and "best of 4" in name and name != "best of 4"]
    assert all(rows[row["against"]]["decodes"] == row["decodes"] for row in compared)
    assert rows["best of 8"]["cosine"] >= rows["best of 4"]["cosine"] >= rows["one text"]["cosine"]
    assert {"4 words: one text", "8 words: best of 4", "temperature 0.5: one text"} <= set(rows)


def test_a_markdown_table(bench):
    rows = [{"a": "x", "b": 1 / 3, "b_low": 0.25, "b_high": 0.5, "c": 7}, {"a": "y", "b": None, "c_more": 0.5}]
    text = bench.table(rows, (("a", "A"), ("b", "B"), ("c", "C"), ("c_more", "D")))
    assert text.splitlines() == [
        "| A | B | C | D |",
        "| --- | --- | --- | --- |",
        "| x | 0.333 [0.250, 0.500] | 7 |  |",
        "| y |  |  | +0.500 |",
    ]
