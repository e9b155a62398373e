import os
from pathlib import Path

import pytest

from synthgen.core.errors import ConfigError
from synthgen.decode.train.config import TrainBridgeConfig

ROOT = Path(__file__).parents[5]
PLAIN = "version: 1\ncorpus: {path: data}\ntrain: {steps: 9, decay: 3}\nout: o\n"


def load(tmp_path, text):
    path = tmp_path / "bridge.yaml"
    path.write_text(text)
    return TrainBridgeConfig.load(path)


@pytest.mark.parametrize("name", ["minilm-smollm2", "minilm-smollm2-words"])
def test_shipped_configurations_load(name):
    config = TrainBridgeConfig.load(ROOT / "docs" / "bridge" / f"{name}.yaml")
    assert (config.encoder, config.decoder) == ("minilm", "smollm2")
    assert set(config.corpus.exclude_sources) >= {"newsgroups20_train", "ag_news_train_subset", "aci_bench_train"}
    assert config.train.decay < config.train.steps


def test_defaults_and_base_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load(Path(), PLAIN)
    assert config.base == os.fspath(tmp_path.resolve())
    assert (config.bridge.soft_tokens, config.bridge.adapter_rank, config.bridge.adapter_targets) == (8, 8, "auto")
    assert (config.train.rate, config.train.noise, config.train.dtype) == (1e-3, 0.25, "auto")


def test_every_mistake_is_listed(tmp_path):
    text = (
        "version: 2\ncolour: red\ncorpus: {path: data, passages: 0}\nbridge: {soft_tokens: 65, hidden: wide}\n"
        "train: {steps: 0, decay: 3, rate: 1.5, noise: -1, device: tpu, length: 31}\n"
    )
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    train = [f"train.{name}" for name in ("steps", "rate", "noise", "device", "length")]
    for place in ("version", "colour", "corpus.passages", "bridge.soft_tokens", "bridge.hidden", *train, "out"):
        assert sum(problem.startswith(place) for problem in refused.value.problems) == 1, place
    assert len(refused.value.problems) == 11


@pytest.mark.parametrize(("soft", "prompt", "fine"), [(8, 8, True), (9, 8, False), (8, 9, False), (64, 1, False)])
def test_a_length_without_room_for_text_is_rejected(tmp_path, soft, prompt, fine):
    text = PLAIN.replace("decay: 3", f"decay: 3, length: 32, max_prompt_tokens: {prompt}")
    text += f"bridge: {{soft_tokens: {soft}}}\n"
    if fine:
        assert load(tmp_path, text).train.length == 32
    else:
        with pytest.raises(ConfigError) as refused:
            load(tmp_path, text)
        assert f"leaves {32 - prompt - soft} tokens for the text, but at least 16 are required" in str(refused.value)
