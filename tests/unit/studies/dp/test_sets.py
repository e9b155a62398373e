import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies.dp.sets import KINDS, read_private_sets
from synthgen.core.errors import DataError


def test_the_clinic_is_made_and_drawn_by_person(tmp_path):
    (clinic,) = read_private_sets(["clinic"], None, 60)
    assert {r.label for r in clinic.corpus.records} == set(KINDS["clinic"].labels)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        clinic.write(tmp_path / name, 20, seed)
    first, again, other = ((tmp_path / name).read_text() for name in "abc")
    assert first == again != other
    rows = [json.loads(line) for line in first.splitlines()]
    assert len({row["group"] for row in rows}) == 20
    for group in {row["group"] for row in rows}:
        assert sum(r.group == group for r in clinic.corpus.records) == sum(row["group"] == group for row in rows)


def test_missing_sets_are_reported_before_any_work(tmp_path):
    for name, message in (("another", "unknown sets"), ("sst2", "no folder")):
        with pytest.raises(DataError, match=message):
            read_private_sets([name], None, 10)
    with pytest.raises(DataError, match="are missing") as caught:
        read_private_sets(["sst2", "ag_news"], tmp_path, 10)
    assert len(caught.value.problems) == 4


def test_a_set_without_a_class_is_refused_and_without_persons_each_record_is_one(tmp_path):
    (tmp_path / "sst2").mkdir()

    def write(labels):
        rows = [{"text": f"text {i} of {label}", "label": label} for i in range(4) for label in labels]
        for part in ("train", "test"):
            pq.write_table(pa.Table.from_pylist(rows), tmp_path / "sst2" / f"{part}.parquet")

    write(["negative", "positive", "else"])
    (found,) = read_private_sets(["sst2"], tmp_path, 10)
    assert len(found.corpus) == len({r.group for r in found.corpus.records}) == 8
    write(["negative"])
    with pytest.raises(DataError, match="no records"):
        read_private_sets(["sst2"], tmp_path, 10)
