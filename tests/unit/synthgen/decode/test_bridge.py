import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from synthgen.core.errors import ModelError, ModelMissing
from synthgen.decode.bridge import BUILTIN, DESCRIPTION, VOCABULARY, WEIGHTS, check_fit, load_bridge, load_vocabulary
from synthgen.decode.prompt_words import save_words


@pytest.fixture
def folder(tiny, tmp_path):
    described = tiny.info(adapter_rank=2, adapter_targets=("q_proj",))
    tensors = tiny.bridge_tensors(described)
    tensors["adapter.model.layers.0.self_attn.q_proj.up"] = torch.ones(48, 2)
    tensors["adapter.model.layers.0.self_attn.q_proj.down"] = torch.ones(2, 40)
    return tiny.write_bridge(tmp_path / "bridge", described, tensors)


def describe(folder, **changes):
    path = folder / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_written_bridge_is_loaded(tiny, folder):
    bridge = load_bridge(str(folder))
    assert bridge.info == tiny.info(adapter_rank=2, adapter_targets=("q_proj",))
    assert sorted(bridge.adapters) == [f"adapter.model.layers.0.self_attn.q_proj.{part}" for part in ("down", "up")]
    stored = load_file(folder / WEIGHTS)
    for name, tensor in bridge.projector.state_dict().items():
        assert torch.equal(tensor, stored[f"projector.{name}"])


def test_digest_covers_both_files(folder):
    digests = {load_bridge(str(folder)).digest, load_bridge("bridge", folder.parent.joinpath).digest}
    describe(folder, steps=6)
    digests.add(load_bridge(str(folder)).digest)
    tensors = load_file(folder / WEIGHTS)
    tensors["projector.projector.0.bias"][0] += 1
    save_file(tensors, folder / WEIGHTS)
    digests.add(load_bridge(str(folder)).digest)
    assert len(digests) == 3


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelMissing, match=name) as refused:
        load_bridge(str(folder))
    assert "train-bridge" in refused.value.hint
    with pytest.raises(ModelMissing, match="contains no bridge"):
        load_bridge("absent", folder.joinpath)


@pytest.mark.parametrize("kept", [0, 0.0001, 0.5, 0.99])
def test_truncated_weights_are_rejected(folder, kept):
    path = folder / WEIGHTS
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ModelError, match="damaged"):
        load_bridge(str(folder))


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_damaged_description_is_rejected(folder, text):
    (folder / DESCRIPTION).write_text(text)
    with pytest.raises(ModelError, match="not a valid description of a bridge"):
        load_bridge(str(folder))


@pytest.mark.parametrize(
    ("changes", "message", "n_problems"),
    [
        ({"schema_version": 2, "n_soft": 0, "colour": "red"}, "not a valid description of a bridge", 3),
        ({"template": "<s>{prompt}\n"}, "once and", 0),
        ({"template": "<s>{vector}\n"}, "once and", 0),
        ({"template": "{vector}{prompt}{vector}"}, "once and", 0),
        ({"dim": 8}, r"projector\.projector\.0\.weight is for vectors of dimension 7", 0),
        ({"width": 41}, "projector have wrong shapes", 2),
        ({"n_soft": 2}, "projector have wrong shapes", 2),
    ],
)
def test_description_that_does_not_fit_is_rejected(folder, changes, message, n_problems):
    describe(folder, **changes)
    with pytest.raises(ModelError, match=message) as refused:
        load_bridge(str(folder))
    assert len(refused.value.problems) == n_problems


FITS = {"encoder": "tiny-encoder", "dim": 7, "decoder": "tiny", "width": 40}
NAMES = {
    "encoder": "encoder",
    "dim": "numbers per vector",
    "decoder": "language model",
    "width": "numbers per embedding of the language model",
}


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": "e"},
        {"dim": 3},
        {"decoder": "d"},
        {"width": 9},
        {"encoder": "e", "dim": 8, "decoder": "d", "width": 9},
    ],
)
def test_check_fit_lists_every_mismatch(tiny, change):
    check_fit(tiny.info(), **FITS)
    with pytest.raises(ModelError, match="was not trained for the models of this configuration") as refused:
        check_fit(tiny.info(), **{**FITS, **change})
    assert refused.value.problems == tuple(
        f"{NAMES[k]}: {FITS[k]} in the training of the bridge, {v} in this configuration" for k, v in change.items()
    )


def test_builtin_bridge_and_vocabulary_are_found_by_name():
    bridge = load_bridge("builtin")
    assert (bridge.info.encoder, bridge.info.decoder) == ("minilm", "smollm2")
    assert all(bool(torch.isfinite(p).all()) for p in bridge.projector.parameters())
    assert (BUILTIN / WEIGHTS).stat().st_size <= 24 * 2**20
    vocabulary = load_vocabulary("builtin", encoder="minilm")
    assert vocabulary.encoder == "minilm"
    assert len(vocabulary.reader.words) == 16_000
    with pytest.raises(ModelError, match=r"made for the encoder 'minilm', but embed\.model is 'other'"):
        load_vocabulary("builtin", encoder="other")


def test_vocabulary_is_read_without_the_bridge(tiny, folder):
    with pytest.raises(ModelMissing, match=r"contains no vocabulary \(missing files: words\.safetensors\)"):
        load_vocabulary(folder.name, folder.parent.joinpath, encoder="tiny-encoder")
    save_words(tiny.reader(), folder / VOCABULARY)
    (folder / WEIGHTS).unlink()
    found = load_vocabulary(folder.name, folder.parent.joinpath, encoder="tiny-encoder")
    assert found.reader.words == tiny.reader().words
    save_words(tiny.reader(seed=6), folder / VOCABULARY)
    assert load_vocabulary(str(folder), encoder="tiny-encoder").digest != found.digest
    save_words(tiny.reader(dim=9), folder / VOCABULARY)
    with pytest.raises(ModelError, match=r"vectors of dimension 9, but dim in bridge\.json is 7"):
        load_vocabulary(str(folder), encoder="tiny-encoder")
