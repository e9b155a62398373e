import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies.feature_augmentation.sets import NAMED, first_of_classes, read_set
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record


def parquet(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def rows(*texts, label="a"):
    return [{"text": text, "label": label} for text in texts]


def test_the_parts_of_a_named_set_are_pooled_and_repeats_excluded(tmp_path):
    parquet(tmp_path / "sst2/train.parquet", rows("one", "two", "one"))
    parquet(tmp_path / "sst2/dev.parquet", rows("three", label="b"))
    parquet(tmp_path / "sst2/test.parquet", rows("two", "four", label="b"))
    name, corpus = read_set("sst2", tmp_path)
    assert name == "sst2"
    assert [(r.id, r.text, r.label) for r in corpus.records] == [
        ("train/row-1", "one", "a"),
        ("train/row-2", "two", "a"),
        ("dev/row-1", "three", "b"),
        ("test/row-2", "four", "b"),
    ]
    assert len({r.group for r in corpus.records}) == 4
    assert not corpus.has_groups


@pytest.mark.parametrize("dataset", sorted(NAMED))
def test_a_named_set_needs_its_files(tmp_path, dataset):
    with pytest.raises(DataError, match=f"{dataset}: not found") as caught:
        read_set(dataset, tmp_path)
    assert len(caught.value.problems) == len(NAMED[dataset])
    with pytest.raises(DataError, match="SYNTHGEN_DATA"):
        read_set(dataset, None)


def test_the_layout_that_imdb_is_published_in(tmp_path):
    root = tmp_path / "aclImdb"
    texts = {"train/pos/0_9": "a joy", "train/neg/0_1": "a bore", "train/unsup/0_0": "who knows"}
    for name, text in (texts | {"test/pos/0_8": "moving", "test/neg/0_2": "a bore"}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.txt").write_text(text)
    (root / "train" / "urls_pos.txt").write_text("no review")
    name, corpus = read_set("imdb", tmp_path)
    assert (name, corpus.counts()) == ("imdb", {"neg": 1, "pos": 2})
    assert corpus.records[0].id == "train/neg/0_1.txt"
    assert read_set(str(root), None)[1].texts == corpus.texts
    (root / "test" / "pos" / "bad.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataError, match="1 of 5 files are not UTF-8"):
        read_set("imdb", tmp_path)


def test_folders_without_texts_are_refused(tmp_path):
    for part in ("train", "test"):
        (tmp_path / "set" / part / "pos").mkdir(parents=True)
    with pytest.raises(DataError, match="has no texts"):
        read_set(str(tmp_path / "set"), None)


def test_any_table_can_be_given_and_its_groups_are_kept(tmp_path):
    table = [{"text": f"t{i}", "label": "ab"[i % 2], "group": f"p{i // 3}"} for i in range(7)]
    path = tmp_path / "notes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in table))
    name, corpus = read_set(str(path), None)
    assert name == "notes"
    assert corpus.has_groups
    assert [r.group for r in corpus.records] == ["p0", "p0", "p0", "p1", "p1", "p1", "p2"]


def test_a_set_that_is_neither_a_name_nor_a_path_is_reported(tmp_path):
    with pytest.raises(DataError, match=r"sst3: neither a named set \(sst2, ag_news, imdb\)"):
        read_set("sst3", tmp_path)


def test_a_sample_has_equal_classes_and_depends_on_the_seed():
    records = [Record(id=f"r{i}", text=f"t{i}", label="abb"[i % 3], group=f"g{i}") for i in range(31)]
    corpus = Corpus(role="source", records=tuple(records), has_groups=False)
    first, again, other = (first_of_classes(corpus, 9, SeedTree(seed)) for seed in (4, 4, 5))
    assert first.counts() == {"a": 9, "b": 9}
    assert [int(r.id[1:]) for r in first.records] == sorted(int(r.id[1:]) for r in first.records)
    assert first.digest == again.digest != other.digest
    assert first_of_classes(corpus, 99, SeedTree(4)).digest == corpus.digest
