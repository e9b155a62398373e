import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from synthgen.cli import blend as command
from synthgen.cli import main as cli
from synthgen.cli.blend import WARNING, BlendRequest, blend, blend_texts
from synthgen.core.errors import DataError, StorageError, UsageError
from synthgen.core.progress import silent
from synthgen.core.types import Candidate
from synthgen.decode.prompting.local import PromptDecoder

A = "A 40-year-old woman with asthma on albuterol. She denies chest pain."
B = "A 60-year-old woman with gout, on colchicine. She smokes."
BETWEEN = "A 50-year-old woman with gout on albuterol. She has migraine."
AXIS = {A: 0, B: 1, BETWEEN: None}


class Encoder:
    """Return orthogonal vectors for A and B, the diagonal for the blend, and another axis for all other texts."""

    name, digest, dim, max_tokens, normalized = "stub", "0", 5, 99, True

    def encode(self, texts, progress=None):
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            if text == BETWEEN:
                row[:2] = np.sqrt(0.5)
            elif text == A.upper():
                row[0] = -1
            else:
                row[AXIS.get(text, 3)] = 1
        return rows


class Decoder:
    """Record the request and return fixed candidates."""

    name = "stub"

    def __init__(self, *texts):
        self.texts = texts

    def decode(self, latents, settings, seeds, advance):
        self.request = (latents, settings, seeds)
        advance(settings.candidates)
        shared = {"latent_id": "blend", "label": latents.labels[0], "finish": "stop"}
        n = len(self.texts)
        return tuple(Candidate(index=i, text=self.texts[i % n], **shared) for i in range(settings.candidates))


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.txt").write_text(A)
    (tmp_path / "b.txt").write_text(B)
    return tmp_path / "a.txt", tmp_path / "b.txt"


def request(files=("a.txt", "b.txt"), **changes):
    return BlendRequest(a=files[0], b=files[1], **changes)


def made(*texts, pair=(A, B), **changes):
    return blend_texts(pair, request(**changes), Encoder(), Decoder(*texts), silent)


def test_the_candidate_nearest_to_the_target_is_the_blend():
    found = made("noise", "", BETWEEN, BETWEEN)
    assert (found.blend.text, found.blend.index) == (BETWEEN, 2)  # of equally near candidates, the first is chosen
    assert found.of_candidates == (pytest.approx(0), None, pytest.approx(1), pytest.approx(1))
    assert found.cosines == pytest.approx({"target": 1, "a": np.sqrt(0.5), "b": np.sqrt(0.5), "a_b": 0})


@pytest.mark.parametrize(
    ("method", "lam", "target"),
    [
        ("smote", 0.0, [1, 0]),
        ("smote", 1.0, [0, 1]),
        ("smote", 0.25, [0.75, 0.25]),
        ("slerp", 0.0, [1, 0]),
        ("slerp", 1.0, [0, 1]),
        ("slerp", 1 / 3, [np.sqrt(0.75), 0.5]),
    ],
)
def test_the_target_is_on_the_segment_or_the_arc(method, lam, target):
    decoder = Decoder(BETWEEN)
    blend_texts((A, B), request(method=method, lam=lam, label="cardio.logy"), Encoder(), decoder, silent)
    latents, settings, seeds = decoder.request
    assert latents.vectors[0] == pytest.approx([*target, 0, 0, 0], abs=1e-6)
    assert latents.weights == ((1 - lam, lam),)
    assert settings.prompts == {"cardio.logy": "cardio logy"}
    assert (str(seeds), seeds.root) == ("decode", 0)


def test_json_and_text_show_the_attributes():
    found = made(BETWEEN)
    value = json.loads(json.dumps(found.to_json()))
    assert value["warning"] == WARNING
    blends = {row["attribute"]: row["blend"] for row in value["attributes"]}
    assert list(blends) == ["age", "sex", "chronic conditions", "symptoms", "medications", "lifestyle"]
    assert blends["age"][0] == {"value": "50", "from": "between"}
    assert blends["chronic conditions"] == [{"value": "gout", "from": "B"}, {"value": "migraine", "from": "new"}]
    assert blends["medications"] == [{"value": "albuterol", "from": "A"}]
    text = found.to_text()
    assert text.startswith(WARNING)
    cosines = "cosine to target 1.000, to A 0.707, to B 0.707 (A to B 0.000)"
    assert all(part in text for part in (A, B, BETWEEN, cosines, "gout (B)", "50 (between)"))


class FixedPromptDecoder(Decoder, PromptDecoder):
    """A decoder whose prompter returns fixed prompt words for every vector."""

    @property
    def prompter(self):
        return SimpleNamespace(read=lambda vectors, k: (tuple(f"word{i}" for i in range(k)),) * len(vectors))


def test_the_prompt_words_are_shown():
    decoder = FixedPromptDecoder(BETWEEN)
    found = blend_texts((A, B), request(writer="prompt"), Encoder(), decoder, silent)
    assert decoder.request[1].words == 10
    assert found.words == tuple(f"word{i}" for i in range(10))
    assert "prompt words: word0, word1," in found.to_text()
    assert found.to_json()["words"] == list(found.words)
    plain = made(BETWEEN)
    assert (plain.words, plain.to_json()["words"], plain.to_json()["writer"]) == ((), [], "bridge")
    assert "prompt words" not in plain.to_text()


def test_only_the_start_of_a_long_text_is_shown():
    long = A + " Word." * 300
    shown = blend_texts((long, B), request(), Encoder(), Decoder(BETWEEN), silent).to_json()["a"]
    assert len(shown["start"]) < 410
    assert shown["characters"] == len(long)


def test_texts_that_cannot_be_blended_raise_an_error():
    with pytest.raises(DataError, match=r"none of the 4 generated texts \(candidates\) contains a letter"):
        made("", "12 - 3")
    opposite = (A, A.upper())
    with pytest.raises(DataError, match="cancel each other out"):
        made(BETWEEN, pair=opposite)
    with pytest.raises(DataError, match="opposite"):
        made(BETWEEN, pair=opposite, method="slerp")


def test_files_are_read_before_any_model(files, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "open_models", lambda _bridge: pytest.fail("a model was opened"))
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfa")
    (tmp_path / "blank.txt").write_text(" 12\n")
    (tmp_path / "folder.txt").mkdir()
    for name, message in (
        ("none", "cannot be read"),
        ("folder", "cannot be read"),
        ("bytes", "is not UTF-8"),
        ("blank", "contains no letter"),
    ):
        with pytest.raises((DataError, StorageError), match=rf"{name}\.txt: {message}"):
            blend(request((files[0], tmp_path / f"{name}.txt")), silent)
    for lam in (-0.1, 1.1, float("nan")):
        with pytest.raises(UsageError, match="--lambda must be from 0 to 1"):
            blend(request(files, lam=lam), silent)


def invoke(*arguments):
    return CliRunner().invoke(cli.app, ["blend", *map(str, arguments)])


def test_options_reach_the_blend(files, monkeypatch):
    decoder = Decoder(BETWEEN)
    monkeypatch.setattr(command, "open_models", lambda _bridge: (Encoder(), decoder))
    done = invoke(*files, "--lambda", "0.25", "--candidates", "3", "--method", "slerp", "--seed", "7", "--json")
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert (value["lambda"], value["method"], value["seed"]) == (0.25, "slerp", 7)
    assert len(value["cosine"]["candidates"]) == 3
    assert decoder.request[2].root == 7
    assert WARNING in done.stderr
    plain = invoke(*files)
    assert WARNING in plain.stdout
    assert "blend, lambda 0.5 (smote), best of 4 candidates:" in plain.stdout


def test_errors_exit_with_the_code_of_their_class(files, tmp_path):
    env = {**os.environ, "SYNTHGEN_MODELS": str(tmp_path / "empty")}
    for arguments, code, said in (([files[0], "none.txt"], 3, "none.txt: cannot be read"), (files, 6, "models pull")):
        command_line = [sys.executable, "-m", "synthgen", "blend", *map(str, arguments)]
        done = subprocess.run(command_line, capture_output=True, text=True, check=False, env=env)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr


@pytest.mark.parametrize(
    "wrong", [["--lambda", "2"], ["--candidates", "0"], ["--method", "vae"], ["--seed", "-1"], ["--bridge", "x"]]
)
def test_invalid_options_exit_with_2(files, wrong):
    assert invoke(*files, *wrong).exit_code == 2


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.timeout(1500)  # decodes many texts, which takes more than ten minutes on a busy processor
def test_the_embedded_models_blend_two_notes(files):
    by_words = blend(request(files, candidates=2, writer="prompt"), silent)
    assert len(set(by_words.words)) == 10
    assert by_words.cosines["target"] > 0.1
    found = blend(request(files, candidates=2), silent)
    assert found.blend.text
    assert found.cosines["target"] == max(c for c in found.of_candidates if c is not None)
    assert found.cosines["target"] > 0.1
    assert blend(request(files, candidates=2), silent).to_json() == found.to_json()
