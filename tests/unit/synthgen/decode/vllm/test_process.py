import io
import json
import os
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from synthgen.decode.vllm import process


@pytest.mark.parametrize("embeds", [False, True])
def test_each_batch_is_answered_by_one_line(llama_folder, tmp_path, monkeypatch, embeds):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "stub"))
    monkeypatch.setitem(sys.modules, "vllm", None)
    del sys.modules["vllm"]
    for name in ("VLLM_BATCH_INVARIANT", "VLLM_NO_USAGE_STATS"):
        monkeypatch.setitem(os.environ, name, "1")
    sampling = {"temperature": 1.0, "top_p": 1.0, "top_k": 5, "max_tokens": 4, "stop_token_ids": [], "bad_words": []}
    batch = {"seeds": [1, 2], "sampling": sampling, "logit_bias": {"5": -100.0}, "prompts": [[1, 7], [1, 9, 8]]}
    if embeds:
        save_file({"0": torch.zeros(2, 40), "1": torch.ones(3, 40)}, tmp_path / "e.safetensors")
        batch["embeddings"] = str(tmp_path / "e.safetensors")
    options = {"folder": str(llama_folder), "tokenizer": str(llama_folder), "embeds": embeds}
    answers = io.StringIO()
    process.serve(io.StringIO("\n".join(map(json.dumps, [options, batch, batch])) + "\n"), answers)
    ready, first, second = map(json.loads, answers.getvalue().splitlines())
    assert ready == {"ready": True}
    assert first == second
    assert [len(output["tokens"]) for output in first["outputs"]] == [4, 4]
    assert all(output["nats"] > 0 and 5 not in output["tokens"] for output in first["outputs"])
