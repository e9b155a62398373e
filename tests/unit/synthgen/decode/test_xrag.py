import dataclasses
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.ending import text_of
from synthgen.decode.loop.generic import GenericStepper
from synthgen.decode.loop.llama import LlamaStepper
from synthgen.decode.prompt_words import FILE, make_reader, save_words
from synthgen.decode.xrag import XragDecoder

SEEDS = SeedTree(20261120).child("decode")
PLAIN = Settings(
    prompts={"ant": "ant", "bee.hive": "a bee of the garden"},
    candidates=3,
    max_new_tokens=12,
    temperature=1.0,
    top_p=0.95,
    top_k=50,
    batch=4,
)


def decoder(folder, bridge_folder, **changes):
    named = {"decoder": "tiny", "encoder": "tiny-encoder", "dim": 7}
    return XragDecoder(folder, load_bridge(str(bridge_folder)), **{**named, **changes})


def decode(made, latents, seeds=SEEDS, **changes):
    return made.decode(latents, dataclasses.replace(PLAIN, **changes), seeds, lambda _: None)


def texts(candidates):
    return [(c.latent_id, c.index, c.text, c.finish) for c in candidates]


def poisoned(folder, to, name, change):
    """Copy a checkpoint with one tensor changed in place, or left out."""
    shutil.copytree(folder, to)
    tensors = load_file(to / "model.safetensors")
    if change is None:
        del tensors[name]
    else:
        change(tensors[name])
    save_file(tensors, to / "model.safetensors", metadata={"format": "pt"})
    return to


@pytest.fixture(scope="module")
def made(llama_folder, bridge_folder):
    return decoder(llama_folder, bridge_folder)


def test_every_latent_gets_its_candidates_in_order(tiny, made):
    latents, seen = tiny.latents(7), []
    found = made.decode(latents, PLAIN, SEEDS, seen.append)
    assert [(c.latent_id, c.index) for c in found] == [(f"x{i}", c) for i in range(7) for c in range(3)]
    assert [c.label for c in found] == [label for label in latents.labels for _ in range(3)]
    assert all(c.outcomes == () and not c.kept for c in found)
    assert sum(seen) == 21


def test_the_seed_decides(tiny, made):
    latents = tiny.latents(3)
    assert texts(decode(made, latents)) == texts(decode(made, latents))
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert texts(decode(made, latents)) != texts(decode(made, latents, SEEDS.child("again")))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_records_and_shards_change_nothing(tiny, bridge_folder, tmp_path, dtype):
    made = decoder(tiny.save_model(tmp_path, "llama", dtype=dtype), bridge_folder)
    latents = tiny.latents(7)
    together = texts(decode(made, latents))
    one_by_one = [t for i in range(7) for t in texts(decode(made, tiny.rows_of(latents, [i])))]
    assert one_by_one == together
    backwards = texts(decode(made, tiny.rows_of(latents, range(6, -1, -1))))
    assert sorted(backwards) == sorted(together)
    shards = [texts(decode(made, tiny.rows_of(latents, rows))) for rows in ([0, 1, 2], [3, 4], [5, 6])]
    assert [t for shard in shards for t in shard] == together


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_how_many_are_left_changes_nothing(tiny, bridge_folder, tmp_path, dtype):
    made = decoder(tiny.save_model(tmp_path, "llama", dtype=dtype), bridge_folder)
    latents = tiny.latents(13)
    together = texts(decode(made, latents, batch=32))
    shards = [texts(decode(made, tiny.rows_of(latents, rows), batch=32)) for rows in (range(12), [12])]
    assert [t for shard in shards for t in shard] == together


def test_more_candidates_keep_the_first(tiny, made):
    few, many = (texts(decode(made, tiny.latents(3), candidates=n)) for n in (2, 5))
    assert few == [t for t in many if t[1] < 2]


def test_candidates_differ_and_so_do_records(tiny, made):
    one = tiny.rows_of(tiny.latents(3), [0])
    assert len({c.text for c in decode(made, one, candidates=8)}) == 8
    renamed = dataclasses.replace(one, ids=("other",))
    assert [c.text for c in decode(made, renamed)] != [c.text for c in decode(made, one)]


def test_vector_label_and_adapters_are_listened_to(tiny, made, llama_folder, tmp_path):
    one = tiny.rows_of(tiny.latents(3), [0])
    plain = texts(decode(made, one))
    assert texts(decode(made, dataclasses.replace(one, vectors=-one.vectors.copy()))) != plain
    assert texts(decode(made, dataclasses.replace(one, labels=("bee.hive",)))) != plain
    described = tiny.info(adapter_rank=2, adapter_targets=("down_proj",))
    adapter = {
        f"adapter.model.layers.1.mlp.down_proj.{k}": torch.ones(s) for k, s in (("up", (40, 2)), ("down", (2, 52)))
    }
    tensors = tiny.bridge_tensors(described) | adapter
    assert texts(decode(decoder(llama_folder, tiny.write_bridge(tmp_path, described, tensors)), one)) != plain


def test_texts_are_what_the_library_would_draw(tiny, made):
    """Follow one row by hand: the model's own forward pass over everything so far, then the inverse of the sums."""
    one = tiny.rows_of(tiny.latents(2), [1])
    u = SEEDS.child("x1").generator().random((3, 12), dtype=np.float32)
    table = made.model.get_input_embeddings().weight
    head = made.tokenizer("<s>a bee of the garden\n", add_special_tokens=False).input_ids
    soft = made.projector(torch.from_numpy(one.vectors.copy()))[0]
    tail = made.tokenizer("\n", add_special_tokens=False).input_ids
    for candidate in decode(made, one, top_k=10_000, top_p=1.0):
        ids = []
        for t in range(12):
            embeddings = torch.cat([table[head], soft, table[tail], table[ids]]).unsqueeze(0)
            logits = made.model(inputs_embeds=embeddings, use_cache=False).logits[0, -1].detach().double()
            logits[[tiny.PAD, tiny.BOS, tiny.VEC]] = -np.inf
            p, order = torch.softmax(logits, dim=0).sort(descending=True, stable=True)
            ids.append(int(order[int((p.cumsum(0) <= float(u[candidate.index, t])).sum())]))
            if ids[-1] == tiny.EOS:
                break
        wanted = text_of(made.tokenizer, ids, made.eos)
        assert (candidate.text, candidate.finish) == wanted


def test_the_steppers(made, gpt2_folder, bridge_folder, tiny, tmp_path):
    assert isinstance(made._stepper(2, 9, 20), LlamaStepper)
    assert isinstance(decoder(gpt2_folder, bridge_folder)._stepper(2, 9, 20), GenericStepper)
    biased = tiny.save_model(tmp_path, "llama", attention_bias=True)
    assert isinstance(decoder(biased, bridge_folder)._stepper(2, 9, 20), GenericStepper)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_placeholder_and_special_tokens_are_never_written(tiny, request, bridge_folder, family, monkeypatch):
    made = decoder(request.getfixturevalue(f"{family}_folder"), bridge_folder)
    rows = []
    monkeypatch.setattr(
        "synthgen.decode.xrag.text_of", lambda words, row, ends: (rows.append(row), text_of(words, row, ends))[1]
    )
    decode(made, tiny.latents(9), candidates=8, batch=72, max_new_tokens=40, temperature=50.0, top_k=500, top_p=1.0)
    written = [t for row in rows for t in row]
    assert len(set(written)) > 250  # almost uniform over 290 tokens, each expected about ten times
    assert not {tiny.PAD, tiny.BOS, tiny.VEC} & set(written)
    assert tiny.EOS in written


def test_a_placeholder_beyond_the_vocabulary(tiny, made, llama_folder, tmp_path):
    described = tiny.info(placeholder_id=tiny.SIZE + 9)
    folder = tiny.write_bridge(tmp_path, described, tiny.bridge_tensors(described))
    beyond = decoder(llama_folder, folder)
    assert texts(decode(beyond, tiny.latents(2))) == texts(decode(made, tiny.latents(2)))


def test_a_text_ends_at_the_first_end(tiny, bridge_folder, tmp_path):
    ends = list(range(60, 90))
    made = decoder(tiny.save_model(tmp_path, "llama", eos_token_id=ends), bridge_folder)
    assert made.eos == {tiny.EOS, *ends}
    assert {c.finish for c in decode(made, tiny.latents(6))} == {"stop", "length"}
    rows = [[70, 5, 6], [5, 70, 6], [5, 6, 89], [5, 6, tiny.EOS]]
    assert [text_of(made.tokenizer, row, made.eos) for row in rows] == [
        (made.tokenizer.decode(row).strip(), "stop") for row in ([], [5], [5, 6], [5, 6])
    ]


def test_ends_are_the_models_and_the_tokenizers(tiny, bridge_folder, tmp_path):
    model = tiny.save_model(tmp_path / "none", "llama", eos_token_id=None)
    assert decoder(model, bridge_folder).eos == {tiny.EOS}


def test_no_end_at_all_is_refused(tiny, words, bridge_folder, tmp_path):
    folder = tiny.save_model(tmp_path, "llama", eos_token_id=None)
    endless = tiny.tokenizer()
    endless.eos_token = None
    endless.save_pretrained(folder)
    with pytest.raises(ModelError, match="end of text"):
        decoder(folder, bridge_folder)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_more_than_the_models_positions_is_refused(tiny, request, bridge_folder, family):
    made = decoder(request.getfixturevalue(f"{family}_folder"), bridge_folder)
    longest = max(len(made.template.tokens(made.tokenizer, text)) for text in PLAIN.prompts.values())
    assert decode(made, tiny.latents(1), max_new_tokens=96 - longest, candidates=1)
    with pytest.raises(ModelError, match="need 97 of 96 positions"):
        decode(made, tiny.latents(1), max_new_tokens=97 - longest)


def test_the_placeholders_text_in_a_prompt_is_refused(tiny, made):
    with pytest.raises(ModelError, match="exactly 3 placeholders"):
        decode(made, tiny.latents(2), prompts={"ant": "ant <vec>", "bee.hive": "bee"})


@pytest.mark.parametrize("change", [{"encoder": "minilm"}, {"decoder": "smollm2"}, {"dim": 8}])
def test_parts_that_do_not_fit_are_refused(llama_folder, bridge_folder, change):
    with pytest.raises(ModelError, match="does not fit") as refused:
        decoder(llama_folder, bridge_folder, **change)
    assert len(refused.value.problems) == 1


def test_a_model_of_another_width_is_refused(tiny, bridge_folder, tmp_path):
    with pytest.raises(ModelError, match="does not fit"):
        decoder(tiny.save_model(tmp_path, "llama", hidden_size=48), bridge_folder)


def fill(value, at):
    def change(tensor):
        tensor[at] = value

    return change


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["lm_head.weight", "model.layers.2.mlp.down_proj.weight", "model.norm.weight"])
def test_weights_that_are_not_finite_are_refused(tiny, llama_folder, bridge_folder, tmp_path, name, value):
    made = decoder(poisoned(llama_folder, tmp_path / "m", name, fill(value, 5)), bridge_folder)
    with pytest.raises(ModelError, match="not finite"):
        decode(made, tiny.latents(2))


def test_a_step_that_is_not_finite_is_refused_even_if_later_ones_are(tiny, made, monkeypatch):
    plain = LlamaStepper.step

    def step(self, ids, positions):
        logits = plain(self, ids, positions)
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 2:
            logits[1, 7] = float("nan")
        return logits

    monkeypatch.setattr(LlamaStepper, "step", step)
    with pytest.raises(ModelError, match="not finite"):
        decode(made, tiny.latents(2))


def test_a_missing_tensor_of_the_model_is_named(llama_folder, bridge_folder, tmp_path):
    name = "model.layers.1.mlp.up_proj.weight"
    with pytest.raises(ModelError, match="incomplete") as refused:
        decoder(poisoned(llama_folder, tmp_path / "m", name, None), bridge_folder)
    assert refused.value.problems == (f"{name}: missing",)


def test_a_tied_head_is_not_missing(tiny, bridge_folder, tmp_path):
    folder = tiny.save_model(tmp_path, "llama", tie_word_embeddings=True)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    assert len(decode(decoder(folder, bridge_folder), tiny.latents(1))) == 3


def test_a_damaged_or_absent_model_is_refused(llama_folder, bridge_folder, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(llama_folder, damaged)
    path = damaged / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    (tmp_path / "empty").mkdir()
    for folder in (damaged, tmp_path / "empty"):
        with pytest.raises(ModelError, match="can be read here"):
            decoder(folder, bridge_folder)


def test_the_published_layout_decodes(tiny, mistral_folder, bridge_folder, tmp_path):
    """A projector among the language model's tensors is no obstacle to reading the language model."""
    shutil.copytree(mistral_folder, tmp_path / "m")
    tensors = load_file(mistral_folder / "model.safetensors") | tiny.bridge_tensors(tiny.info(n_soft=1))
    save_file(tensors, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
    mixed, plain = (decoder(folder, bridge_folder) for folder in (tmp_path / "m", mistral_folder))
    assert texts(decode(mixed, tiny.latents(2))) == texts(decode(plain, tiny.latents(2)))


@pytest.fixture
def worded(tiny, llama_folder, bridge_folder, tmp_path):
    """A decoder whose bridge has a vocabulary."""
    folder = shutil.copytree(bridge_folder, tmp_path / "bridge")
    rng = np.random.default_rng(4)
    frequency = dict.fromkeys(["doctor", "fever", "garden", "rocket", "river"], 0.01)
    save_words(
        make_reader(frequency, rng.normal(size=(5, 7)).astype(np.float32), np.zeros(7, np.float32)), folder / FILE
    )
    return decoder(llama_folder, folder)


def test_the_words_of_a_vector_stand_behind_its_label(tiny, worded, monkeypatch):
    monkeypatch.setattr("synthgen.decode.xrag.WORD_TOKENS", 12)  # this tokenizer knows letters and few pairs
    latents = tiny.latents(5)
    said = worded.words.read(latents.vectors, 2)
    assert len(set(said)) > 1
    asked, longest = worded._prompts(latents, dataclasses.replace(PLAIN, words=2), SEEDS)
    for ids, label, words in zip(asked, latents.labels, said, strict=True):
        assert ids == worded.template.tokens(worded.tokenizer, " ".join([PLAIN.prompts[label], *words]))
    plain = worded._prompts(latents, PLAIN, SEEDS)[1]
    assert longest == plain + 24  # and not the longest of these five
    assert max(map(len, asked)) <= longest


def test_words_that_a_vector_is_told_stand_there_instead_and_are_wanted(tiny, worded, monkeypatch):
    monkeypatch.setattr("synthgen.decode.xrag.WORD_TOKENS", 12)
    latents = dataclasses.replace(tiny.latents(3), prompt_words=(("fever",), ("river",), ("garden",)))
    asked, _ = worded._prompts(latents, dataclasses.replace(PLAIN, words=1), SEEDS)
    for ids, label, words in zip(asked, latents.labels, latents.prompt_words, strict=True):
        assert ids == worded.template.tokens(worded.tokenizer, " ".join([PLAIN.prompts[label], *words]))
    wanted = worded._wanted(latents)
    assert [len(tokens) > 0 for tokens in wanted] == [True] * 3
    assert worded.tokenizer(" fever", add_special_tokens=False).input_ids[0] in wanted[0]
    together = texts(decode(worded, latents, words=1))
    assert [t for i in range(3) for t in texts(decode(worded, tiny.rows_of(latents, [i]), words=1))] == together


def test_words_that_take_too_many_tokens_are_cut(tiny, worded):
    settings = dataclasses.replace(PLAIN, words=2, prompts={"ant": "", "bee.hive": ""})
    worded.words = dataclasses.replace(worded.words, words=("a b c d e f g",) * 5)
    asked, longest = worded._prompts(tiny.latents(2), settings, SEEDS)
    assert {len(ids) for ids in asked} == {longest}


def test_with_words_other_records_change_nothing(tiny, worded):
    latents = tiny.latents(5)
    together = texts(decode(worded, latents, words=3))
    assert [t for i in range(5) for t in texts(decode(worded, tiny.rows_of(latents, [i]), words=3))] == together
    assert together != texts(decode(worded, latents))


def test_words_need_a_vocabulary(tiny, made):
    with pytest.raises(ModelError, match="has no vocabulary"):
        decode(made, tiny.latents(2), words=1)


def test_texts_with_a_context_are_what_the_library_would_draw(tiny, made):
    one = tiny.rows_of(tiny.latents(2), [1])
    u = SEEDS.child("x1").generator().random((3, 12), dtype=np.float32)
    table = made.model.get_input_embeddings().weight
    head = made.tokenizer("the river", add_special_tokens=False).input_ids[-2:]
    head += made.tokenizer("\n\n<s>a bee of the garden\n", add_special_tokens=False).input_ids
    soft = made.projector(torch.from_numpy(one.vectors.copy()))[0]
    tail = made.tokenizer("\n", add_special_tokens=False).input_ids
    settings = dataclasses.replace(PLAIN, context_tokens=2, temperature=1e-3)
    for candidate in made.decode(one, settings, SEEDS, lambda _: None, ["the river"]):
        ids = []
        for _ in range(u.shape[1]):
            embeddings = torch.cat([table[head], soft, table[tail], table[ids]]).unsqueeze(0)
            logits = made.model(inputs_embeds=embeddings, use_cache=False).logits[0, -1].detach()
            logits[[tiny.PAD, tiny.BOS, tiny.VEC]] = -np.inf
            ids.append(int(logits.argmax()))
            if ids[-1] == tiny.EOS:
                break
        assert (candidate.text, candidate.finish) == text_of(made.tokenizer, ids, made.eos)
