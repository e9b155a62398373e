from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.core.errors import DataError


@pytest.fixture
def bench(module_at):
    return module_at("benchmarks/plan_predictions.py")


def pipeline(bench, *, stops=False, has_pilot=True):
    """Return a stand-in of a pipeline whose plan and run are known."""
    problems = ("release.key: none", "rule membership: 40 persons")
    found = SimpleNamespace(run_share=0.5, texts=90, risks=("rule useful: 0.7 is expected",)) if has_pilot else None
    plan = SimpleNamespace(persons={"train": 40, "control": 41}, problems=problems, pilot=found, minutes=3.4)
    stage = SimpleNamespace(kept={"a": 20, "b": 20}, n_in=100, seconds=240)
    verdicts = (("membership", "INSUFFICIENT", None), ("useful", "FAIL", 0.7251), ("balance", "PASS", 0.9))
    gates = [SimpleNamespace(id=i, verdict=v, value=x, op=">=", limit=0.8) for i, v, x in verdicts]
    run = SimpleNamespace(
        record=SimpleNamespace(stage=lambda _: stage, stages=[stage]), decide=lambda: SimpleNamespace(gates=gates)
    )

    def start():
        if stops:
            raise DataError("no candidate passed")
        return run

    return SimpleNamespace(plan=lambda: plan, run=start)


def test_a_line_has_the_predicted_and_the_measured_numbers(bench):
    cells = bench.predicted_and_measured(pipeline(bench))
    unmet = "membership (not measured; >= 0.8), useful (0.725; >= 0.8)"
    assert cells == [
        "40, 41",
        "50%",
        "40%",
        "90",
        "100",
        "3.4",
        "4.0",
        "rule membership, at risk: rule useful",
        unmet,
    ]
    assert len(cells) + 1 == bench.HEADER.count("|") - 1
    without = bench.predicted_and_measured(pipeline(bench, has_pilot=False))
    assert (without[1], without[3], without[5]) == ("–", "–", "3.4")
    stopped = bench.predicted_and_measured(pipeline(bench, stops=True))
    assert (len(stopped), stopped[-1]) == (9, "stopped: no candidate passed")


def test_rows_are_those_of_frequent_classes_and_whole_persons(bench, tmp_path):
    labels = ["a"] * 6 + ["b"] * 4 + ["c"] * 2
    columns = {"text": [f"t{i}" for i in range(12)], "label": labels, "group": [f"p{i // 2}" for i in range(12)]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    rows = bench.rows_of(tmp_path / "x.parquet", 2, 3, 0)
    assert len(rows) == 6
    assert {row["label"] for row in rows} <= {"a", "b"}
    assert len({row["person"] for row in rows}) == 3
    assert bench.rows_of(tmp_path / "x.parquet", 2, 3, 0) == rows
