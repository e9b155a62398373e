import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from synthgen.core.errors import ModelError
from synthgen.core.workers import has_int8
from synthgen.decode import loading
from synthgen.decode.loading import decode_backend, decode_dtype, decodes_in_int8, load_model
from synthgen.decode.loop.llama import LlamaStepper
from synthgen.decode.loop.products import Quantized
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.prompter import Prompter


def test_load_model_returns_a_frozen_model(llama_folder):
    loaded = load_model(llama_folder)
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert (loaded.device, loaded.on_one_device) == (torch.device("cpu"), True)
    stored = load_file(llama_folder / "model.safetensors")
    assert torch.equal(loaded.model.lm_head.weight, stored["lm_head.weight"])
    assert loaded.tokenizer("a river").input_ids


@pytest.mark.parametrize(
    ("dtype", "wanted"), [("auto", torch.float32), ("bfloat16", torch.bfloat16), ("float32", torch.float32)]
)
def test_dtype_is_used(llama_folder, dtype, wanted):
    assert {p.dtype for p in load_model(llama_folder, dtype=dtype).model.parameters()} == {wanted}


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("multiplies", [True, False])
def test_a_processor_without_bfloat16_computes_in_float32(tiny, tmp_path, monkeypatch, stored, multiplies):
    monkeypatch.setattr(loading, "has_bfloat16", lambda: multiplies)
    folder = tiny.save_model(tmp_path, "llama")
    model = load_model(folder).model.to(stored)
    model.save_pretrained(folder)
    made = load_model(folder).model
    assert {p.dtype for p in made.parameters()} == {stored if multiplies else torch.float32}
    numbers = zip(model.parameters(), made.parameters(), strict=True)
    assert all(torch.equal(a.float(), b.float()) for a, b in numbers)
    if stored is not torch.float32:
        half = "bfloat16" if stored is torch.bfloat16 else "float32"
        assert load_model(folder, dtype=half).model.dtype == getattr(torch, half)  # an explicit dtype is used


@pytest.mark.parametrize(
    ("family", "changes", "stored", "multiplies", "wanted"),
    [
        ("gpt2", {}, torch.float32, True, torch.bfloat16),
        ("gpt2", {}, torch.float16, True, torch.bfloat16),
        ("gpt2", {}, torch.bfloat16, True, torch.bfloat16),
        ("gpt2", {}, torch.float32, False, torch.float32),
        ("gpt2", {}, torch.bfloat16, False, torch.float32),
        ("llama", {}, torch.float32, True, torch.float32),
        ("llama", {"attention_bias": True}, torch.float32, True, torch.bfloat16),  # transformers computes this model
        ("qwen2", {}, torch.float32, True, torch.bfloat16),
    ],
)
def test_decoders_of_other_families_compute_in_bfloat16_where_the_processor_has_it(
    tiny, tmp_path, monkeypatch, *, family, changes, stored, multiplies, wanted
):
    monkeypatch.setattr(loading, "has_int8", lambda: False)
    monkeypatch.setattr(loading, "has_bfloat16", lambda: multiplies)
    folder = tiny.save_model(tmp_path, family, **changes)
    load_model(folder).model.to(stored).save_pretrained(folder)
    decoder = PromptDecoder(folder, Prompter(), decoder="tiny")
    assert {p.dtype for p in decoder.model.parameters()} == {wanted}
    is_converted = multiplies and stored is not wanted
    plain = "cpu" if multiplies else "cpu without bfloat16"
    assert decode_backend(folder, "cpu") == ("cpu in bfloat16" if is_converted else plain)
    assert load_model(folder).model.dtype is (stored if multiplies else torch.float32)  # the dtype for training


@pytest.mark.parametrize("multiplies", [True, False])
@pytest.mark.parametrize(
    ("family", "changes", "stored", "wanted"),
    [
        ("llama", {}, torch.bfloat16, True),
        ("llama", {}, torch.float16, True),
        ("llama", {}, torch.float32, False),
        ("qwen3", {}, torch.bfloat16, True),
        ("llama", {"attention_bias": True}, torch.bfloat16, False),
        ("gpt2", {}, torch.bfloat16, False),
    ],
)
def test_models_in_16_bits_are_decoded_in_int8_where_the_processor_is_fastest_with_it(
    tiny, tmp_path, monkeypatch, *, family, changes, stored, wanted, multiplies
):
    monkeypatch.setattr(loading, "has_bfloat16", lambda: multiplies)
    monkeypatch.setattr(loading, "has_int8", lambda: True)
    folder = tiny.save_model(tmp_path, family, dtype=stored, **changes)
    assert decodes_in_int8(folder, "cpu") is wanted
    assert decode_backend(folder, "cpu").endswith(" in int8") is wanted
    assert "int8" not in decode_backend(folder, "cpu", own_loop=False)
    monkeypatch.setattr(loading, "has_int8", lambda: False)
    assert not decodes_in_int8(folder, "cpu")
    monkeypatch.setattr(loading, "has_int8", lambda: True)
    assert decodes_in_int8(folder, {"": "cpu"}) is wanted
    assert not decodes_in_int8(folder, spread(3, **{"model.layers.1": "disk"}))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert not decodes_in_int8(folder, "cuda")


@pytest.mark.skipif(not has_int8(), reason="this processor has AMX, or no int8 instructions")
def test_a_decoder_writes_texts_with_int8_weights(tiny, tmp_path):
    folder = tiny.save_model(tmp_path, "llama", dtype=torch.bfloat16)
    made = PromptDecoder(folder, Prompter(), decoder="tiny")
    stepper = made._stepper(2, 9, 20)
    assert isinstance(stepper, LlamaStepper)
    assert {type(product) for product in (stepper.weights.head, stepper.weights.layers[2].down)} == {Quantized}
    by_library = PromptDecoder(folder, Prompter(), decoder="tiny", own_loop=False)
    assert by_library.weights is None


def test_dtype_of_a_decoder_on_a_gpu_or_without_a_readable_config(tiny, gpt2_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "has_bfloat16", lambda: True)
    assert decode_dtype(tmp_path, "cpu") == "auto"
    assert not decodes_in_int8(tmp_path, "cpu")
    by_transformers = PromptDecoder(gpt2_folder, Prompter(), decoder="tiny", own_loop=False)
    assert by_transformers.model.dtype is torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (decode_dtype(gpt2_folder, "cuda"), decode_backend(gpt2_folder, "cuda")) == ("auto", "cuda")
    assert decode_backend(gpt2_folder, "cpu") == "cpu in bfloat16"


@pytest.mark.parametrize(
    ("device", "gpu", "multiplies", "backend"),
    [
        ("cpu", True, True, "cpu"),
        ("cpu", False, False, "cpu without bfloat16"),
        ("auto", False, True, "cpu"),
        ("auto", True, False, "cuda"),
        ("cuda", True, True, "cuda"),
        ({"": 0}, True, True, "cuda"),
    ],
)
def test_backend_of_device(monkeypatch, device, gpu, multiplies, backend):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(loading, "has_bfloat16", lambda: multiplies)
    assert loading.backend_of(device) == backend


def test_without_a_gpu_cuda_is_rejected_and_auto_is_the_cpu(llama_folder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match=r"decode\.device: torch finds no GPU"):
        load_model(llama_folder, device="cuda")
    loaded = load_model(llama_folder, device="auto")
    assert (loaded.device, loaded.on_one_device) == (torch.device("cpu"), True)


def spread(model_layers, **places):
    parts = ["model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"]
    return dict.fromkeys([*parts, *(f"model.layers.{i}" for i in range(model_layers))], "cpu") | places


def test_a_spread_model_gives_the_same_logits(llama_folder):
    for placed in ({"": "cpu"}, spread(3)):
        loaded = load_model(llama_folder, device=placed)
        assert (loaded.device, loaded.on_one_device) == (torch.device("cpu"), True)
    ids = torch.tensor([[5, 70, 9]])
    loaded = load_model(llama_folder, device=spread(3, **{"model.layers.1": "disk"}))
    assert (loaded.device, loaded.on_one_device) == (torch.device("cpu"), False)
    assert loaded.model.model.layers[1].mlp.up_proj.weight.is_meta  # this layer is on disk
    with torch.inference_mode():
        assert torch.equal(loaded.model(ids).logits, load_model(llama_folder).model(ids).logits)


@pytest.mark.parametrize("device", ["cpu", {"": "cpu"}])
def test_a_missing_tensor_is_named(llama_folder, tmp_path, device):
    folder = shutil.copytree(llama_folder, tmp_path / "m")
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.2.self_attn.q_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="incomplete") as refused:
        load_model(folder, device=device)
    assert refused.value.problems == ("model.layers.2.self_attn.q_proj.weight: this tensor is missing",)


def test_loading_ignores_a_projector_without_warning(xrag_folder, capfd):
    from transformers.utils import logging

    before = logging.get_verbosity()
    load_model(xrag_folder)
    assert capfd.readouterr() == ("", "")
    assert logging.get_verbosity() == before


def test_code_in_the_model_folder_is_not_run(llama_folder, tmp_path):
    import json

    folder = shutil.copytree(llama_folder, tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "foreign", "auto_map": {"AutoModelForCausalLM": "code.Foreign"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Foreign: ...\n")
    with pytest.raises(ModelError, match="contains no causal language model that can be read"):
        load_model(folder)
    assert not (tmp_path / "ran").exists()
