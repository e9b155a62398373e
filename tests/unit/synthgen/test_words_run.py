"""A run whose texts are written from words of a public vocabulary alone, with tiny random models."""

import re

import pytest

from synthgen.core.errors import ModelError, ModelMissing
from synthgen.core.progress import silent
from synthgen.decode.prompt_words import FILE, WordReader, load_words, make_reader, save_words
from synthgen.decode.prompting.prompter import Prompter
from synthgen.pipeline.pipeline import Pipeline
from synthgen.plan.plan import make_plan
from synthgen.plan.preview import make_preview
from synthgen.release.assembly import bundle_content, stated_models

WORDS = {"decode": {"writer": "prompt", "bridge": "models/bridge", "words": 3}}
DISCLOSED = "3 words of a public list of 12, which disclose at most 11 bits"


def test_words_only_run_reaches_a_release_that_states_the_disclosure(worded, monkeypatch):
    calls, turns = [], Prompter.turns
    monkeypatch.setattr(Prompter, "turns", lambda self, *a, **k: (calls.append(a), turns(self, *a, **k))[1])
    run = Pipeline(worded.config(**WORDS)).run()
    assert {len(words) for _, _, words, *_ in calls} <= {
        0,
        1,
        2,
        3,
    }  # prompts with no word and with one word show what all prompts begin with
    content = bundle_content(run, run.decide())
    assert len(content.records) == 12
    assert [(m["role"], m["name"]) for m in stated_models(run)][-1] == ("vocabulary", "custom:(private)")
    assert any(DISCLOSED in limit for limit in content.limitations)
    assert DISCLOSED in run.write_report(run.decide()).read_text()
    assert content.config["decode"]["bridge"] == "(private)"
    worded.verified_release(run)


def test_preview_shows_the_words_that_are_chosen_together(worded, monkeypatch):
    chosen, plan = [], WordReader.plan
    monkeypatch.setattr(WordReader, "plan", lambda *a: (chosen.extend(made := plan(*a)), made)[1])
    found = make_preview(worded.config(**WORDS), silent)
    assert len(found.prompts) == len(found.texts)
    assert {len(words) for words in chosen} == {3}
    terms = {re.search(r"Use these words: (.*?)\.", prompt)[1] for prompt in found.prompts}
    assert terms == {", ".join(words) for words in chosen}


def test_plan_states_the_disclosure(worded):
    plan = make_plan(worded.config(**WORDS))
    assert plan.disclosure == DISCLOSED
    assert f"decoder input per vector: {DISCLOSED}, and nothing else" in plan.to_text()
    assert make_plan(worded.config()).disclosure is None


@pytest.mark.slow
def test_another_vocabulary_is_decoded_again(worded):
    first = Pipeline(worded.config(**WORDS)).run(until="decode").record.stages
    path = worded.folder / "models" / "bridge" / FILE
    read = load_words(path)
    save_words(make_reader(dict.fromkeys(read.words, 0.2), read.table, read.centre), path)
    again = Pipeline(worded.config(**WORDS)).run(until="decode").record.stages
    reused = {stage.name: stage.reused for stage in again}
    assert (reused["interpolate"], reused["decode"]) == (True, False)
    assert len(first) == len(again)


def test_the_builtin_vocabulary_is_for_the_builtin_encoder(worded):
    message = r"the vocabulary was made for the encoder 'minilm', but embed\.model is 'models/enc"
    with pytest.raises(ModelError, match=message):
        Pipeline(worded.config(decode={"writer": "prompt", "bridge": "builtin"})).run()
    assert not list((worded.folder / "ws" / "stages").glob("*"))


def test_folder_without_a_vocabulary_is_an_error(project):
    with pytest.raises(ModelMissing, match=r"contains no vocabulary \(missing files: words\.safetensors\)"):
        Pipeline(project.config(**WORDS)).run()
