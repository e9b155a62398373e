from types import SimpleNamespace

import pytest

from synthgen.core.errors import ModelError
from synthgen.decode.config import PLAIN
from synthgen.decode.published import CheckpointBridge
from synthgen.pipeline import decoders


def test_a_vocabulary_and_a_checkpoint_bridge_are_opened(monkeypatch):
    decode = SimpleNamespace(is_prompted=False, writer=decoders.XRAG, bridge="builtin", model="m", placement="cpu")
    job = SimpleNamespace(
        config=SimpleNamespace(decode=decode, embed=SimpleNamespace(model="e"), resolve=None),
        folder=lambda name: f"folder of {name}",
        model_name=lambda name: name,
    )
    monkeypatch.setattr(decoders, "load_checkpoint_bridge", lambda folder: f"inside the {folder}")
    assert decoders.open_bridge(job) == "inside the folder of m"
    monkeypatch.setattr(decoders, "load_vocabulary", lambda *given, encoder: (*given, encoder))
    decode.is_prompted, decode.writer = True, "prompt"
    assert decoders.open_bridge(job) == ("builtin", None, "e")
    inside = object.__new__(CheckpointBridge)
    with pytest.raises(ModelError, match="needs an encoder whose vector is the state of the last token"):
        decoders.open_decoder(job, inside, None)


def test_prompt_words_need_a_bridge_with_a_vocabulary(monkeypatch):
    decode = SimpleNamespace(
        is_prompted=False, writer="bridge", bridge="apart", words=4, style=PLAIN, styles=(PLAIN,)
    )
    job = SimpleNamespace(config=SimpleNamespace(decode=decode, resolve=None))
    bridge = SimpleNamespace(words=None)
    monkeypatch.setattr(decoders, "load_bridge", lambda *_: bridge)
    with pytest.raises(ModelError, match="'apart' has no vocabulary"):
        decoders.open_bridge(job)
    decode.words = 0
    assert decoders.open_bridge(job) is bridge
