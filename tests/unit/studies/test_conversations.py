import dataclasses

import numpy as np
import pytest

from studies.conversations import (
    PASSAGE_WORDS,
    Conversation,
    OneByOne,
    missing,
    n_copies,
    nearest_passages,
    of_corrections,
    of_passages,
)
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.prompting.examples import Example
from synthgen.decode.prompting.facts import RecordFacts
from synthgen.decode.prompting.prompter import Prompter
from synthgen.evaluate.classifiers import LabelledTexts

SEEDS = SeedTree(4).child("decode")
SETTINGS = Settings(
    prompts={"ant": "ant", "bee.hive": "bee hive"}, candidates=2, max_new_tokens=9, temperature=1.0, top_p=1.0,
    top_k=50, batch=4, words=2,
)  # fmt: skip


@pytest.fixture
def prompter(tiny):
    facts = RecordFacts(lengths={"ant": (40,), "bee.hive": (10,)})
    return Prompter(
        reader=tiny.reader(), template="[{label}][ {terms}]", examples=(Example("Six legs."),), facts=facts
    )


def test_a_passage_is_the_content_of_the_last_turn(prompter, tiny):
    latents = tiny.latents(2)
    passages = dict(zip(latents.ids, ("A passage about bees.", "w " * 200), strict=True))
    found = of_passages(prompter, passages)(latents, SETTINGS, SEEDS)
    assert [turns[1] for turns in found] == [("assistant", "Six legs.")] * 2
    assert found[0][-1][1].endswith("\n\nText: A passage about bees.")
    assert found[1][-1][1].count("w ") == PASSAGE_WORDS - 1
    label = latents.labels[0]
    assert f"Topic: {SETTINGS.prompts[label]}. " in found[0][-1][1]
    assert f"about {prompter.facts.lengths[label][0]} words" in found[0][-1][1]


def test_a_correction_follows_the_first_text_and_names_the_missing_words(prompter, tiny):
    latents = tiny.latents(2)
    words = prompter.read(latents.vectors, 2)
    written = dict(zip(latents.ids, (f"It has {words[0][0]}.", " and ".join(words[1])), strict=True))
    found = of_corrections(prompter, written)(latents, SETTINGS, SEEDS)
    plain = prompter.conversations(latents, SETTINGS, SEEDS)
    assert [turns[:-2] for turns in found] == plain
    assert [turns[-2] for turns in found] == [("assistant", text) for text in written.values()]
    assert found[0][-1] == ("user", f"Rewrite it. Also mention: {words[0][1]}. Write the paragraph only.")
    assert found[1][-1] == ("user", "Rewrite it. Write the paragraph only.")


def test_missing_words():
    assert missing(("knees", "fever", "arm"), "His KNEE and armpit hurt.") == ["fever"]


def test_a_run_of_ten_words_is_a_copy_and_a_rewritten_text_is_none():
    passage = "Heart failure means that the heart cannot pump enough blood through the body."
    copy = "He was told: heart failure means that the HEART cannot pump enough, blood."
    rewritten = "With heart failure, the heart is too weak to pump enough blood for the body."
    assert n_copies([copy, rewritten, "", passage], [passage, passage, passage, "Heart failure."]) == 1


def test_nearest_passage_of_each_latent(tiny):
    latents = tiny.latents(3)
    public = LabelledTexts(
        texts=("c", "a", "b"), labels=np.array([""] * 3), vectors=latents.vectors[[2, 0, 1]].copy()
    )
    latents = dataclasses.replace(latents, vectors=latents.vectors)
    found = nearest_passages(latents, public, 2)
    assert [near[0] for near in found.values()] == ["a", "b", "c"]
    cosines = latents.vectors @ latents.vectors.T
    np.fill_diagonal(cosines, -np.inf)
    assert [near[1] for near in found.values()] == ["abc"[i] for i in cosines.argmax(axis=1)]


def test_words_one_by_one(tiny):
    reader = tiny.reader()
    fields = {f.name: getattr(reader, f.name) for f in dataclasses.fields(reader)}
    x = tiny.latents(2).vectors
    assert OneByOne(**fields).plan(x, 3) == reader.read(x, 3)


def test_the_answers_depend_on_the_conversation(prompter, tiny, tmp_path):
    latents = tiny.latents(3)
    decoder = Conversation(tiny.save_model(tmp_path, "llama"), prompter, lambda *_: [[("user", "a")]] * 3)
    first = decoder.decode(latents, SETTINGS, SEEDS, lambda _: None)
    decoder.asking = lambda *_: [[("user", "a"), ("assistant", "b"), ("user", "garden")]] * 3
    second = decoder.decode(latents, SETTINGS, SEEDS, lambda _: None)
    assert [c.latent_id for c in first] == [name for name in latents.ids for _ in range(2)]
    assert [c.text for c in first] != [c.text for c in second]
