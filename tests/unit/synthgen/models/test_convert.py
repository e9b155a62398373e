import errno
import json
from types import SimpleNamespace

import pytest

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import ModelError, ModelMissing
from synthgen.models import convert
from synthgen.models.convert import (
    PROBE_IDS_SHA256,
    SMOLLM2_CONFIG,
    TOKENIZER_CONFIG,
    check_tokenizer,
    convert_smollm2,
    probe_digest,
)
from synthgen.models.registry import SMOLLM2
from synthgen.models.store import model_folder


@pytest.fixture
def smollm2():
    try:
        return model_folder("smollm2")
    except ModelMissing:
        pytest.skip("the decoder is not in the store: synthgen models pull smollm2")


@pytest.fixture
def word_tokenizer():
    """A tokenizer of two words, as JSON."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    return Tokenizer(WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>")).to_str()


class Words:
    """Gives the same two ids for any text."""

    backend_tokenizer = SimpleNamespace(to_str=lambda: '{"words": true}')

    def __call__(self, text, *, add_special_tokens):
        assert not add_special_tokens
        return SimpleNamespace(input_ids=[3, 14])


@pytest.fixture
def loaded(monkeypatch):
    """What transformers reads from the GGUF, without one."""
    import torch
    import transformers

    tensors = {
        "model.b": torch.tensor([[1.0, 2.5], [3.0, 4.0]]).T,
        "model.a": torch.tensor([0.1]),
        "lm_head.weight": torch.ones(2),
    }
    asked = []

    def tokenizer(**source):
        asked.append(source)
        return Words()

    def model(**source):
        asked.append(source)
        return SimpleNamespace(state_dict=lambda: tensors)

    monkeypatch.setattr(transformers, "AutoTokenizer", SimpleNamespace(from_pretrained=tokenizer))
    monkeypatch.setattr(transformers, "AutoModelForCausalLM", SimpleNamespace(from_pretrained=model))
    return SimpleNamespace(tensors=tensors, asked=asked)


def test_the_written_configs_are_the_pinned_ones():
    for name, value in (("config.json", SMOLLM2_CONFIG), ("tokenizer_config.json", TOKENIZER_CONFIG)):
        data = (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
        assert len(data) == SMOLLM2.files[name].size_bytes
        assert sha256_bytes(data) == SMOLLM2.files[name].sha256


def test_the_probe_digest_is_of_the_ids():
    assert probe_digest(Words()) == sha256_bytes(b"3,14")


def test_a_tokenizer_that_cuts_otherwise_stops_the_conversion(loaded, tmp_path):
    with pytest.raises(ModelError, match="tokenizer came out different") as caught:
        convert_smollm2(tmp_path / "source" / "x.gguf", tmp_path)
    assert "transformers" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_the_weights_are_written_as_bfloat16_without_the_tied_head(loaded, tmp_path, monkeypatch):
    import torch
    from safetensors.torch import load_file

    monkeypatch.setattr(convert, "PROBE_IDS_SHA256", sha256_bytes(b"3,14"))
    convert_smollm2(tmp_path / "source" / "x.gguf", tmp_path)
    written = load_file(tmp_path / "model.safetensors")
    assert sorted(written) == ["model.a", "model.b"]
    for name, tensor in written.items():
        assert torch.equal(tensor, loaded.tensors[name].to(torch.bfloat16))
    assert json.loads((tmp_path / "config.json").read_bytes()) == SMOLLM2_CONFIG
    assert json.loads((tmp_path / "tokenizer_config.json").read_bytes()) == TOKENIZER_CONFIG
    assert (tmp_path / "tokenizer.json").read_text() == '{"words": true}'
    for source in loaded.asked:
        assert source["local_files_only"] is True
        assert source["gguf_file"] == "x.gguf"
        assert "trust_remote_code" not in source


def test_weights_that_cannot_be_written_are_an_error_of_the_system(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(convert, "PROBE_IDS_SHA256", sha256_bytes(b"3,14"))
    with pytest.raises(OSError, match="No such file") as caught:
        convert_smollm2(tmp_path / "source" / "x.gguf", tmp_path / "none")
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("Error while serializing: I/O error: No space left on device (os error 28)", errno.ENOSPC),
        ("something else", errno.EIO),
    ],
)
def test_a_full_disk_is_known_by_its_number(words, number):
    assert convert._os_error(RuntimeError(words)).errno == number


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": "1.0"}'])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path, text):
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(ModelError, match=r"tokenizer\.json: not a tokenizer"):
        check_tokenizer(tmp_path / "tokenizer.json")


def test_another_tokenizer_is_refused(tmp_path, word_tokenizer):
    (tmp_path / "tokenizer.json").write_text(word_tokenizer)
    with pytest.raises(ModelError, match="cuts the probe differently"):
        check_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.models
def test_the_decoders_tokenizer_cuts_the_probe_as_pinned(smollm2):
    from transformers import AutoTokenizer

    check_tokenizer(smollm2 / "tokenizer.json")
    assert probe_digest(AutoTokenizer.from_pretrained(smollm2, local_files_only=True)) == PROBE_IDS_SHA256
