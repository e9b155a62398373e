import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode import loop_decoder
from synthgen.decode.base import Settings
from synthgen.decode.prompting import local, prompter
from synthgen.decode.prompting.examples import Example
from synthgen.decode.prompting.facts import RecordFacts
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.prompter import Prompter

SEEDS = SeedTree(20261120).child("decode")
SAMPLING = {"temperature": 1.0, "top_p": 0.95, "top_k": 50, "batch": 4, "words": 2}
PLAIN = Settings(prompts={"ant": "ant", "bee.hive": "bee hive"}, candidates=3, max_new_tokens=10, **SAMPLING)
SHORT = "[{label}][ {terms}]"
TEMPLATE = "{% for m in messages %}<s>[{{ m['content'] }}]{% endfor %}{% if add_generation_prompt %}>{% endif %}"


@pytest.fixture(autouse=True, scope="module")
def short_example():
    """Shorten the example, because the tiny models have only 96 positions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompter, "EXAMPLE_LABEL", "a house")
        patch.setattr(prompter, "EXAMPLE_WORDS", ("library", "roof"))
        patch.setattr(prompter, "EXAMPLE", "It stands.")
        yield


@pytest.fixture(scope="module")
def made(llama_folder, tiny):
    return PromptDecoder(llama_folder, Prompter(reader=tiny.reader(), template=SHORT), decoder="tiny")


def decode(made, latents, **changes):
    return made.decode(latents, dataclasses.replace(PLAIN, **changes), SEEDS, lambda _: None)


def written(made, row):
    return loop_decoder.text_of(made.tokenizer, row, made.eos, mark=made.end_mark)


def copied(folder, to, *, template=None, extra=()):
    """Copy a model; add a chat template, or special tokens to its tokenizer."""
    shutil.copytree(folder, to)
    if template is not None:
        (to / "chat_template.jinja").write_text(template)
    if extra:
        path = to / "tokenizer.json"
        said = json.loads(path.read_text())
        said["added_tokens"] += [
            {**said["added_tokens"][0], "id": 290 + i, "content": mark} for i, mark in enumerate(extra)
        ]
        path.write_text(json.dumps(said))
    return to


def tokens(made, text, words, **how):
    return made.tokens(made.prompter.turns("ant", text, words, **how))


@pytest.mark.parametrize(
    ("label", "words", "prompt"),
    [
        ("ant", ("the", "a"), "<s>a house library, roof\n\nIt stands.\n\nant the, a\n\n"),
        ("ant", (), "<s>a house\n\nIt stands.\n\nant\n\n"),
        ("", ("a",), "<s> library, roof\n\nIt stands.\n\n a\n\n"),
    ],
)
def test_prompt_without_template_is_plain_text_with_an_example_of_its_form(tiny, made, label, words, prompt):
    ids = tokens(made, label, words)
    assert ids == [tiny.BOS, *made.tokenizer(prompt.removeprefix("<s>"), add_special_tokens=False).input_ids]


def test_text_without_turns_ends_at_the_first_empty_line(made, llama_folder, tmp_path):
    row = made.tokenizer("It sees the river. \n\nant the\n\nthe", add_special_tokens=False).input_ids
    assert written(made, row) == ("It sees the river.", "stop")
    chat = PromptDecoder(copied(llama_folder, tmp_path / "m", template=TEMPLATE), Prompter(), decoder="tiny")
    assert written(chat, row)[1] == "length"


def test_a_chat_template_frames_the_prompt(tiny, llama_folder, tmp_path):
    made = PromptDecoder(
        copied(llama_folder, tmp_path / "m", template=TEMPLATE), Prompter(template=SHORT), decoder="tiny"
    )
    assert tokens(made, "ant", ("the", "a")) == [
        i
        for turn in ("[a house library, roof]", "[It stands.]", "[ant the, a]>")
        for i in (tiny.BOS, *made.tokenizer(turn, add_special_tokens=False).input_ids)
    ]


def test_prompt_uses_turn_marks_without_template(llama_folder, tmp_path):
    folder = copied(llama_folder, tmp_path / "m", extra=("<|im_start|>", "<|im_end|>"))
    made = PromptDecoder(folder, Prompter(template=SHORT), decoder="tiny")
    ids = tokens(made, "ant", ())
    turns = (("user", "a house"), ("assistant", "It stands."), ("user", "ant"))
    said = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
    assert made.tokenizer.decode(ids) == said + "<|im_start|>assistant\n"
    assert [i for i in ids if i >= 290] == [*[290, 291] * 3, 290]
    assert 291 in made.eos  # the token that ends a turn also ends the text


def test_words_of_a_vector_are_in_its_prompt(tiny, made, monkeypatch):
    monkeypatch.setattr(local, "WORD_TOKENS", 8)  # the tiny tokenizer splits words into many tokens
    latents = tiny.latents(5)
    asked, longest = made._prompts(latents, PLAIN, SEEDS)
    words = tiny.reader().plan(latents.vectors, 2)
    named = [PLAIN.prompts[label] for label in latents.labels]
    assert asked == [tokens(made, label, said) for label, said in zip(named, words, strict=True)]
    assert longest == len(tokens(made, "bee hive", ("a",))) + 2 * 8


def test_words_beyond_their_room_are_omitted(tiny, made):
    reader = dataclasses.replace(tiny.reader(), words=tuple(f"{'zx' * 9}{i:02d}" for i in range(12)))
    long = PromptDecoder.__new__(PromptDecoder)
    long.__dict__.update({**made.__dict__, "prompter": Prompter(reader=reader, template=SHORT)})
    latents = tiny.latents(3)
    asked, longest = long._prompts(latents, dataclasses.replace(PLAIN, words=9), SEEDS)
    said = reader.plan(latents.vectors, 9)
    first = [tokens(long, PLAIN.prompts[label], words[:1]) for label, words in zip(latents.labels, said, strict=True)]
    assert [ids[: len(start)] for ids, start in zip(asked, first, strict=True)] == first
    assert max(map(len, asked)) <= longest
    assert asked[0] != tokens(long, "ant", said[0])


def test_texts_equal_the_library(tiny, made, monkeypatch):
    monkeypatch.setattr(local, "WORD_TOKENS", 8)
    (one,) = decode(made, tiny.rows_of(tiny.latents(2), [1]), candidates=1, temperature=1e-3)
    (words,) = tiny.reader().plan(tiny.latents(2).vectors[1:], 2)
    ids = tokens(made, "bee hive", words)
    start = len(ids)
    for _ in range(10):
        logits = made.model(torch.tensor([ids]), use_cache=False).logits[0, -1].detach()
        logits[[tiny.PAD, tiny.BOS, tiny.VEC]] = -np.inf
        ids.append(int(logits.argmax()))
        if ids[-1] == tiny.EOS:
            break
    assert (one.text, one.finish) == written(made, ids[start:])


def test_without_words_no_vector_is_read_and_words_need_a_fitting_vocabulary(tiny, llama_folder):
    made = PromptDecoder(llama_folder, Prompter(template=SHORT), decoder="tiny")
    with pytest.raises(ModelError, match="no vocabulary is loaded"):
        decode(made, tiny.latents(2))
    wider = PromptDecoder(llama_folder, Prompter(reader=tiny.reader(dim=9), template=SHORT), decoder="tiny")
    with pytest.raises(ModelError, match="for vectors of 9 numbers, but the vectors of this run have 7"):
        decode(wider, tiny.latents(2))
    latents = tiny.latents(3)
    nothing = dataclasses.replace(latents, vectors=np.zeros_like(latents.vectors))
    found = decode(made, latents, words=0)
    assert found == decode(made, nothing, words=0)
    assert len({c.text for c in found}) > 3  # each record draws from its own stream


def test_context_is_the_beginning_of_the_answer(tiny, made, monkeypatch):
    asked, gap = made._prompts(tiny.latents(3), PLAIN, SEEDS)[0], "\n\n"
    shown, padded = [], loop_decoder.padded
    monkeypatch.setattr(
        loop_decoder, "padded", lambda prompts, length: (shown.extend(prompts), padded(prompts, length))[1]
    )
    near = dataclasses.replace(PLAIN, context_tokens=20)
    made.decode(tiny.latents(3), near, SEEDS, lambda _: None, ["The river.", "", "a bee"])
    said, bee = (made.tokenizer(text + gap, add_special_tokens=False).input_ids for text in ("The river.", "a bee"))
    assert shown[0][-len(said) :] == said
    assert shown[0][: -len(said)] == asked[0][-len(shown[0]) + len(said) :]
    assert shown[1] == asked[1][-len(shown[1]) :]
    assert shown[2][-len(bee) :] == bee


def test_invalid_models_and_prompts_are_rejected(tiny, made, llama_folder, tmp_path):
    with pytest.raises(ModelError, match="language model reads at most 96 tokens"):
        decode(made, tiny.latents(2), max_new_tokens=90)
    folder = copied(llama_folder, tmp_path / "m")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not finite"):
        decode(PromptDecoder(folder, Prompter(reader=tiny.reader(), template=SHORT), decoder="tiny"), tiny.latents(2))
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        kept = {k: v for k, v in json.loads((folder / name).read_text()).items() if not k.startswith("eos")}
        (folder / name).write_text(json.dumps(kept))
    with pytest.raises(ModelError, match="end-of-text token"):
        PromptDecoder(folder, Prompter(), decoder="tiny")


@pytest.mark.parametrize("words", [0, 2])
def test_the_example_is_read_once_and_changes_no_text(tiny, llama_folder, tmp_path, monkeypatch, words):
    """All prompts begin with the example, even a prompt without words."""
    made = PromptDecoder(
        copied(llama_folder, tmp_path / "m", template=TEMPLATE),
        Prompter(reader=tiny.reader(), template=SHORT),
        decoder="tiny",
    )
    settings, latents = dataclasses.replace(PLAIN, words=words, max_new_tokens=5), tiny.latents(3)
    monkeypatch.setattr(prompter, "EXAMPLE_LABEL", "the")
    monkeypatch.setattr(prompter, "EXAMPLE_WORDS", ("a", "fever"))
    monkeypatch.setattr(prompter, "EXAMPLE", "A fever.")
    begin = made._prefix(settings)
    assert len(begin) > 5
    assert begin[-1] in made.special
    asked, _ = made._prompts(latents, settings, SEEDS)
    none = tokens(made, "ant", (), example_has_words=words > 0)
    assert all(ids[: len(begin)] == begin for ids in (*asked, none))
    shared = decode(made, latents, words=words, max_new_tokens=5)
    monkeypatch.setattr(PromptDecoder, "_prefix", lambda *_: [])
    assert decode(made, latents, words=words, max_new_tokens=5) == shared


def test_facts_and_examples_are_in_the_prompt_and_fit_its_length(tiny, llama_folder, monkeypatch):
    monkeypatch.setattr(local, "WORD_TOKENS", 8)
    facts = RecordFacts(sex_and_age={"ant": ((("female", 6), 9),)}, lengths={"ant": (10, 120)})
    own = Prompter(
        reader=tiny.reader(),
        template="[{label}][ {terms}][ {person}][ {length}]",
        examples=(Example("It stands.", "ant"),),
        facts=facts,
    )
    made = PromptDecoder(llama_folder, own, decoder="tiny")
    latents = tiny.latents(4)
    asked, longest = made._prompts(latents, PLAIN, SEEDS)
    shown = made.tokenizer.decode(asked[0])
    assert "a woman of 6" in shown
    assert ("It stands." in shown) == (latents.labels[0] == "ant")
    assert max(map(len, asked)) <= longest
    other = dataclasses.replace(latents, vectors=latents.vectors[::-1].copy())
    drawn = [own.facts_for(name, "ant", SEEDS) for name in latents.ids]
    assert [own.facts_for(name, "ant", SEEDS) for name in other.ids] == drawn
    segments = [own.facts_for(f"{latents.ids[0]}/0/{j}", "ant\nheading", SEEDS) for j in range(40)]
    assert len({person for person, _ in segments}) == 1
    assert len({length for _, length in segments}) == len({*own.facts.lengths["ant"]})


def test_the_engine_transformers_uses_the_code_of_the_model(tiny, llama_folder):
    made = PromptDecoder(llama_folder, Prompter(template=SHORT), decoder="tiny", own_loop=False)
    assert made.weights is None
    assert len(decode(made, tiny.latents(3), words=0)) == 9
