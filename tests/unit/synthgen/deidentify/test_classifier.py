"""Test the classifier with a fake runtime, and with the real model if it is in the store."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest

from synthgen.core.errors import DependencyError, ModelMissing
from synthgen.deidentify import classifier as module
from synthgen.deidentify.classifier import Classifier
from synthgen.deidentify.engines import engine_of, finder
from synthgen.deidentify.spans import Span

LABELS = ["O", "B-GIVEN_NAME", "I-SURNAME", "B-CITY"]
WORDS = {
    "Zyx": 1,
    "Quux": 2,
    "Murphy": 2,
    "sign": 2,
    "denies": 1,
    "Coumadin": 1,
    "Thomas": 2,
    "splint": 2,
    "Dunmore": 3,
    "PA": 1,
}


class Tokenizer:
    """Split at spaces; the id of a word is the number of its label."""

    def encode(self, text, add_special_tokens):
        assert not add_special_tokens
        offsets, at = [], 0
        for word in text.split(" "):
            offsets.append((at, at + len(word)))
            at += len(word) + 1
        return SimpleNamespace(ids=[WORDS.get(word, 0) for word in text.split(" ")], offsets=offsets)

    def token_to_id(self, token):
        return {"[CLS]": 8, "[SEP]": 9}[token]

    def no_truncation(self):
        pass

    no_padding = no_truncation


class Session:
    def __init__(self, path, options, providers):
        assert path.endswith("model_q4.onnx")
        assert options.intra_op_num_threads == 1
        assert providers == ["CPUExecutionProvider"]

    def run(self, _, feed):
        ids = feed["input_ids"][0]
        assert (ids[0], ids[-1]) == (8, 9)
        assert len(ids) <= 512
        return [np.eye(len(LABELS))[np.where(ids < 8, ids, 0)][None] * 9.0]


@pytest.fixture
def model(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(json.dumps({"id2label": dict(enumerate(LABELS))}))
    fakes = {
        "onnxruntime": SimpleNamespace(SessionOptions=SimpleNamespace, InferenceSession=Session),
        "tokenizers": SimpleNamespace(Tokenizer=SimpleNamespace(from_file=lambda path: Tokenizer())),
    }
    monkeypatch.setattr(module, "model_folder", lambda name: tmp_path)
    monkeypatch.setattr(module, "digest_of", lambda folder: "0" * 64)
    monkeypatch.setattr(module.importlib, "import_module", fakes.__getitem__)
    return Classifier()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("saw Zyx Quux today", [Span(4, 12, "name")]),
        ("saw Zyx denies today", [Span(4, 7, "name")]),
        ("Murphy sign absent", []),
        ("on Coumadin now", []),
        ("Thomas splint on", []),
        ("Chest PA view", []),
        ("in Dunmore now", [Span(3, 10, "place")]),
        ("", []),
    ],
)
def test_words_are_joined_and_clinical_words_vetoed(model, text, expected):
    assert model.find(text) == expected


def test_long_text_is_read_in_windows(model):
    text = "word " * 1000 + "Zyx Quux " + "word " * 700 + "Zyx"
    assert [text[s.start : s.end] for s in model.find(text)] == ["Zyx Quux", "Zyx"]


def test_missing_runtime_or_model_is_an_error(model, tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(module.importlib, "import_module", absent)
    with pytest.raises(DependencyError, match="onnxruntime"):
        Classifier()
    monkeypatch.undo()
    monkeypatch.setenv("SYNTHGEN_MODELS", str(tmp_path / "none"))
    with pytest.raises(ModelMissing, match="rampart"):
        Classifier()


def test_real_model_finds_names_that_the_rules_miss():
    if engine_of("auto") == "rules" or importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("rampart is not in the model store, or onnxruntime is not installed")
    text = "Thereafter Oluwaseun Adebayo walked. Positive Murphy sign on Coumadin."
    assert [text[s.start : s.end] for s in finder("auto")(text, ())] == ["Oluwaseun Adebayo"]
