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
from synthgen.decode.class_words import TokenBiases
from synthgen.decode.loop.batching import REPEAT
from synthgen.decode.loop.generic import GenericStepper
from synthgen.decode.loop.llama import LlamaStepper
from synthgen.decode.loop_decoder import text_of
from synthgen.decode.prompt_words import FILE, make_reader, save_words
from synthgen.decode.xrag import XragDecoder

SEEDS = SeedTree(20261120).child("decode")
SAMPLING = {"temperature": 1.0, "top_p": 0.95, "top_k": 50, "batch": 4}
PROMPTS = {"ant": "ant", "bee.hive": "a bee of the garden"}
PLAIN = Settings(prompts=PROMPTS, candidates=3, max_new_tokens=12, **SAMPLING)


def decoder(folder, bridge_folder, **changes):
    named = {"decoder": "tiny", "encoder": "tiny-encoder", "dim": 7}
    return XragDecoder(folder, load_bridge(str(bridge_folder)), **{**named, **changes})


def decode(made, latents, seeds=SEEDS, **changes):
    return made.decode(latents, dataclasses.replace(PLAIN, **changes), seeds, lambda _: None)


def texts(candidates):
    return [(c.latent_id, c.index, c.text, c.finish) for c in candidates]


@pytest.fixture(scope="module")
def made(llama_folder, bridge_folder):
    return decoder(llama_folder, bridge_folder)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("n", "batch", "parts"),
    [
        (7, 4, [[i] for i in range(7)]),
        (7, 4, [[0, 1, 2], [3, 4], [5, 6]]),
        (7, 4, [range(6, -1, -1)]),
        (13, 32, [range(12), [12]]),  # the last steps compute few rows
    ],
)
def test_other_records_do_not_change_a_text(*, tiny, bridge_folder, tmp_path, dtype, n, batch, parts):
    made = decoder(tiny.save_model(tmp_path, "llama", dtype=dtype), bridge_folder)
    latents = tiny.latents(n)
    apart = [t for rows in parts for t in texts(decode(made, tiny.rows_of(latents, rows), batch=batch))]
    assert sorted(apart) == sorted(texts(decode(made, latents, batch=batch)))


def test_texts_depend_on_vector_label_and_adapters(tiny, made, llama_folder, tmp_path):
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


def test_token_biases_change_the_texts_of_their_label(tiny, made):
    latents = dataclasses.replace(tiny.latents(4), labels=("ant", "bee.hive", "ant", "bee.hive"))
    plain = texts(decode(made, latents))
    word = made.tokenizer(" river", add_special_tokens=False).input_ids[0]
    biases = {"ant": np.array([90], np.float32), "bee.hive": np.zeros(1, np.float32)}
    biased = texts(decode(made, latents, token_biases=TokenBiases((word,), biases)))
    repeated = made.tokenizer.decode([word] * REPEAT).strip()
    for _, _, text, _ in biased[:3] + biased[6:9]:
        assert text.startswith(repeated)
        ids = made.tokenizer(f" {text}", add_special_tokens=False).input_ids
        assert ids.count(word) == 11  # of 12 tokens, only the ninth differs, because it would repeat eight tokens
    assert biased[3:6] + biased[9:] == plain[3:6] + plain[9:]


@pytest.mark.parametrize("context", ["", "the river"])
def test_texts_equal_draws_with_the_library(tiny, made, context):
    """Compute one record by hand: run the model on all tokens so far, then invert the cumulative distribution."""
    one, temperature = tiny.rows_of(tiny.latents(2), [1]), 1e-3 if context else 1.0
    u = SEEDS.child("x1").generator().random((3, 12), dtype=np.float32)
    table = made.model.get_input_embeddings().weight
    head = made.tokenizer(context, add_special_tokens=False).input_ids[-2:] if context else []
    gap = "\n\n" if context else ""
    head = [*head, *made.tokenizer(f"{gap}<s>a bee of the garden\n", add_special_tokens=False).input_ids]
    soft = made.projector(torch.from_numpy(one.vectors.copy()))[0]
    tail = made.tokenizer("\n", add_special_tokens=False).input_ids
    settings = dataclasses.replace(PLAIN, top_k=10_000, top_p=1.0, context_tokens=2, temperature=temperature)
    for candidate in made.decode(one, settings, SEEDS, lambda _: None, [context]):
        ids, surprisal = [], []
        for t in range(12):
            embeddings = torch.cat([table[head], soft, table[tail], table[ids]]).unsqueeze(0)
            logits = made.model(inputs_embeds=embeddings, use_cache=False).logits[0, -1].detach().double()
            logits[[tiny.PAD, tiny.BOS, tiny.VEC]] = -np.inf
            p, order = torch.softmax(logits / temperature, dim=0).sort(descending=True, stable=True)
            ids.append(int(order[int((p.cumsum(0) <= float(u[candidate.index, t])).sum())]))
            surprisal.append(float(torch.logsumexp(logits, 0) - logits[ids[-1]]) / np.log(len(logits)))
            if ids[-1] == tiny.EOS:
                break
        assert (candidate.text, candidate.finish) == text_of(made.tokenizer, ids, made.eos)
        assert candidate.surprisal == pytest.approx(np.mean(surprisal), abs=1e-3)


def test_stepper_depends_on_the_model(made, gpt2_folder, bridge_folder, tiny, tmp_path):
    assert isinstance(made._stepper(2, 9, 20), LlamaStepper)
    for folder in (gpt2_folder, tiny.save_model(tmp_path, "llama", attention_bias=True)):
        assert isinstance(decoder(folder, bridge_folder)._stepper(2, 9, 20), GenericStepper)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_placeholder_and_special_tokens_are_never_written(tiny, request, bridge_folder, family, monkeypatch):
    made = decoder(request.getfixturevalue(f"{family}_folder"), bridge_folder)
    rows = []
    monkeypatch.setattr(
        "synthgen.decode.loop_decoder.text_of",
        lambda words, row, ends, mark: (rows.append(row), text_of(words, row, ends, mark=mark))[1],
    )
    decode(made, tiny.latents(9), candidates=8, batch=72, max_new_tokens=40, temperature=50.0, top_k=500, top_p=1.0)
    written = [t for row in rows for t in row]
    assert len(set(written)) > 250  # almost uniform: each of 290 tokens is expected about ten times
    assert not {tiny.PAD, tiny.BOS, tiny.VEC} & set(written)
    assert tiny.EOS in written


def test_placeholder_beyond_the_vocabulary_is_accepted(tiny, made, llama_folder, tmp_path):
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


def test_model_without_end_of_text_is_rejected(tiny, bridge_folder, tmp_path):
    folder = tiny.save_model(tmp_path, "llama", eos_token_id=None)
    assert decoder(folder, bridge_folder).eos == {tiny.EOS}
    endless = tiny.tokenizer()
    endless.eos_token = None
    endless.save_pretrained(folder)
    with pytest.raises(ModelError, match="end-of-text token"):
        decoder(folder, bridge_folder)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_prompts_that_do_not_fit_are_rejected(tiny, request, bridge_folder, family):
    made = decoder(request.getfixturevalue(f"{family}_folder"), bridge_folder)
    longest = max(len(made.template.tokens(made.tokenizer, text)) for text in PLAIN.prompts.values())
    assert decode(made, tiny.latents(1), max_new_tokens=96 - longest, candidates=1)
    with pytest.raises(ModelError, match="need up to 97 tokens, but the language model reads at most 96 tokens"):
        decode(made, tiny.latents(1), max_new_tokens=97 - longest)
    with pytest.raises(ModelError, match="exactly 3 placeholders"):
        decode(made, tiny.latents(2), prompts={"ant": "ant <vec>", "bee.hive": "bee"})


@pytest.mark.parametrize("change", [{"encoder": "minilm"}, {"decoder": "smollm2"}, {"dim": 8}, {"hidden_size": 48}])
def test_parts_that_do_not_fit_are_rejected(tiny, bridge_folder, tmp_path, change):
    size = {"hidden_size": change.pop("hidden_size")} if "hidden_size" in change else {}
    with pytest.raises(ModelError, match="was not trained for the models of this configuration") as refused:
        decoder(tiny.save_model(tmp_path, "llama", **size), bridge_folder, **change)
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["lm_head.weight", "model.layers.2.mlp.down_proj.weight", "model.norm.weight"])
def test_weights_that_are_not_finite_are_rejected(tiny, llama_folder, bridge_folder, tmp_path, name, value):
    folder = shutil.copytree(llama_folder, tmp_path / "m")
    tensors = load_file(folder / "model.safetensors")
    tensors[name][5] = value
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not finite"):
        decode(decoder(folder, bridge_folder), tiny.latents(2))


def test_single_step_that_is_not_finite_is_rejected(tiny, made, monkeypatch):
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


def test_model_with_tied_head_decodes_and_damaged_model_is_rejected(tiny, bridge_folder, tmp_path):
    folder = tiny.save_model(tmp_path / "m", "llama", tie_word_embeddings=True)
    path = folder / "model.safetensors"
    assert "lm_head.weight" not in load_file(path)
    assert len(decode(decoder(folder, bridge_folder), tiny.latents(1))) == 3
    path.write_bytes(path.read_bytes()[:-100])
    for damaged in (folder, tmp_path):
        with pytest.raises(ModelError, match="contains no causal language model that can be read"):
            decoder(damaged, bridge_folder)


def test_projector_among_the_models_tensors_is_ignored(tiny, mistral_folder, bridge_folder, tmp_path):
    folder = shutil.copytree(mistral_folder, tmp_path / "m")
    tensors = load_file(mistral_folder / "model.safetensors") | tiny.bridge_tensors(tiny.info(n_soft=1))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    mixed, plain = (decoder(f, bridge_folder) for f in (folder, mistral_folder))
    assert texts(decode(mixed, tiny.latents(2))) == texts(decode(plain, tiny.latents(2)))


@pytest.fixture
def worded(tiny, llama_folder, bridge_folder, tmp_path):
    """A decoder whose bridge has a vocabulary."""
    folder = shutil.copytree(bridge_folder, tmp_path / "bridge")
    vectors = np.random.default_rng(4).normal(size=(5, 7)).astype(np.float32)
    frequency = dict.fromkeys(["doctor", "fever", "garden", "rocket", "river"], 0.01)
    save_words(make_reader(frequency, vectors, np.zeros(7, np.float32)), folder / FILE)
    return decoder(llama_folder, folder)


def test_words_of_a_vector_follow_its_label(tiny, worded, monkeypatch):
    monkeypatch.setattr("synthgen.decode.xrag.WORD_TOKENS", 12)  # this tokenizer has letters and few merges
    latents = tiny.latents(5)
    words_of = worded.reader.read(latents.vectors, 2)
    assert len(set(words_of)) > 1
    asked, longest = worded._prompts(latents, dataclasses.replace(PLAIN, words=2), SEEDS)
    for ids, label, words in zip(asked, latents.labels, words_of, strict=True):
        assert ids == worded.template.tokens(worded.tokenizer, " ".join([PLAIN.prompts[label], *words]))
    plain = worded._prompts(latents, PLAIN, SEEDS)[1]
    assert longest == plain + 24  # two words of 12 tokens, whatever words the prompts have
    assert max(map(len, asked)) <= longest


def test_given_prompt_words_replace_the_vectors_words(tiny, worded, monkeypatch):
    monkeypatch.setattr("synthgen.decode.xrag.WORD_TOKENS", 12)
    latents = dataclasses.replace(tiny.latents(3), prompt_words=(("fever",), ("river",), ("garden",)))
    asked, _ = worded._prompts(latents, dataclasses.replace(PLAIN, words=1), SEEDS)
    for ids, label, words in zip(asked, latents.labels, latents.prompt_words, strict=True):
        assert ids == worded.template.tokens(worded.tokenizer, " ".join([PLAIN.prompts[label], *words]))
    wanted = worded._tokens_to_favour(latents)
    assert [len(tokens) > 0 for tokens in wanted] == [True] * 3
    assert worded.tokenizer(" fever", add_special_tokens=False).input_ids[0] in wanted[0]
    together = texts(decode(worded, latents, words=1))
    assert [t for i in range(3) for t in texts(decode(worded, tiny.rows_of(latents, [i]), words=1))] == together


def test_long_words_are_cut_to_their_room(tiny, worded):
    settings = dataclasses.replace(PLAIN, words=2, prompts={"ant": "", "bee.hive": ""})
    worded.reader = dataclasses.replace(worded.reader, words=("a b c d e f g",) * 5)
    asked, longest = worded._prompts(tiny.latents(2), settings, SEEDS)
    assert {len(ids) for ids in asked} == {longest}


def test_texts_with_words_do_not_depend_on_other_records(tiny, worded, made):
    latents = tiny.latents(5)
    together = texts(decode(worded, latents, words=3))
    assert [t for i in range(5) for t in texts(decode(worded, tiny.rows_of(latents, [i]), words=3))] == together
    assert together != texts(decode(worded, latents))
    with pytest.raises(ModelError, match="has no vocabulary"):
        decode(made, tiny.latents(2), words=1)
