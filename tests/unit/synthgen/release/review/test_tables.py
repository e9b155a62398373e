import json

import numpy as np
import pytest

from synthgen.core.errors import DataError
from synthgen.release.review.tables import read_tables
from synthgen.release.run import load_run


@pytest.fixture
def run(finished):
    return load_run(finished.config())


def test_the_tables_of_a_run_belong_together(run):
    tables = read_tables(run)
    for corpus in (tables.synthetic, tables.train, tables.control):
        assert len(tables.vectors[corpus.role]) == len(corpus) > 0
        assert np.allclose(np.linalg.norm(tables.vectors[corpus.role], axis=1), 1, atol=1e-5)
    assert set(tables.original) == {record.id for record in tables.train.records}
    assert len(tables.released_ids) == len(set(tables.released_ids)) == 12
    train = {record.label for record in tables.train.records}
    for record, parents, weights in zip(tables.synthetic.records, tables.parents, tables.weights, strict=True):
        assert {tables.train.records[row].label for row in parents} == {record.label} <= train
        assert sum(weights) == pytest.approx(1)


def test_vectors_are_those_of_the_texts(run):
    tables = read_tables(run)
    folder = next(s.folder for s in run.record.stages if s.name == "re-embed")
    stored = np.load(run.workspace.root / "stages" / folder / "vectors.npy")
    of_text = {c.text: v / np.linalg.norm(v) for c, v in zip(tables.candidates, stored, strict=False)}
    for record, vector in zip(tables.synthetic.records, tables.vectors["synthetic"], strict=True):
        if record.text in of_text:
            assert np.allclose(vector, of_text[record.text], atol=1e-5)


def test_the_nearest_record_is_the_one_of_a_full_search(run):
    tables = read_tables(run)
    found = tables.nearest("synthetic", "train")
    cosines = tables.vectors["synthetic"] @ tables.vectors["train"].T
    assert np.allclose(found.cosine, cosines.max(axis=1), atol=1e-5)
    assert np.allclose(cosines[np.arange(len(cosines)), found.row], found.cosine, atol=1e-5)
    assert tables.nearest("synthetic", "train") is found


def test_findings_are_read_by_audit(run):
    path = run.folder("audit") / "findings.json"
    one = {"row": 3, "start": 0, "end": 4, "kind": "run", "person": "p1"}
    path.write_text(json.dumps([{"audit": "memorization", **one}, {"audit": "identifiers", **one}]))
    found = read_tables(run).findings
    assert sorted(found) == ["identifiers", "memorization"]
    assert found["identifiers"][0].person == "p1"


def test_results_that_do_not_belong_together_are_an_error(run):
    path = run.folder("embed") / "train.npy"
    vectors = np.load(path)
    np.save(path, vectors[:-1])
    with pytest.raises(DataError, match="number of stored vectors differs from the number of train records"):
        read_tables(run)
    np.save(path, vectors)
    written = next(s.folder for s in run.record.stages if s.name == "re-embed")
    path = run.workspace.root / "stages" / written / "vectors.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(DataError, match="not among the texts that the run stored"):
        read_tables(run)


def test_tables_do_not_show_texts(run):
    tables = read_tables(run)
    assert tables.train.records[0].text[:20] not in repr(tables)
