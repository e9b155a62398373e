import dataclasses
import re

import numpy as np
import pytest

from studies import writers as module
from studies.conversations import Conversation
from studies.writers import WritersRequest, writers
from synthgen.core.errors import DataError
from synthgen.core.progress import silent
from synthgen.core.types import Candidate


class Encoder:
    """An encoder of the words that a text contains."""

    dim, name, normalized, digest = 384, "minilm", True, "0"

    def encode(self, texts, advance=None):
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, sum(map(ord, word)) % self.dim] += 1
        vectors[:, 0] += 0.1
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class LabelWriter:
    """Writes the label; the second of several candidates has more words of its kind."""

    def decode(self, latents, settings, seeds, advance, contexts=()):
        texts = [f"{label} {'clinic ' * (1 + j % 2)}" for label in latents.labels for j in range(settings.candidates)]
        return tuple(Candidate(latent_id="x", index=0, text=text, label="a", finish="stop") for text in texts)


@pytest.fixture
def stubbed(monkeypatch):
    encoder = Encoder()
    monkeypatch.setattr(module, "build_encoder", lambda *_: encoder)
    monkeypatch.setattr(module, "kept_vectors", lambda _n, texts, *_: encoder.encode(texts))
    monkeypatch.setattr(module, "_ways", lambda *_: {
        "one": module.Way(opened=LabelWriter, words=0), "best": module.Way(opened=LabelWriter, candidates=4)
    })  # fmt: skip


def test_page_has_a_row_for_each_way_and_its_texts(stubbed, tmp_path):
    page = writers(WritersRequest(dataset="clinic", data=None, out=tmp_path, model=None, quick=True), silent)
    text = page.read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| (.*) \|$", text, re.MULTILINE))
    assert list(rows) == ["writer", "real records", "one", "best"]
    assert rows["writer"].split(" | ") == [
        "TF-IDF", "head", "cosine", "own vector nearest", "style gap", "contradictory", "membership AUC", "copies",
        "words", "seconds",
    ]  # fmt: skip
    assert float(rows["one"].split(" | ")[0]) > float(rows["real records"].split(" | ")[0]) - 0.3
    assert text.count("- cardiology: cardiology clinic") >= 1
    assert "## real records" not in text  # real records are never shown


def open_bench(out):
    request = WritersRequest(dataset="clinic", data=None, out=out, model=None, quick=True)
    return module.open_bench(request, silent)


def test_best_candidate_is_the_nearest_to_its_vector(stubbed, tmp_path):
    bench = open_bench(tmp_path)
    one, best = (bench.write(module.Way(opened=LabelWriter, candidates=n), silent) for n in (1, 4))
    cosines = [np.sum(bench.encoder.encode(texts) * bench.latents.vectors) for texts in (one, best)]
    assert cosines[1] >= cosines[0]


def test_ranked_texts_have_a_likely_class_few_contradictions_and_a_small_distance(stubbed, tmp_path):
    bench = open_bench(tmp_path)
    labels = list(bench.train.labels)
    bench = dataclasses.replace(bench, of_train=bench.encoder.encode([f"{label} " * 9 for label in labels]))
    contradictory = "The patient is a 40-year-old man. She is pregnant."
    texts = []
    for label in bench.latents.labels:
        other = next(of_record for of_record in labels if of_record != label)
        texts += [other, *(f"{label} {more}" for more in (contradictory, "caused pain.", "was excluded."))]
    chosen = bench.ranked(texts)
    assert all(text in texts[4 * i + 2 : 4 * i + 4] for i, text in enumerate(chosen))
    vectors = [bench.encoder.encode(of) for of in (chosen, texts[2::4], texts[3::4])]
    cosine = [np.sum(v * bench.latents.vectors, axis=1) for v in vectors]
    np.testing.assert_allclose(cosine[0], np.maximum(*cosine[1:]), atol=1e-6)


class Corrector(Conversation):
    """Writes the label and the last turn of the conversation, which a correction changes."""

    def __init__(self):
        self.asking = lambda *_: [("", "nothing")] * 99

    def decode(self, latents, settings, seeds, advance, contexts=()):
        asked = self.asking(latents, settings, seeds)
        texts = [f"{label} {turns[-1]}" for label, turns in zip(latents.labels, asked, strict=False)]
        return tuple(Candidate(latent_id="x", index=0, text=text, label="a", finish="stop") for text in texts)


def test_a_correction_is_kept_if_it_is_nearer(stubbed, tmp_path):
    bench = open_bench(tmp_path)
    asked, first = {}, bench.write(module.Way(opened=Corrector), silent)

    def corrected(written):
        asked.update(written)
        return lambda *_: [("", "clinic" if i % 2 else "x y z " * 9) for i in range(99)]

    found = bench.write(module.Way(opened=Corrector, corrected=corrected), silent)
    assert list(asked.values()) == first
    nearer = bench._nearest([t for i, a in enumerate(first) for t in (a, a.replace("nothing", "clinic"))], 2)
    assert found[1::2] == nearer[1::2]
    assert found != first
    vectors = [bench.encoder.encode(texts) for texts in (first, found)]
    cosines = [np.sum(v * bench.latents.vectors, axis=1) for v in vectors]
    assert (cosines[1] >= cosines[0] - 1e-6).all()


def test_ways_can_be_chosen_and_unknown_ones_are_refused(stubbed, tmp_path):
    request = WritersRequest(dataset="clinic", data=None, out=tmp_path, model=None, quick=True, only=("best",))
    assert "| best |" in (page := writers(request, silent).read_text())
    assert "| one |" not in page
    with pytest.raises(DataError, match="unknown writers") as caught:
        writers(dataclasses.replace(request, only=("best", "x", "y")), silent)
    assert caught.value.problems == ("x: not one of one, best", "y: not one of one, best")


def test_texts_of_an_earlier_run_are_used_only_if_the_model_is_the_same(stubbed, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ways", lambda *_: {"larger, prompt": module.Way(opened=LabelWriter)})
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(name)
    request = WritersRequest(dataset="clinic", data=None, out=tmp_path, model=tmp_path / "small", quick=True)
    first = writers(request, silent).read_text()
    assert writers(request, silent).read_text() == first
    with pytest.raises(DataError, match="of another model"):
        writers(dataclasses.replace(request, model=tmp_path / "large"), silent)


def test_unknown_set_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such set"):
        writers(WritersRequest(dataset="x", data=None, out=tmp_path, model=None, quick=True), silent)


@pytest.mark.slow
@pytest.mark.models
def test_the_quick_form_ends(study, quick_out):
    code, output = study("writers", "--quick", "--out", quick_out)
    assert code == 0, output
    page = (quick_out / "writers.md").read_text()
    assert all(f"| embedded, {name} |" in page for name in ("bridge", "prompt", "label only"))
