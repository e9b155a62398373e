from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies.smotext import text_sets
from studies.smotext.text_sets import SOURCES, read_text_sets
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree

SST2 = SOURCES["sst2"]


def write(folder, name, rows, groups=None):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"text": [t for t, _ in rows], "label": [c for _, c in rows]}
    pq.write_table(pa.table(columns | ({} if groups is None else {"group": groups})), path)


def read(folder, names=("sst2",), n_pool=None, n_test=99, seed=0):
    return read_text_sets(names, folder, n_pool, n_test, SeedTree(seed))


def test_all_missing_sets_are_reported_at_once(tmp_path):
    write(tmp_path, "ag_news/test.parquet", [("a", "World")])
    with pytest.raises(DataError, match="sets of the study are missing") as caught:
        read(tmp_path, ("ag_news", "sst2"))
    assert [p.split(":")[0] for p in caught.value.problems] == ["ag_news", "sst2", "sst2"]
    with pytest.raises(DataError, match="unknown sets") as caught:
        read(tmp_path, ("sst2", "x", "y"))
    assert len(caught.value.problems) == 2
    with pytest.raises(DataError, match="no folder of data"):
        read(None)


def test_no_text_of_test_is_in_the_pool_and_repeats_are_excluded(tmp_path):
    labels = (*["positive"] * 3, "negative", "unknown")
    for part, texts in (("train", "Good good Good bad odd"), ("test", "GOOD fine fine poor odder")):
        write(tmp_path, f"sst2/{part}.parquet", [*zip(texts.split(), labels, strict=True)])
    (found,) = read(tmp_path)
    assert found.pool.texts == ["Good", "good", "bad"]
    assert found.test.texts == ["fine", "poor"]
    assert found.classes == ("negative", "positive")


def test_no_person_of_test_is_in_the_pool(tmp_path):
    rows = [(f"t{i}", c) for i, c in enumerate(["positive", "negative"] * 3)]
    write(tmp_path, "sst2/train.parquet", rows, [*"xxyzvv"])
    write(tmp_path, "sst2/test.parquet", [("a", "positive"), ("b", "negative")], ["v", "w"])
    (found,) = read(tmp_path)
    assert found.pool.texts == ["t0", "t1", "t2", "t3"]
    assert found.pool.has_groups


def test_the_pool_and_the_test_part_are_cut_once_by_the_seed(tmp_path):
    for part in ("train", "test"):
        rows = [(f"{part}{i}", ["positive", "negative"][i % 2]) for i in range(40)]
        write(tmp_path, f"sst2/{part}.parquet", rows)
    first, again, other = (read(tmp_path, n_pool=15, n_test=11, seed=seed)[0] for seed in (0, 0, 1))
    assert (len(first.pool), len(first.test)) == (15, 11)
    assert first.pool.texts == again.pool.texts != other.pool.texts
    assert first.test.texts == again.test.texts != other.test.texts


def test_a_class_with_too_few_records_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(text_sets, "SOURCES", {"sst2": replace(SST2, least=3)})
    write(tmp_path, "sst2/train.parquet", [*((text, "positive") for text in "abc"), ("d", "negative")])
    write(tmp_path, "sst2/test.parquet", [("e", "positive"), ("f", "negative")])
    with pytest.raises(DataError, match="too few records") as caught:
        read(tmp_path)
    assert caught.value.problems == ("'negative': 1 train records, needs 3 and one test record",)


def test_every_set_requests_the_label_and_has_words_for_it():
    for source in SOURCES.values():
        assert source.label_prompt.count("{label}") == 1
        assert len(set(source.words.values())) == len(source.words) >= 2
