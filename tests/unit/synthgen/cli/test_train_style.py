import json
import shutil
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
    monkeypatch.chdir(new_project.folder)  # the tiny bridge names its models from there

    def make(**changes):
        given = {
            "name": "ward-note",
            "corpora": ((notes, "CC0"),),
            "out": tmp_path / "ward-note",
            "bridge": str(new_project.folder / "models" / "bridge"),
            "steps": 6,
            "batch": 4,
            "rate": 2e-2,
            "rank": 2,
        }
        return StyleTask(**{**given, **changes})

    return make


def test_a_folder_of_notes_becomes_a_style_with_its_card(task):
    folder = train_style(task(), resume=False, progress=silent)
    style = load_style(str(folder), Path)
    card = style.card
    assert card.heldout_after < card.heldout_before
    assert [(s.name, s.licence) for s in card.sources] == [("notes", "CC0")]
    assert len(card.samples) >= 1
    assert {path.name for path in folder.iterdir()} == {CARD, WEIGHTS, LEARNT, "curve.jsonl"}
    bridge = load_bridge(task().bridge)
    assert in_style(bridge, [(style, 1.0)]).info.adapter_rank == bridge.info.adapter_rank + 2
    with pytest.raises(UsageError, match="contains a style"):
        train_style(task(), resume=False, progress=silent)


def test_a_stopped_training_goes_on_to_the_same_style(task, tmp_path):
    whole = train_style(task(), resume=False, progress=silent)

    class Stopped(Exception):  # noqa: N818 - reads as what happened
        pass

    class Stopping:
        def stage(self, name, *, total, unit, done=0):
            found = silent.stage(name, total=total, unit=unit, done=done)
            if name != "train-bridge":
                return found
            steps = iter(range(100))

            class At:
                def __enter__(self):
                    return lambda n: (_ for _ in ()).throw(Stopped) if n and next(steps) >= 25 else None

                def __exit__(self, *of):
                    return None

            return At()

    long = {"steps": 30, "out": tmp_path / "stopped"}
    with pytest.raises(Stopped):
        train_style(task(**long), resume=False, progress=Stopping())
    assert (tmp_path / "stopped" / STATE).exists()
    assert not (tmp_path / "stopped" / CARD).exists()
    gone_on = train_style(task(**long), resume=True, progress=silent)
    straight = train_style(task(steps=30, out=tmp_path / "straight"), resume=False, progress=silent)
    assert (gone_on / WEIGHTS).read_bytes() == (straight / WEIGHTS).read_bytes()
    assert json.loads((gone_on / CARD).read_text()) == json.loads((straight / CARD).read_text())
    assert (whole / WEIGHTS).read_bytes() != (straight / WEIGHTS).read_bytes()


def test_beside_a_bridge_with_a_vocabulary_a_style_learns_with_its_words(task, tmp_path):
    plain = train_style(task(), resume=False, progress=silent)
    assert "told" not in json.loads((plain / CURVE).read_text())
    bridge = Path(shutil.copytree(task().bridge, tmp_path / "bridge"))
    vectors = np.random.default_rng(0).standard_normal((len(WORDS), 40)).astype(np.float32)
    save_words(make_reader(dict.fromkeys(WORDS, 0.1), vectors, vectors.mean(axis=0)), bridge / FILE)
    told = train_style(task(bridge=str(bridge), out=tmp_path / "told"), resume=False, progress=silent)
    assert json.loads((told / CURVE).read_text())["told"] > 0


def test_what_cannot_be_trained_on_is_told_before_any_model_is_loaded(task, notes, tmp_path):
    for path in sorted(notes.iterdir())[10:]:
        path.unlink()
    with pytest.raises(DataError, match="10 texts in 'text'"):
        train_style(task(), resume=False, progress=silent)
    for name in ("Ward", "../x", "plain", ""):
        with pytest.raises(UsageError, match="--style"):
            train_style(task(name=name), resume=False, progress=silent)
    assert not (tmp_path / "ward-note").exists()


def test_licences_go_with_their_corpora():
    one, two = Path("a"), Path("b")
    assert with_licences([one, two], ["CC0"]) == ((one, "CC0"), (two, "CC0"))
    assert with_licences([one, two], ["CC0", "MIT"]) == ((one, "CC0"), (two, "MIT"))
    for corpora, licences in (([], ["CC0"]), ([one, two], ["a", "b", "c"])):
        with pytest.raises(UsageError):
            with_licences(corpora, licences)
