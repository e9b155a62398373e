import re

import numpy as np
import pytest

from studies import writers as module
from studies.writers import WritersRequest, writers
from synthgen.core.errors import DataError
from synthgen.core.progress import silent
from synthgen.core.types import Candidate


class Encoder:
    """Vectors of the words that a text contains."""

    dim, name, normalized = 384, "minilm", True

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
        "TF-IDF", "head", "cosine", "style gap", "contradictory", "membership AUC", "words", "seconds"
    ]  # fmt: skip
    assert float(rows["one"].split(" | ")[0]) > float(rows["real records"].split(" | ")[0]) - 0.3
    assert text.count("- cardiology: cardiology clinic") >= 1
    assert "## real records" not in text  # real records are never shown


def test_best_candidate_is_the_nearest_to_its_vector(stubbed, tmp_path):
    bench = module._bench(WritersRequest(dataset="clinic", data=None, out=tmp_path, model=None, quick=True), silent)
    one, best = (bench.write(module.Way(opened=LabelWriter, candidates=n), silent) for n in (1, 4))
    cosines = [np.sum(bench.encoder.encode(texts) * bench.latents.vectors) for texts in (one, best)]
    assert cosines[1] >= cosines[0]


def test_unknown_set_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such set"):
        writers(WritersRequest(dataset="x", data=None, out=tmp_path, model=None, quick=True), silent)


@pytest.mark.slow
@pytest.mark.models
def test_the_quick_form_ends(study, tmp_path):
    code, output = study("writers", "--quick", "--out", tmp_path / "out")
    assert code == 0, output
    page = (tmp_path / "out" / "writers.md").read_text()
    assert all(f"| embedded, {name} |" in page for name in ("bridge", "prompt", "label only"))
