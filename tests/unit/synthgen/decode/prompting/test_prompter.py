import dataclasses

import numpy as np
import pytest

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.prompting import prompter as module
from synthgen.decode.prompting.examples import Example
from synthgen.decode.prompting.facts import RecordFacts
from synthgen.decode.prompting.prompter import Prompter

SEEDS = SeedTree(4).child("decode")
SETTINGS = Settings(
    prompts={"ant": "ant", "bee.hive": "bee hive"}, candidates=1, max_new_tokens=9, temperature=1.0, top_p=1.0,
    top_k=50, batch=4, words=2,
)  # fmt: skip
FULL = Prompter(
    template="[Topic: {label}. ][{description} ][{terms}; ][{person}; ][{length}; ]{language}",
    descriptions={"ant": "An insect."},
    examples=(Example("Six legs.", "ant"), Example("It flies.")),
    facts=RecordFacts(sex_and_age={"ant": ((("male", 3), 5),)}, lengths={"ant": (40,), "bee.hive": (10,)}),
    language="German",
)


def test_default_example_contains_its_words():
    words = module.EXAMPLE.lower().replace(".", " ").replace(",", " ").split()
    assert set(module.EXAMPLE_WORDS) <= set(words)


def test_prompts_contain_the_facts_and_the_words_of_the_vector(tiny):
    made = dataclasses.replace(FULL, reader=tiny.reader())
    latents = tiny.latents(4)
    words = made.reader.plan(latents.vectors, 2)
    found = made.conversations(latents, SETTINGS, SEEDS)
    for turns, label, own in zip(found, latents.labels, words, strict=True):
        assert [role for role, _ in turns] == ["user", "assistant"] * (len(turns) // 2) + ["user"]
        last = turns[-1][1]
        assert f"Topic: {SETTINGS.prompts[label]}. " in last
        assert f"{', '.join(own)}; " in last
        assert ("An insect. " in last, "a man of 3" in last) == (label == "ant", label == "ant")
        assert last.endswith("German")
    ant = found[latents.labels.index("ant")]
    assert [content for role, content in ant if role == "assistant"] == ["Six legs.", "It flies."]
    assert "Topic: ant. " in ant[0][1]
    assert "ant" not in ant[2][1]  # the example without a class does not name this class
    assert made.conversations(latents, SETTINGS, SEEDS) == found
    other = made.conversations(latents, SETTINGS, SEEDS.child("again"))
    assert [turns[-1] for turns in other] != [turns[-1] for turns in found]


def test_context_is_in_the_last_turn(tiny):
    made, latents = Prompter(reader=tiny.reader()), tiny.latents(2)
    plain = made.conversations(latents, SETTINGS, SEEDS)
    found = made.conversations(latents, SETTINGS, SEEDS, ["It began.", ""])
    assert found[0][-1][1].startswith(plain[0][-1][1])
    assert found[0][-1][1].endswith("\n\nIt began.")
    assert found[1] == plain[1]


def test_words_need_a_vocabulary_for_these_vectors(tiny):
    with pytest.raises(ModelError, match="no vocabulary is loaded"):
        Prompter().read(np.zeros((1, 7), dtype=np.float32), 2)
    with pytest.raises(ModelError, match="for vectors of 9 numbers, but the vectors of this run have 7"):
        Prompter(reader=tiny.reader(dim=9)).read(np.zeros((1, 7), dtype=np.float32), 2)
    without = dataclasses.replace(SETTINGS, words=0)
    latents = tiny.latents(2)
    nothing = dataclasses.replace(latents, vectors=np.zeros_like(latents.vectors))
    assert FULL.conversations(latents, without, SEEDS) == FULL.conversations(nothing, without, SEEDS)


def test_digest_covers_everything_a_prompt_is_made_of():
    changed = [
        FULL,
        dataclasses.replace(FULL, template="{terms}"),
        dataclasses.replace(FULL, descriptions={}),
        dataclasses.replace(FULL, examples=FULL.examples[:1]),
        dataclasses.replace(FULL, facts=RecordFacts()),
        dataclasses.replace(FULL, language=""),
    ]
    assert len({made.digest for made in changed}) == len(changed)
