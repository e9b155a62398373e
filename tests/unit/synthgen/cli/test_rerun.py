"""A rerun: the same configuration without some persons, with dice of its own, resumable, leaving one table."""

import pyarrow.parquet as pq
import pytest

from synthgen.cli import rerun as module
from synthgen.cli.rerun import rerun
from synthgen.core.tables import read_corpus
from synthgen.pipeline.pipeline import write_records

OUT = "synthetic/003.parquet"


@pytest.fixture
def ready(bench):
    job = bench.job()
    prepared, _, embedded = bench.prepare(job)
    return bench, job, prepared.train, embedded.vectors


def made(folder):
    return read_corpus(folder / OUT, "synthetic").texts


def test_the_persons_left_out_are_never_seen(ready, tmp_path, monkeypatch):
    bench, job, train, vectors = ready
    out = frozenset(train.records[i].group for i in (0, 7))
    given = []
    bench.encoder.seen.clear()

    def watched(*args):
        given.append(args)
        return write_records(*args)

    monkeypatch.setattr(module, "write_records", watched)
    rerun(job, train, vectors, out, 3, tmp_path / "shadow")
    theirs = {r.text for r in train.records if r.group in out}
    assert theirs
    assert not theirs & set(bench.encoder.seen)
    ((_, material, _),) = given
    kept, embedded = material.train, material.embedded
    staying = [i for i, r in enumerate(train.records) if r.group not in out]
    assert 0 < len(staying) <= len(train) - 2
    assert kept.records == tuple(train.records[i] for i in staying)
    assert embedded.ids == tuple(train.records[i].id for i in staying)
    assert (embedded.vectors == vectors[staying]).all()
    assert pq.read_table(tmp_path / "shadow" / OUT).num_rows == 15


def test_nothing_of_train_is_embedded_again(ready, tmp_path):
    bench, job, train, vectors = ready
    bench.encoder.seen.clear()
    rerun(job, train, vectors, frozenset(), 3, tmp_path / "shadow")
    assert bench.encoder.seen
    assert not set(train.texts) & set(bench.encoder.seen)


def test_records_that_are_cut_are_embedded_by_the_headings_of_those_who_stay(bench, tmp_path):
    job = bench.job(segments={})
    prepared, _, embedded = bench.prepare(job)
    out = frozenset({prepared.train.records[0].group})
    theirs = {line for r in prepared.train.records if r.group in out for line in r.text.splitlines()}
    bench.encoder.seen.clear()
    rerun(job, prepared.train, embedded.vectors, out, 3, tmp_path / "shadow")
    others = {line for r in prepared.train.records if r.group not in out for line in r.text.splitlines()}
    assert others & set(bench.encoder.seen)
    assert theirs - others
    assert not (theirs - others) & set(bench.encoder.seen)


def test_one_table_is_left_and_nothing_private(ready, tmp_path):
    _, job, train, vectors = ready
    rerun(job, train, vectors, frozenset(), 3, tmp_path / "shadow")
    files = [p.relative_to(tmp_path / "shadow").as_posix() for p in (tmp_path / "shadow").rglob("*") if p.is_file()]
    assert files == [OUT]


def test_the_same_number_writes_the_same_and_another_does_not(ready, tmp_path):
    _, job, train, vectors = ready
    texts = []
    for folder, number in (("a", 3), ("b", 3), ("c", 4)):
        rerun(job, train, vectors, frozenset(), number, tmp_path / folder)
        texts.append(read_corpus(tmp_path / folder / "synthetic" / f"{number:03d}.parquet", "synthetic").texts)
    assert texts[0] == texts[1] != texts[2]


def test_a_stopped_rerun_goes_on(ready, tmp_path):
    bench, job, train, vectors = ready
    bench.decoder.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        rerun(job, train, vectors, frozenset(), 3, tmp_path / "shadow")
    assert not (tmp_path / "shadow" / OUT).exists()
    first = len(bench.decoder.decoded)
    bench.decoder.stop_after = None
    rerun(job, train, vectors, frozenset(), 3, tmp_path / "shadow")
    resumed = len(bench.decoder.decoded) - first
    rerun(job, train, vectors, frozenset(), 3, tmp_path / "whole")
    assert made(tmp_path / "shadow") == made(tmp_path / "whole")
    assert resumed == len(bench.decoder.decoded) - first - resumed - 1  # what was written is not written again
