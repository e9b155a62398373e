import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode import loop_decoder
from synthgen.decode.base import Settings
from synthgen.decode.loop.generic import GenericStepper
from synthgen.decode.loop.llama import LlamaStepper
from synthgen.decode.loop_decoder import text_of
from synthgen.decode.projector import TENSORS
from synthgen.decode.published import (
    HEAD,
    INDEX,
    PARAPHRASES,
    PLACEHOLDER,
    SENTENCES,
    SINGLE,
    TABLE,
    RescalingProjector,
    head_problems,
    load_checkpoint_bridge,
    read_tensors,
    tensor_files,
)
from synthgen.decode.xrag import XragDecoder
from synthgen.embed.last_token import LastTokenEncoder

SEEDS = SeedTree(20261120).child("decode")
DIM, WIDTH, LENGTH = 24, 40, 17.5
SAMPLING = {"temperature": 1.0, "top_p": 0.95, "top_k": 50, "batch": 4}
PLAIN = Settings(prompts={"ant": "", "bee.hive": "a bee"}, candidates=2, max_new_tokens=9, **SAMPLING)


def decoder(folder, *, device="cpu", dim=DIM, **changes):
    options = {"raw_norm": LENGTH, "dtype": "float32", **changes}
    bridge = dataclasses.replace(load_checkpoint_bridge(folder), **options)
    return XragDecoder(folder, bridge, decoder="any", encoder="any", dim=dim, device=device)


def texts(made, latents, seeds=SEEDS, **changes):
    found = made.decode(latents, dataclasses.replace(PLAIN, **changes), seeds, lambda _: None)
    return [(c.latent_id, c.index, c.text, c.finish) for c in found]


@pytest.fixture(scope="module")
def made(xrag_folder):
    return decoder(xrag_folder)


@pytest.fixture
def folder(xrag_folder, tmp_path):
    return shutil.copytree(xrag_folder, tmp_path / "m")


def configure(folder, **changes):
    path = folder / "config.json"
    config = {k: v for k, v in (json.loads(path.read_text()) | changes).items() if v is not ...}
    path.write_text(json.dumps(config))


def change_tensors(tiny_xrag, folder, **changes):
    """Write the shards again with some tensors replaced; tensors that are None are omitted."""
    tensors = tiny_xrag.read_shards(folder) | {k.replace("__", "."): v for k, v in changes.items()}
    tiny_xrag.write_shards(folder, {name: tensor for name, tensor in tensors.items() if tensor is not None})


def problems_of(folder, message="does not have the structure of an xRAG model"):
    with pytest.raises(ModelError, match=message) as refused:
        load_checkpoint_bridge(folder)
    return refused.value.problems


def test_projector_and_its_digest_are_read_from_the_checkpoint(tiny_xrag, xrag_folder, folder):
    bridge, stored = load_checkpoint_bridge(xrag_folder), tiny_xrag.read_shards(xrag_folder)
    for name, tensor in bridge.projector.state_dict().items():
        assert torch.equal(tensor, stored[f"projector.{name}"])
    assert (bridge.info.dim, bridge.info.width, bridge.info.n_soft, bridge.adapters) == (DIM, WIDTH, 1, {})
    assert bridge.dtype == "bfloat16"
    assert load_checkpoint_bridge(folder).digest == bridge.digest
    change_tensors(tiny_xrag, folder, projector__projector__0__bias=torch.ones(WIDTH))
    assert load_checkpoint_bridge(folder).digest != bridge.digest


def test_paraphrase_prompts_have_the_chat_form(made, xrag_folder):
    assert len(set(PARAPHRASES)) == len(PARAPHRASES) > 4
    assert all(text.count("[X]") == 1 and not set("{}") & set(text) for text in PARAPHRASES)
    template = load_checkpoint_bridge(xrag_folder).templates[0]
    filled = PARAPHRASES[0].replace("[X]", "<xRAG>")
    wide = dataclasses.replace(template, n_soft=3)
    shown = [
        made.tokenizer.decode(t.tokens(made.tokenizer, p))
        for t, p in ((template, "a bee"), (template, ""), (wide, ""))
    ]
    assert shown[:2] == [f"<s>[INST] a bee\n{filled} [/INST]", f"<s>[INST] {filled} [/INST]"]
    assert shown[2].startswith("<s>[INST] Background: <xRAG> <xRAG> <xRAG> ")


@pytest.mark.parametrize("prompt", ["bee <xRAG>", "<xRAG><xRAG>"])
def test_the_placeholder_in_a_users_prompt_is_rejected(tiny, made, prompt):
    with pytest.raises(ModelError, match=f"a prompt contains the placeholder {PLACEHOLDER}"):
        texts(made, tiny.latents(2, dim=DIM), prompts={"ant": prompt, "bee.hive": ""})


def test_projector_uses_the_raw_norm(tiny_xrag, made, xrag_folder):
    w = [tiny_xrag.read_shards(xrag_folder)[name] for name in TENSORS]
    v = torch.randn(5, DIM, generator=torch.Generator().manual_seed(1)) * 0.3
    x = LENGTH * v / v.norm(dim=1, keepdim=True)
    wanted = functional.gelu(x @ w[0].T + w[1]) @ w[2].T + w[3]
    torch.testing.assert_close(made.projector(v), wanted.unsqueeze(1))
    torch.testing.assert_close(made.projector(v * 9), wanted.unsqueeze(1))


@pytest.mark.parametrize("length", [None, float("nan"), float("inf"), 0.0, -1.0])
def test_invalid_raw_norm_is_rejected(xrag_folder, length):
    with pytest.raises(ModelError, match="mean norm of the encoder's vectors must be"):
        RescalingProjector(load_checkpoint_bridge(xrag_folder).projector, length)


def test_texts_equal_draws_with_the_library(tiny, made):
    """Compute both candidates by hand from the tokenized prompt, with the placeholder's embedding replaced."""
    one = tiny.rows_of(tiny.latents(2, dim=DIM), [1])
    u = SEEDS.child("x1").generator().random((2, 9), dtype=np.float32)
    choice = int(SEEDS.child("x1", "template").generator().integers(len(PARAPHRASES)))
    words = PARAPHRASES[choice].replace("[X]", "<xRAG>")
    prompt = torch.tensor(made.tokenizer(f"<s>[INST] a bee\n{words} [/INST]", add_special_tokens=False).input_ids)
    placeholder = made.tokenizer.convert_tokens_to_ids("<xRAG>")
    table = made.model.get_input_embeddings().weight
    start = table[prompt].clone()
    start[prompt == placeholder] = made.projector(torch.from_numpy(one.vectors.copy()))[0]
    for _, index, text, finish in texts(made, one, top_k=10_000, top_p=1.0):
        ids = []
        for t in range(9):
            logits = made.model(inputs_embeds=torch.cat([start, table[ids]])[None]).logits[0, -1].detach().double()
            logits[[tiny.PAD, tiny.BOS, tiny.VEC, placeholder]] = -np.inf
            p, order = torch.softmax(logits, dim=0).sort(descending=True, stable=True)
            ids.append(int(order[int((p.cumsum(0) <= float(u[index, t])).sum())]))
            if ids[-1] == tiny.EOS:
                break
        assert (text, finish) == text_of(made.tokenizer, ids, made.eos)


def test_each_record_has_its_own_paraphrase_prompt(tiny, made, monkeypatch):
    seen, padded = [], loop_decoder.padded
    monkeypatch.setattr(loop_decoder, "padded", lambda prompts, n: (seen.extend(prompts), padded(prompts, n))[1])
    latents = tiny.latents(12, dim=DIM, labels=("ant",))
    texts(made, latents, batch=24, prompts={"ant": "ant"})
    ways = [made.tokenizer.decode(prompt) for prompt in seen]
    assert len(set(ways)) > 4
    seen.clear()
    texts(made, tiny.rows_of(latents, [7]), prompts={"ant": "ant"})
    assert made.tokenizer.decode(seen[0]) == ways[7]


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_texts_depend_on_the_seed_and_not_on_other_records(tiny, xrag_folder, dtype):
    made, latents = decoder(xrag_folder, dtype=dtype), tiny.latents(5, dim=DIM)
    assert made.model.dtype == getattr(torch, dtype)
    together = texts(made, latents)
    assert texts(made, latents) == together
    assert texts(made, latents, SEEDS.child("again")) != together
    assert [t for i in range(5) for t in texts(made, tiny.rows_of(latents, [i]))] == together


def test_both_steppers_and_a_spread_model_write_the_same(tiny, made, xrag_folder, monkeypatch):
    latents = tiny.latents(5, dim=DIM)
    own = texts(made, latents)
    assert isinstance(made._stepper(2, 9, 20), LlamaStepper)
    parts = ("model.embed_tokens", "model.layers.0", "model.norm", "model.rotary_emb", "lm_head")
    spread = decoder(xrag_folder, device={**dict.fromkeys(parts, "cpu"), "model.layers.1": "disk"})
    assert spread.weights is None
    monkeypatch.setattr(made, "weights", None)
    assert isinstance(made._stepper(2, 9, 20), GenericStepper)
    assert texts(made, latents) == texts(spread, latents) == own


def test_text_to_vector_to_text(tiny, made, xrag_folder, sfr_folder):
    """Encode two texts with the published layouts, then decode both vectors and their mean."""
    encoder = LastTokenEncoder(sfr_folder, "sfr", device="cpu")
    length = encoder.raw_norm(SENTENCES)
    assert length > 3 * DIM**0.5  # the weights of the last norm are 3.5
    pair = encoder.encode(["The doctor sees a patient.", "The rocket leaves its orbit."])
    points = np.stack([pair[0], pair.mean(axis=0), pair[1]])
    latents = dataclasses.replace(tiny.latents(3, dim=DIM), vectors=points)
    whole = decoder(xrag_folder, raw_norm=length, dtype="bfloat16", dim=encoder.dim)
    found = texts(whole, latents)
    assert len(found) == 6
    assert all(text for *_, text, _ in found)
    assert found == texts(decoder(xrag_folder, raw_norm=length, dtype="bfloat16"), latents)
    assert found != texts(whole, dataclasses.replace(latents, vectors=points[::-1].copy()))


@pytest.mark.parametrize(
    ("name", "shape", "wanted"),
    [
        *((name, None, f"{name}: this tensor is missing") for name in TENSORS),
        (HEAD, None, f"{HEAD}: this tensor is missing, but `tie_word_embeddings` in config.json is false"),
        (
            TENSORS[0],
            (WIDTH, DIM + 1),
            f"{TENSORS[0]}: takes 25 numbers, but retriever_hidden_size in config.json is 24",
        ),
        (TENSORS[0], (WIDTH + 3, DIM), f"{TENSORS[1]}: shape (40,), expected (43,)"),
        (TENSORS[0], (WIDTH,), f"{TENSORS[0]}: this tensor is not a matrix"),
        (TENSORS[1], (WIDTH + 1,), f"{TENSORS[1]}: shape (41,), expected (40,)"),
        (TENSORS[2], (2 * WIDTH, WIDTH), f"{TENSORS[2]}: shape (80, 40), expected (40, 40)"),
        (TENSORS[3], (WIDTH - 1,), f"{TENSORS[3]}: shape (39,), expected (40,)"),
    ],
)
def test_missing_and_misshaped_tensors_are_listed(tiny_xrag, folder, name, shape, wanted):
    change_tensors(tiny_xrag, folder, **{name.replace(".", "__"): shape if shape is None else torch.ones(shape)})
    assert wanted in problems_of(folder)


def test_model_or_encoder_of_another_width_is_rejected(tiny, tiny_xrag, xrag_folder, tmp_path):
    bridge = dataclasses.replace(load_checkpoint_bridge(xrag_folder), raw_norm=LENGTH)
    other = tiny_xrag.save_decoder(tmp_path, tiny.tokenizer(), hidden_size=48)
    with pytest.raises(ModelError, match="does not fit the encoder or the embeddings") as refused:
        XragDecoder(other, bridge, decoder="any", encoder="any", dim=DIM + 2)
    assert refused.value.problems == (
        f"{TENSORS[0]}: takes 24 numbers, but the encoder's vectors have 26",
        f"{TENSORS[2]}: gives 40 numbers, but the model's embeddings have 48",
    )


def test_wrong_tokens_of_the_tokenizer_are_rejected(tiny, folder):
    configure(folder, xrag_token_id=290)
    load_checkpoint_bridge(folder)
    configure(folder, xrag_token_id=7)
    assert problems_of(folder) == ("<xRAG>: has id 290 in the tokenizer, but xrag_token_id in config.json is 7",)
    tokenizer = tiny.tokenizer()
    tokenizer.save_pretrained(folder)
    assert problems_of(folder) == ("<xRAG>: the tokenizer has no token of this name",)
    configure(folder, xrag_token_id=290)
    tokenizer.bos_token = None
    tokenizer.add_tokens(["<xRAG>"])
    tokenizer.save_pretrained(folder)
    assert problems_of(folder) == ("<s>: the tokenizer defines no token for the beginning of a text",)


def test_tied_model_decodes(tiny, tiny_xrag, tmp_path):
    folder = tiny_xrag.save_decoder(tmp_path, tiny.tokenizer(), tie_word_embeddings=True)
    assert "lm_head.weight" not in tiny_xrag.read_shards(folder)
    assert len(texts(decoder(folder), tiny.latents(1, dim=DIM))) == 2


HEADS = f"{HEAD}: differs from {TABLE}, but `tie_word_embeddings` in config.json is true"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"tie_word_embeddings": True}, HEADS),
        ({"retriever_hidden_size": ...}, "config.json: retriever_hidden_size is missing"),
        (
            {"projector_type": "mlp3x_gelu"},
            "config.json: projector_type 'mlp3x_gelu' is not supported; only 'mlp2x_gelu' is supported",
        ),
    ],
)
def test_contradicting_configuration_is_rejected(folder, changes, wanted):
    configure(folder, **changes)
    assert problems_of(folder) == (wanted,)


def test_all_problems_are_listed(tiny, tiny_xrag, folder):
    tiny.tokenizer().save_pretrained(folder)
    change_tensors(tiny_xrag, folder, lm_head__weight=None, projector__projector__2__bias=None)
    assert len(problems_of(folder)) == 3
    (folder / "config.json").write_text("{}")
    problems_of(folder, r"config\.json cannot be read")
    (folder / tiny_xrag.SHARDS[2]).unlink()
    assert tiny_xrag.SHARDS[2] in problems_of(folder, "incomplete")[0]


def tensor_problems(folder):
    with pytest.raises(ModelError, match=r"incomplete|weight_map|cannot be read") as refused:
        tensor_files(folder)
    return refused.value


def test_shards_and_a_single_file_give_the_same_tensors(tiny_xrag, folder, tmp_path):
    whole = tiny_xrag.read_shards(folder)
    (tmp_path / "one").mkdir()
    save_file(whole, tmp_path / "one" / SINGLE)
    for place in (folder, tmp_path / "one"):
        files = tensor_files(place)
        assert set(files) == set(whole)
        assert all(torch.equal(tensor, whole[name]) for name, tensor in read_tensors(files, files).items())


def test_read_tensors_omits_missing_names(folder):
    assert list(read_tensors(tensor_files(folder), [HEAD, "model.nothing.weight"])) == [HEAD]


def test_a_missing_shard_is_named_with_a_tensor_of_it(tiny_xrag, folder):
    lost = sorted(load_file(folder / tiny_xrag.SHARDS[1]))
    (folder / tiny_xrag.SHARDS[1]).unlink()
    assert tensor_problems(folder).problems == (
        f"{lost[0]}: its file {tiny_xrag.SHARDS[1]} ({len(lost)} tensors) is missing",
    )


def test_every_problem_of_the_shards_is_listed(tiny_xrag, folder):
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"] |= {"model.extra.weight": tiny_xrag.SHARDS[0], "far": "../far.safetensors", "bin": "a.bin"}
    (folder / INDEX).write_text(json.dumps(index))
    assert sorted(tensor_problems(folder).problems) == [
        "bin: its file a.bin is not a safetensors file in this folder",
        "far: its file far.safetensors is not a safetensors file in this folder",
        f"model.extra.weight: missing in {tiny_xrag.SHARDS[0]}, although the index places it there",
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": null}'])
def test_damaged_index_is_rejected(folder, content):
    (folder / INDEX).write_text(content)
    assert "weight_map" in tensor_problems(folder).message


@pytest.mark.parametrize("shard", [0, 2])
def test_damaged_or_missing_weights_are_rejected(tiny_xrag, folder, tmp_path, shard):
    path = folder / tiny_xrag.SHARDS[shard]
    path.write_bytes(path.read_bytes()[:-9])
    assert path.name in tensor_problems(folder).message
    assert SINGLE in tensor_problems(tmp_path).message


@pytest.mark.parametrize(
    ("names", "tied", "wanted"),
    [
        ((TABLE, HEAD), False, []),
        ((TABLE,), True, []),
        ((HEAD,), True, []),
        ((TABLE,), False, [f"{HEAD}: this tensor is missing, but `tie_word_embeddings` in config.json is false"]),
        (("other",), True, [f"{TABLE}: this tensor is missing"]),
        ((TABLE, HEAD), True, [HEADS]),
    ],
)
def test_head_problems_compares_the_head_with_the_configuration(tmp_path, names, tied, wanted):
    def problems(values):
        save_file({n: torch.full((5, 3), float(v)) for n, v in zip(names, values, strict=False)}, tmp_path / SINGLE)
        return head_problems(tensor_files(tmp_path), tied=tied)

    assert problems((0, 1)) == wanted
    if len(names) == 2:
        assert problems((1, 1)) == []  # a tied head may be stored twice
