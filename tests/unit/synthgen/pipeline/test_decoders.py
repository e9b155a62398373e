from types import SimpleNamespace

import pytest

from synthgen.core.errors import ModelError
from synthgen.decode.bridge import load_bridge
from synthgen.decode.config import PLAIN
from synthgen.decode.published import CheckpointBridge
from synthgen.models.store import model_folder
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


@pytest.mark.models
def test_a_copy_of_the_encoder_in_a_folder_has_the_vocabulary_of_the_encoder(tmp_path):
    (tmp_path / "copied").symlink_to(model_folder("minilm"))
    decode = SimpleNamespace(is_prompted=True, bridge="builtin")
    for name in ("minilm", "./copied"):
        config = SimpleNamespace(decode=decode, embed=SimpleNamespace(model=name), resolve=lambda p: tmp_path / p)
        assert len(decoders.vocabulary_of(config).reader.words) > 1000
    decode.is_prompted = False
    assert decoders.vocabulary_of(config) is None


@pytest.mark.parametrize(
    ("encoder", "decoder", "message"),
    [
        ("smollm2", "smollm2", "embed.model: 'smollm2' is a language model; an encoder is needed"),
        ("minilm", "minilm", "decode.model: 'minilm' is an encoder; a language model is needed"),
        ("minilm", "rampart", "decode.model: 'rampart' is a name classifier; a language model is needed"),
        ("minilm", "./own", "language model: smollm2 in the training of the bridge, ./own in this configuration"),
        ("./own", "smollm2", "encoder: minilm in the training of the bridge, ./own in this configuration"),
        ("minilm", "smollm2", None),
    ],
)
def test_models_are_checked_by_name_before_they_are_loaded(encoder, decoder, message):
    parts = SimpleNamespace(embed=SimpleNamespace(model=encoder), decode=SimpleNamespace(model=decoder))
    job = SimpleNamespace(config=parts, model_name=lambda name: name)
    bridge = load_bridge("builtin")
    if message is None:
        decoders.check_models(job, bridge)
        return
    with pytest.raises(ModelError) as caught:
        decoders.check_models(job, bridge)
    assert caught.value.problems == (message,)


def test_prompt_words_need_a_bridge_with_a_vocabulary(monkeypatch):
    decode = SimpleNamespace(
        is_prompted=False, writer="bridge", bridge="apart", words=4, style=PLAIN, styles=(PLAIN,)
    )
    job = SimpleNamespace(config=SimpleNamespace(decode=decode, resolve=None))
    bridge = SimpleNamespace(reader=None)
    monkeypatch.setattr(decoders, "load_bridge", lambda *_: bridge)
    with pytest.raises(ModelError, match="but the bridge 'apart' has no vocabulary of words"):
        decoders.open_bridge(job)
    decode.words = 0
    assert decoders.open_bridge(job) is bridge
