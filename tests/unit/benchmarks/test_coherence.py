import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HE = "A 45-year-old man has gout and rests at home. He takes colchicine every day, and his knee is now better again."
SHE = "A 30-year-old woman has asthma and is at home. She takes albuterol every day, and her cough is gone since May."


def test_mixed_notes_keep_the_number_of_sentences_and_contradict_themselves(bench):
    mixed = bench.mixed([HE, SHE] * 20, np.random.default_rng(0))
    assert [text.count(". ") for text in mixed] == [1] * 40
    assert bench.coherence(mixed).n_contradictory >= 5


def test_the_table_has_a_line_for_each_set_and_file(bench, tmp_path, capsys, monkeypatch):
    for name, parts in bench.SETS.items():
        (tmp_path / name).mkdir()
        for part in parts:
            pq.write_table(pa.table({"text": [HE, SHE, "short"]}), tmp_path / name / f"{part}.parquet")
    monkeypatch.setenv("SYNTHGEN_DATA", str(tmp_path))
    (tmp_path / "r.jsonl").write_text("".join(json.dumps({"text": f"{text} {SHE}"}) + "\n" for text in (HE, SHE)))
    assert bench.main(["--records", str(tmp_path / "r.jsonl")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 2 * len(bench.SETS) + 1
    assert lines[2].startswith("| aci_bench, real | 10 | 0.0% |")
    assert lines[-1].startswith("| r.jsonl | 2 | 100.0% | 50.0% |")
