from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def bench(module_at):
    return module_at("benchmarks/clean_tables.py")


@pytest.mark.slow
def test_a_clean_corpus_passes_and_its_odd_row_is_removed(bench, module_at, tmp_path, monkeypatch, capsys):
    rows = module_at("tests/unit/audits/conftest.py").write_people(960, seed=5, prefix="p", rows=(1, 2))
    (tmp_path / "town").mkdir()
    columns = {"text": rows.texts, "label": ["a"] * len(rows), "group": rows.groups}
    pq.write_table(pa.table(columns), tmp_path / "town" / "train.parquet")
    monkeypatch.setenv("SYNTHGEN_DATA", str(tmp_path))
    assert len(bench.persons_of("town")) == 960
    inputs, left_out = bench.split(bench.persons_of("town"), 320, bench.stream(0, "x"), with_identifiers=False)
    assert [len(table) for table in (inputs.train, inputs.control)] == [320] * 2
    assert len(inputs.synthetic) + left_out == 320
    listed, _ = bench.split(bench.persons_of("town"), 320, bench.stream(0, "x"), with_identifiers=True)
    assert [len(listed.identifiers), len(listed.control_identifiers)] == [320, 320]
    monkeypatch.setattr(bench, "split", lambda *_, **__: (with_odd_row(inputs), left_out))
    assert bench.main(["--corpora", "town", "--persons", "320", "--splits", "1", "--only", "memorization"]) == 0
    assert "rows left out, 1 removed; stopped by none" in capsys.readouterr().out


def with_odd_row(inputs):
    texts = ("xq zj vvk qqx " * 30, *inputs.synthetic.texts[1:])
    return replace(inputs, synthetic=replace(inputs.synthetic, texts=texts))
