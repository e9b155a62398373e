import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.decode import loop_decoder
from synthgen.decode.config import DecodeConfig


@pytest.fixture
def options(tmp_path, tiny, tiny_models):
    table = pa.table({"text": tiny.sentences(11), "label": ["ant", "bee"] * 5 + ["ant"]})
    pq.write_table(table, tmp_path / "table.parquet")
    return [f"--table={tmp_path / 'table.parquet'}", *tiny_models(tmp_path)]


@pytest.mark.slow
def test_both_decoders_write_the_same_number_of_texts_and_get_the_same_measures(bench, options, capsys, monkeypatch):
    monkeypatch.setattr(loop_decoder, "text_of", loop_decoder.text_of)  # restores it after the test
    bench.main([*options, "--quick", "--json", "--threads=1"])
    *shown, printed = capsys.readouterr().out.splitlines()
    figures = ["round 1", *(f"records per second, ratio by {kind} time" for kind in ("wall", "processor"))]
    figures += ["loop", "generate", "matrix products alone"]
    assert [line.split(":")[0] for line in shown[1:]] == figures * 2
    found = json.loads(printed)
    assert [one["candidates"] for one in found["compared"]] == [1, DecodeConfig().candidates]
    assert [one["records"] for one in found["compared"]] == [8, 2]  # 8 texts in each comparison
    for one in found["compared"]:
        assert one["of_the_limit"] > 0
        for name in ("loop", "generate"):
            assert one[name].keys() == {"perplexity", "cosine", "tokens", "records_per_second"}
            assert 1 <= one[name]["tokens"] <= 6


@pytest.mark.parametrize("tied", [True, False])
def test_the_limit_counts_the_embedding_table_only_if_it_is_the_output_layer(bench, tiny, monkeypatch, tied):
    model, counted = tiny.language_model("llama", tie_word_embeddings=tied), []
    monkeypatch.setattr(bench, "product", lambda weight, in_int8: counted.append(weight) or (lambda x: x @ weight.T))
    assert bench.limit(model, 3, in_int8=False) > 0
    table = model.get_input_embeddings().weight
    matrices = [name for name, p in model.named_parameters() if p.ndim == 2]
    assert len(counted) == len(matrices) - (0 if tied else 1)
    assert any(weight is table for weight in counted) == tied
    assert any(weight is model.get_output_embeddings().weight for weight in counted)
