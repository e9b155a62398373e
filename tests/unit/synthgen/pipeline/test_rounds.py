from types import SimpleNamespace

import numpy as np
import pytest

from synthgen.core.errors import ModelError
from synthgen.core.types import Candidate
from synthgen.decode.bridge import Vocabulary
from synthgen.decode.config import PLAIN
from synthgen.decode.published import CheckpointBridge
from synthgen.pipeline import rounds
from synthgen.pipeline.rounds import Round, next_round


def state(number, have):
    labels = [(label, i) for label, n in have.items() for i in range(n)]
    kept = tuple(Candidate(latent_id=f"{x}{i}", index=0, text="t", label=x, finish="stop") for x, i in labels)
    requested, none = {"a": 100, "b": 100}, np.zeros((0, 2))
    return Round(number=number, requested=requested, candidates=kept, vectors=none, embeddings=(), kept=kept)


@pytest.mark.parametrize(
    ("number", "before", "after", "continues"),
    [
        (1, {}, {"a": 70, "b": 70}, False),  # full
        (1, {}, {"a": 0, "b": 70}, True),  # the first round is never the last if a class lacks records
        (4, {"a": 60, "b": 70}, {"a": 66, "b": 70}, True),  # 4 short of 70 after the fourth
        (5, {"a": 20, "b": 70}, {"a": 25, "b": 70}, True),  # 5 of 50, a tenth
        (5, {"a": 20, "b": 70}, {"a": 24, "b": 70}, False),  # 4 of 50
        (5, {"a": 20, "b": 70}, {"a": 19, "b": 70}, False),  # newly fitted filters may keep fewer
        (5, {"a": 69, "b": 70}, {"a": 69, "b": 70}, False),
    ],
)
def test_a_further_round_needs_a_gain(number, before, after, continues):
    setup = SimpleNamespace(wanted={"a": 70, "b": 70})
    following = next_round(setup, state(number, before), state(number, after))
    assert (following is not None) == continues
    if following is not None:
        assert following.number == number + 1
        assert following.requested["a"] > 100
        assert following.requested["b"] == 100


def test_a_vocabulary_and_a_checkpoint_bridge_are_opened(monkeypatch):
    decode = SimpleNamespace(by_words=False, bridge=rounds.OWN, model="m", placement="cpu")
    job = SimpleNamespace(
        config=SimpleNamespace(decode=decode, embed=SimpleNamespace(model="e"), resolve=None),
        folder=lambda name: f"folder of {name}",
    )
    monkeypatch.setattr(rounds, "load_checkpoint_bridge", lambda folder: f"inside the {folder}")
    assert rounds.open_bridge(job) == "inside the folder of m"
    monkeypatch.setattr(rounds, "load_vocabulary", lambda *given, encoder: (*given, encoder))
    decode.by_words, decode.bridge = True, "words"
    assert rounds.open_bridge(job) == ("words", None, "e")
    monkeypatch.setattr(rounds, "WordsDecoder", lambda *given, **how: (given, how))
    words = object.__new__(Vocabulary)
    object.__setattr__(words, "reader", "reader")
    opened = rounds.open_decoder(job, words, None)
    assert opened == (("folder of m", "reader"), {"decoder": "m", "device": "cpu"})
    inside = object.__new__(CheckpointBridge)
    with pytest.raises(ModelError, match="needs an encoder pooled at its last token"):
        rounds.open_decoder(job, inside, None)


def test_prompt_words_need_a_bridge_with_a_vocabulary(monkeypatch):
    decode = SimpleNamespace(by_words=False, bridge="apart", words=4, style=PLAIN, styles=(PLAIN,))
    job = SimpleNamespace(config=SimpleNamespace(decode=decode, resolve=None))
    bridge = SimpleNamespace(words=None)
    monkeypatch.setattr(rounds, "load_bridge", lambda *_: bridge)
    with pytest.raises(ModelError, match="'apart' has no vocabulary"):
        rounds.open_bridge(job)
    decode.words = 0
    assert rounds.open_bridge(job) is bridge
