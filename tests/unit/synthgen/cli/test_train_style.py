import json
import shutil
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from synthgen.cli.train_style import StyleTask, train_style, with_licences
from synthgen.core.errors import DataError, UsageError
from synthgen.core.progress import silent
from synthgen.decode.bridge import load_bridge
from synthgen.decode.learnt import LEARNT
from synthgen.decode.prompt_words import FILE, make_reader, save_words
from synthgen.decode.style_adapter import CARD, WEIGHTS, in_style, load_style
from synthgen.decode.train.trainer import CURVE, STATE

WORDS = ["doctor", "patient", "fever", "rocket", "engine", "orbit", "river", "garden", "sees", "fixes"]


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for i in range(1, 41):
        lines = [" ".join(WORDS[(i * j + k) % len(WORDS)] for j in range(1, 5)) for k in range(3)]
        (folder / f"{i}.txt").write_text(f"Note {i}:\n" + "\n".join(lines) + "\n")
    return folder


@pytest.fixture
def task(notes, new_project, tmp_path, monkeypatch):
    monkeypatch.chdir(new_project.folder)  # the tiny bridge names its models by paths relative to this folder
    bridge = str(new_project.folder / "models" / "bridge")
    training = {"steps": 6, "batch": 4, "rate": 2e-2, "rank": 2}
    fields = {"name": "ward-note", "corpora": ((notes, "CC0"),), "out": tmp_path / "ward-note", "bridge": bridge}
    return lambda **changes: StyleTask(**{**fields, **training, **changes})


def test_training_writes_a_style_with_its_card(task):
    folder = train_style(task(), resume=False, progress=silent)
    style = load_style(str(folder), Path)
    assert style.card.heldout_after < style.card.heldout_before
    assert [(s.name, s.licence) for s in style.card.sources] == [("notes", "CC0")]
    assert len(style.card.samples) >= 1
    assert {path.name for path in folder.iterdir()} == {CARD, WEIGHTS, LEARNT, "curve.jsonl"}
    bridge = load_bridge(task().bridge)
    assert in_style(bridge, [(style, 1.0)]).info.adapter_rank == bridge.info.adapter_rank + 2
    with pytest.raises(UsageError, match="contains a style"):
        train_style(task(), resume=False, progress=silent)


class StoppingProgress:
    """Raise KeyboardInterrupt after 25 training steps."""

    @contextmanager
    def stage(self, name, *, total, unit, done=0):
        steps = count()

        def advance(n):
            if name == "train-bridge" and n and next(steps) >= 25:
                raise KeyboardInterrupt

        yield advance


def test_an_interrupted_training_continues_to_the_same_style(task, tmp_path):
    short = train_style(task(), resume=False, progress=silent)
    long = {"steps": 30, "out": tmp_path / "stopped"}
    with pytest.raises(KeyboardInterrupt):
        train_style(task(**long), resume=False, progress=StoppingProgress())
    assert (tmp_path / "stopped" / STATE).exists()
    assert not (tmp_path / "stopped" / CARD).exists()
    resumed = train_style(task(**long), resume=True, progress=silent)
    whole = train_style(task(steps=30, out=tmp_path / "whole"), resume=False, progress=silent)
    assert (resumed / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    assert json.loads((resumed / CARD).read_text()) == json.loads((whole / CARD).read_text())
    assert (short / WEIGHTS).read_bytes() != (whole / WEIGHTS).read_bytes()


def test_a_style_of_a_bridge_with_a_vocabulary_is_trained_with_prompt_words(task, tmp_path):
    plain = train_style(task(), resume=False, progress=silent)
    assert "prompted" not in json.loads((plain / CURVE).read_text())
    bridge = Path(shutil.copytree(task().bridge, tmp_path / "bridge"))
    vectors = np.random.default_rng(0).standard_normal((len(WORDS), 40)).astype(np.float32)
    save_words(make_reader(dict.fromkeys(WORDS, 0.1), vectors, vectors.mean(axis=0)), bridge / FILE)
    with_words = train_style(task(bridge=str(bridge), out=tmp_path / "words"), resume=False, progress=silent)
    assert json.loads((with_words / CURVE).read_text())["prompted"] > 0


def test_unusable_options_raise_an_error_before_a_model_is_loaded(task, notes, tmp_path):
    for path in sorted(notes.iterdir())[10:]:
        path.unlink()
    with pytest.raises(DataError, match="10 distinct texts in the column 'text'"):
        train_style(task(), resume=False, progress=silent)
    rule = "may have at most 40 characters, only a-z, 0-9 and -, and must begin with a letter"
    for name, problem in (("Ward", rule), ("../x", rule), ("plain", "'plain' is reserved"), ("", rule)):
        with pytest.raises(UsageError, match=f"--style: the name {problem}"):
            train_style(task(name=name), resume=False, progress=silent)
    assert not (tmp_path / "ward-note").exists()


def test_each_corpus_gets_its_licence():
    assert with_licences(["a", "b"], ["CC0"]) == (("a", "CC0"), ("b", "CC0"))
    assert with_licences(["a", "b"], ["CC0", "MIT"]) == (("a", "CC0"), ("b", "MIT"))
    for corpora, licences in (([], ["CC0"]), (["a", "b"], ["a", "b", "c"])):
        with pytest.raises(UsageError):
            with_licences(corpora, licences)
