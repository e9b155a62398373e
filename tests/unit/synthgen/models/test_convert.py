import errno
import json
from types import SimpleNamespace

import pytest

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import ModelMissing
from synthgen.models import convert
from synthgen.models.convert import SMOLLM2_CONFIG, TOKENIZER_CONFIG, convert_smollm2
from synthgen.models.registry import SMOLLM2
from synthgen.models.store import model_folder


@pytest.fixture
def gguf(tmp_path):
    """Return the path of a GGUF file whose vocabulary has two letters, their merge and a special token."""
    from gguf import GGUFWriter

    folder = tmp_path / "source"
    folder.mkdir()
    writer = GGUFWriter(folder / "x.gguf", "llama")
    writer.add_token_list(["<|end|>", "a", "b", "ab"])
    writer.add_token_merges(["a b"])
    writer.add_token_types([3, 1, 1, 1])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return folder / "x.gguf"


@pytest.fixture
def loaded(monkeypatch):
    """Replace the loading of a GGUF file by transformers; return the tensors and the recorded arguments."""
    import torch
    import transformers

    tensors = {
        "model.b": torch.tensor([[1.0, 2.5], [3.0, 4.0]]).T,
        "model.a": torch.tensor([0.1]),
        "lm_head.weight": torch.ones(2),
    }
    calls = []

    def model(**source):
        calls.append(source)
        return SimpleNamespace(state_dict=lambda: tensors)

    monkeypatch.setattr(transformers, "AutoModelForCausalLM", SimpleNamespace(from_pretrained=model))
    return SimpleNamespace(tensors=tensors, calls=calls)


def test_configs_are_the_pinned_ones():
    for name, value in (("config.json", SMOLLM2_CONFIG), ("tokenizer_config.json", TOKENIZER_CONFIG)):
        data = (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
        assert len(data) == SMOLLM2.files[name].size_bytes
        assert sha256_bytes(data) == SMOLLM2.files[name].sha256


def test_weights_are_written_as_bfloat16_without_the_tied_head(loaded, gguf, tmp_path):
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    convert_smollm2(gguf, tmp_path)
    written = load_file(tmp_path / "model.safetensors")
    assert sorted(written) == ["model.a", "model.b"]
    for name, tensor in written.items():
        assert torch.equal(tensor, loaded.tensors[name].to(torch.bfloat16))
    assert json.loads((tmp_path / "config.json").read_bytes()) == SMOLLM2_CONFIG
    assert json.loads((tmp_path / "tokenizer_config.json").read_bytes()) == TOKENIZER_CONFIG
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.encode("abba<|end|>").ids == [3, 2, 1, 0]
    assert tokenizer.decode([3, 2, 1]) == "abba"
    for source in loaded.calls:
        assert source["local_files_only"] is True
        assert source["gguf_file"] == "x.gguf"
        assert "trust_remote_code" not in source


def test_unwritable_weights_are_an_os_error(loaded, tmp_path):
    with pytest.raises(OSError, match="No such file") as caught:
        convert_smollm2(tmp_path / "source" / "x.gguf", tmp_path / "none")
    assert caught.value.errno == errno.ENOENT


def test_os_error_has_the_number_of_the_message():
    full = RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert convert._os_error(full).errno == errno.ENOSPC
    assert convert._os_error(RuntimeError("something else")).errno == errno.EIO


@pytest.mark.models
def test_real_tokenizer_round_trip():
    from transformers import AutoTokenizer

    try:
        smollm2 = model_folder("smollm2")
    except ModelMissing:
        pytest.skip("the decoder is not in the store: synthgen models pull smollm2")

    text = "The patient, 63 y/o, c/o  chest pain.\n\tBP 142/88; naïve café – 漢字 🙂 <|im_start|>user\n<|im_end|>"
    tokenizer = AutoTokenizer.from_pretrained(smollm2, local_files_only=True)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.decode(ids) == text
    cut = sha256_bytes(",".join(map(str, ids)).encode())
    assert cut == "99d4a15efb8c2c84e21ed16db2052a2af92fdf06a93317d5691a5631e2d6c2e5"
