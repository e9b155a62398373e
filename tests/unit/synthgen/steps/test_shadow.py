"""A rerun: the same configuration without some persons, with dice of its own, resumable, leaving one table."""

import pyarrow.parquet as pq
import pytest

from synthgen.steps.shadow import rerun, reseeded
from synthgen.tables import read_corpus

OUT = "synthetic/003.parquet"


@pytest.fixture
def ready(bench):
    job = bench.job()
    prepared, _, _ = bench.prepare(job)
    return bench, job, prepared.train


def made(folder):
    return read_corpus(folder / OUT, "synthetic").texts


def test_the_persons_left_out_are_never_seen(ready, tmp_path):
    bench, job, train = ready
    out = frozenset(train.records[i].group for i in (0, 7))
    bench.encoder.seen.clear()
    rerun(job, train, out, 3, tmp_path / "shadow")
    theirs = {r.text for r in train.records if r.group in out}
    assert theirs
    assert not theirs & set(bench.encoder.seen)
    assert {r.text for r in train.records if r.group not in out} <= set(bench.encoder.seen)
    assert pq.read_table(tmp_path / "shadow" / OUT).num_rows == 15


def test_one_table_is_left_and_nothing_private(ready, tmp_path):
    _, job, train = ready
    rerun(job, train, frozenset(), 3, tmp_path / "shadow")
    files = [p.relative_to(tmp_path / "shadow").as_posix() for p in (tmp_path / "shadow").rglob("*") if p.is_file()]
    assert files == [OUT]


def test_the_same_number_writes_the_same_and_another_does_not(ready, tmp_path):
    _, job, train = ready
    texts = []
    for folder, number in (("a", 3), ("b", 3), ("c", 4)):
        rerun(job, train, frozenset(), number, tmp_path / folder)
        texts.append(read_corpus(tmp_path / folder / "synthetic" / f"{number:03d}.parquet", "synthetic").texts)
    assert texts[0] == texts[1] != texts[2]
    assert reseeded(job.config, 3).seed not in (job.config.seed, reseeded(job.config, 4).seed)


def test_a_stopped_rerun_goes_on(ready, tmp_path):
    bench, job, train = ready
    bench.decoder.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        rerun(job, train, frozenset(), 3, tmp_path / "shadow")
    assert not (tmp_path / "shadow" / OUT).exists()
    first = len(bench.decoder.decoded)
    bench.decoder.stop_after = None
    rerun(job, train, frozenset(), 3, tmp_path / "shadow")
    resumed = len(bench.decoder.decoded) - first
    rerun(job, train, frozenset(), 3, tmp_path / "whole")
    assert made(tmp_path / "shadow") == made(tmp_path / "whole")
    assert resumed == len(bench.decoder.decoded) - first - resumed - 1  # what was written is not written again
