import json

import pytest
import torch

from synthgen.embed import sentence


@pytest.fixture
def options(tmp_path, tiny):
    models = {name: str(tmp_path / name) for name in ("encoder", "decoder", "bridge")}
    tiny.save_model(tmp_path / "encoder", "mistral")
    tiny.save_model(tmp_path / "decoder", "llama", max_position_embeddings=512)
    info = tiny.info(encoder=models["encoder"], decoder=models["decoder"], dim=40)
    tiny.write_bridge(tmp_path / "bridge", info, tiny.bridge_tensors(info))
    return [f"--{name}={path}" for name, path in models.items()]


def test_both_ways_are_timed_alone_and_beside_a_busy_process(module_at, options, capsys, monkeypatch):
    monkeypatch.setattr(sentence, "usable_cores", sentence.usable_cores)  # the bench puts its own there
    try:
        module_at("benchmarks/workers.py").main([*options, "--quick", "--json"])
    finally:
        torch.set_num_threads(1)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    for name in ("decode", "embed"):
        assert found[name]["same"]
        assert list(found[name]["rates"]) == ["1 x 2, alone", "2 x 1, alone", "1 x 2, busy", "2 x 1, busy"]
        assert min(found[name]["rates"].values()) > 0
