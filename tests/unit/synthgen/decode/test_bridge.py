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


def test_what_was_written_is_read(tiny, folder):
    bridge = load_bridge(str(folder))
    assert bridge.info == tiny.info(adapter_rank=2, adapter_targets=("q_proj",))
    assert sorted(bridge.adapters) == [f"adapter.model.layers.0.self_attn.q_proj.{part}" for part in ("down", "up")]
    stored = load_file(folder / WEIGHTS)
    for name, tensor in bridge.projector.state_dict().items():
        assert torch.equal(tensor, stored[f"projector.{name}"])


def test_the_configuration_says_where_a_name_leads(folder):
    assert load_bridge("bridge", folder.parent.joinpath).digest == load_bridge(str(folder)).digest


def test_the_digest_covers_both_files(folder):
    digests = {load_bridge(str(folder)).digest}
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


def test_no_folder_is_missing(tmp_path):
    with pytest.raises(ModelMissing, match="contains no bridge"):
        load_bridge("absent", tmp_path.joinpath)


@pytest.mark.parametrize("kept", [0, 7, 0.5, 0.99])
def test_a_cut_file_of_weights_is_damaged(folder, kept):
    path = folder / WEIGHTS
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(len(data) * kept)])
    with pytest.raises(ModelError, match="damaged"):
        load_bridge(str(folder))


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_description_is_refused(folder, text):
    (folder / DESCRIPTION).write_text(text)
    with pytest.raises(ModelError, match="not a valid description of a bridge"):
        load_bridge(str(folder))


def test_every_mistake_of_a_description_is_listed(folder):
    describe(folder, schema_version=2, n_soft=0, colour="red")
    with pytest.raises(ModelError, match="not a valid description of a bridge") as refused:
        load_bridge(str(folder))
    assert sorted(p.split(":")[0] for p in refused.value.problems) == ["colour", "n_soft", "schema_version"]


@pytest.mark.parametrize("template", ["<s>{prompt}\n", "<s>{vector}\n", "{vector}{prompt}{vector}"])
def test_a_template_without_the_placeholder_is_refused(folder, template):
    describe(folder, template=template)
    with pytest.raises(ModelError, match="once and"):
        load_bridge(str(folder))


def test_another_vector_width_is_refused(folder):
    describe(folder, dim=8)
    with pytest.raises(ModelError, match=r"projector\.projector\.0\.weight takes 7 numbers, not 8"):
        load_bridge(str(folder))


@pytest.mark.parametrize("changes", [{"width": 41}, {"n_soft": 2}])
def test_another_embedding_width_is_refused(folder, changes):
    describe(folder, **changes)
    with pytest.raises(ModelError, match="does not fit") as refused:
        load_bridge(str(folder))
    assert len(refused.value.problems) == 2


def test_a_missing_tensor_is_named(folder):
    tensors = load_file(folder / WEIGHTS)
    del tensors["projector.projector.2.bias"]
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(ModelError) as refused:
        load_bridge(str(folder))
    assert refused.value.problems == ("projector.projector.2.bias: missing",)


def test_a_fit_raises_nothing(tiny):
    check_fit(tiny.info(), encoder="tiny-encoder", dim=7, decoder="tiny", width=40)


def test_every_mismatch_is_listed(tiny):
    with pytest.raises(ModelError, match="does not fit") as refused:
        check_fit(tiny.info(), encoder="other", dim=8, decoder="big", width=41)
    starts = [p.split(":")[0] for p in refused.value.problems]
    assert starts == ["encoder", "vector width", "decoder", "embedding width"]
    assert "trained for 7, the configuration has 8" in refused.value.problems[1]


@pytest.mark.parametrize("change", [{"encoder": "e"}, {"dim": 3}, {"decoder": "d"}, {"width": 9}])
def test_one_mismatch_is_enough(tiny, change):
    fits = {"encoder": "tiny-encoder", "dim": 7, "decoder": "tiny", "width": 40}
    with pytest.raises(ModelError) as refused:
        check_fit(tiny.info(), **{**fits, **change})
    assert len(refused.value.problems) == 1


def test_the_shipped_bridge_is_found_by_name():
    bridge = load_bridge("builtin")
    assert (bridge.info.encoder, bridge.info.decoder) == ("minilm", "smollm2")
    assert all(bool(torch.isfinite(p).all()) for p in bridge.projector.parameters())
    assert (BUILTIN / WEIGHTS).stat().st_size <= 24 * 2**20


def test_the_shipped_vocabulary_is_found_by_name_and_says_what_its_words_tell():
    vocabulary = load_vocabulary("words", encoder="minilm")
    assert vocabulary.encoder == "minilm"
    assert vocabulary.disclosure(10) == "10 of 16,000 public words, at most 140 bits, in plain sight"
    with pytest.raises(ModelError, match=r"made for vectors of 'minilm' with 384 numbers; embed\.model is 'other'"):
        load_vocabulary("words", encoder="other")


def test_a_bridges_vocabulary_is_read_without_the_bridge(tiny, folder):
    with pytest.raises(ModelMissing, match=r"contains no vocabulary \(words\.safetensors missing\)"):
        load_vocabulary(f"words:{folder.name}", folder.parent.joinpath, encoder="tiny-encoder")
    save_words(tiny.reader(), folder / VOCABULARY)
    (folder / WEIGHTS).unlink()
    found = load_vocabulary(f"words:{folder.name}", folder.parent.joinpath, encoder="tiny-encoder")
    assert found.reader.words == tiny.reader().words
    save_words(tiny.reader(seed=6), folder / VOCABULARY)
    assert load_vocabulary(f"words:{folder}", encoder="tiny-encoder").digest != found.digest
    save_words(tiny.reader(dim=9), folder / VOCABULARY)
    with pytest.raises(ModelError, match="with 9 numbers"):
        load_vocabulary(f"words:{folder}", encoder="tiny-encoder")
