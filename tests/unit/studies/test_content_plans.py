import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_matrix

from studies import content_plans as module
from studies import writers
from studies.content_plans import PlansRequest, co_occurrence, in_company, phrases, plans, tokenized
from synthgen.core.progress import silent
from synthgen.decode.prompt_words import WordReader

READER = WordReader(
    words=("east", "eastern", "north", "west"),
    frequency=np.full(4, 0.1, dtype=np.float32),
    table=np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], dtype=np.float32),
    centre=np.zeros(2, dtype=np.float32),
)


def test_phrases_are_words_that_occur_together_more_often_than_by_chance(monkeypatch):
    monkeypatch.setattr(module, "LEAST", 2)
    # "red" and "house" are each in 10 of 24 passages and together in 4: less often than by chance, 10 · 10 / 24
    passages = [["heart", "failure", "of", "the", "heart"]] * 4 + [["red", "house"]] * 4
    passages += [["red"], ["house"]] * 6 + [["james", "smith"]] * 4
    assert phrases(passages, 9) == {"heart failure": 4 / 24}
    assert phrases(passages, 0) == {}


def test_a_pair_inside_a_triple_is_no_phrase_of_its_own(monkeypatch):
    monkeypatch.setattr(module, "LEAST", 2)
    passages = [["chronic", "kidney", "disease"]] * 4 + [["nothing"]] * 12
    assert phrases(passages, 9) == {"chronic kidney disease": 0.25}
    found = phrases(passages + [["kidney", "disease"]] * 4, 9)
    # more than a quarter of the passages with "kidney disease" do not contain the longer phrase
    assert list(found) == ["kidney disease", "chronic kidney disease"]


def test_co_occurrence_is_normalized_and_positive():
    passages = [["a", "b"]] * 3 + [["a"], ["b"], ["x"], ["c"], ["c"]]
    found = co_occurrence(passages, ("a", "b", "c")).toarray()
    # p(ab) = 3/8 and p(a) = p(b) = 1/2: log 1.5 / -log .375 = .413
    np.testing.assert_allclose(found, [[0, 0.413, 0], [0.413, 0, 0], [0, 0, 0]], atol=1e-3)


def test_words_in_company_are_preferred():
    company = csr_matrix(np.array([[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]], dtype=np.float32))
    x = np.array([[2, 1]], dtype=np.float32)
    assert in_company(READER, company, x, 3, 0.0) == list(READER.read(x, 3)) == [("eastern", "east", "north")]
    assert in_company(READER, company, x, 2, 5.0) == [("eastern", "west")]


def test_only_open_passages_are_read(tmp_path):
    rows = [{"text": f"Text {i}.", "source": s} for i, s in enumerate(["medquad_answers", "ag_news_train_subset"])]
    rows += [{"text": f"Other {i}.", "source": "digitalgov"} for i in range(6)]
    (tmp_path / "bridge_corpus").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "bridge_corpus" / "train-0.parquet")
    assert list(tokenized(tmp_path)) == [["text", "0", "."], ["other", "2", "."]]


@pytest.fixture
def stubbed(monkeypatch, module_at):
    encoder = module_at("tests/unit/studies/test_writers.py").Encoder()
    monkeypatch.setattr(writers, "build_encoder", lambda *_: encoder)
    monkeypatch.setattr(writers, "kept_vectors", lambda _n, texts, *_: encoder.encode(texts))


def test_page_has_a_row_for_each_way_and_number_of_words(stubbed, tmp_path):
    page = plans(PlansRequest(dataset="clinic", data=None, out=tmp_path, quick=True), silent)
    rows = re.findall(r"^\| (one by one|together \(shipped\)) \| (\d+) \| (.*) \|$", page.read_text(), re.MULTILINE)
    assert [row[:2] for row in rows] == [(n, k) for n in ("one by one", "together (shipped)") for k in ("6", "10")]
    assert all(0 <= float(x) <= 1 for row in rows for x in row[2].split(" | ")[:2])


@pytest.mark.slow
@pytest.mark.models
def test_the_quick_form_ends(study, quick_out):
    code, output = study("plans", "--quick", "--out", quick_out)
    assert code == 0, output
    assert "| together (shipped) | 10 |" in (quick_out / "plans.md").read_text()
