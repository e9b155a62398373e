import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

NAMES = ["input checks", "memorization", "the whole suite"]


@pytest.mark.slow
def test_the_quick_bench_times_every_size_and_shows_the_growth(bench, run_script, monkeypatch, capsys):
    audits = run_script("--quick", "--audits", NAMES[0]).splitlines()  # runs each measurement in its own process
    monkeypatch.setattr(bench, "alone", bench.measured)
    monkeypatch.setattr(sys, "argv", ["audit_times.py", "--quick", "--audits", *NAMES[1:]])
    bench.main()
    audits += capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in audits] == NAMES
    assert all("60: " in line and "120: " in line and "grows with n^" in line for line in audits)


def test_real_passages_are_different_in_each_table(bench, tmp_path):
    (tmp_path / "bridge_corpus").mkdir()
    for part in range(2):
        texts = [f"passage {part} {i}" for i in range(20)]
        pq.write_table(pa.table({"text": texts}), tmp_path / "bridge_corpus" / f"train-{part}.parquet")
    inputs = bench.inputs_of(13, tmp_path)
    texts = [text for name in bench.TABLES for text in getattr(inputs, name).texts]
    assert len(set(texts)) == 39
    assert not set(inputs.train.groups) & set(inputs.control.groups)
    with pytest.raises(SystemExit, match="has 40 passages"):
        bench.inputs_of(14, tmp_path)
