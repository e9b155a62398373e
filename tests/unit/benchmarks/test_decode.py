import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.decode import loop_decoder
from synthgen.decode.config import DecodeConfig


@pytest.fixture
def options(tmp_path, tiny):
    models = {name: str(tmp_path / name) for name in ("encoder", "decoder", "bridge")}
    tiny.save_model(tmp_path / "encoder", "mistral")
    tiny.save_model(tmp_path / "decoder", "llama", max_position_embeddings=512)
    info = tiny.info(encoder=models["encoder"], decoder=models["decoder"], dim=40)
    tiny.write_bridge(tmp_path / "bridge", info, tiny.bridge_tensors(info))
    table = pa.table({"text": tiny.sentences(11), "label": ["ant", "bee"] * 5 + ["ant"]})
    pq.write_table(table, tmp_path / "table.parquet")
    return [f"--table={tmp_path / 'table.parquet'}", *(f"--{name}={path}" for name, path in models.items())]


@pytest.mark.slow
def test_both_write_as_many_texts_and_are_judged_alike(module_at, options, capsys, monkeypatch):
    monkeypatch.setattr(loop_decoder, "text_of", loop_decoder.text_of)  # the bench puts its own there, to count
    module_at("benchmarks/decode.py").main([*options, "--quick", "--json", "--threads=1"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["candidates"] for one in found["compared"]] == [1, DecodeConfig().candidates]
    assert [one["records"] for one in found["compared"]] == [8, 2]  # 8 texts each
    for one in found["compared"]:
        assert one["of_the_limit"] > 0
        for name in ("loop", "generate"):
            assert one[name].keys() == {"perplexity", "cosine", "tokens", "records_per_second"}
            assert 1 <= one[name]["tokens"] <= 6
