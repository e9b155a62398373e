import json

import pytest
import torch

from synthgen.decode import loop_decoder
from synthgen.decode.prompting import prompter


@pytest.fixture(scope="module")
def bench(module_at):
    return module_at("benchmarks/gpu/tokens.py")


@pytest.fixture(autouse=True)
def short(bench, monkeypatch):
    monkeypatch.setattr(loop_decoder, "text_of", loop_decoder.text_of)  # restores it after the test
    # short prompts, because tiny models have 96 positions
    monkeypatch.setattr(bench, "Prompter", lambda: prompter.Prompter(template="[{label}]"))
    monkeypatch.setattr(prompter, "EXAMPLE_WORDS", ("roof",))
    monkeypatch.setattr(prompter, "EXAMPLE", "It stands.")


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_quick_comparison_on_the_cpu(bench, tiny, tmp_path, capsys, family):
    folder = tiny.save_model(tmp_path, family)
    bench.main([f"--model={folder}", "--device=cpu", "--quick", "--json"])
    *shown, printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].split(",")[0] for line in shown] == [family, "round 1", "ratio"]
    found = json.loads(printed)
    assert (found["device"], found["batch"], len(found["loop"])) == ("cpu", 4, 1)
    assert found["of_the_limit"] == pytest.approx(found["loop"][0] / found["limit"])
    assert found["ratio"] == pytest.approx(found["loop"][0] / found["generate"][0])


@pytest.mark.parametrize("shape", ["llama-1b", "qwen2-1.5b"])
def test_a_shape_gets_random_weights_and_the_tokenizer_of_the_model(bench, tiny, tmp_path, capsys, shape):
    folder = tiny.save_model(tmp_path / "tiny", "llama")
    bench.main([f"--model={folder}", f"--shape={shape}", "--device=cpu", "--quick"])
    assert capsys.readouterr().out.startswith(shape.split("-")[0] + ", ")


def test_bytes_of_a_step_worked_example(bench, tiny):
    for tied in (True, False):
        model = tiny.language_model("llama", tie_word_embeddings=tied).to(torch.bfloat16)
        config, table = model.config, model.get_input_embeddings().weight.numel()
        read = sum(p.numel() for p in model.parameters()) - (0 if tied else table)
        cache = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 3 * 11
        assert bench.step_bytes(model, 3, 11) == 2 * (read + cache)


def test_bandwidth_counts_reads_and_writes(bench, monkeypatch):
    monkeypatch.setattr(bench, "timed", lambda run: (0.5, 0.5, run()))
    assert bench.bandwidth("cpu", 4096) == 4 * 2 * 4096 / 0.5
