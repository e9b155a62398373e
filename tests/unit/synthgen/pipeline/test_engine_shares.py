"""Recall and precision of a de-identification engine: computed by hand, and as a metric that a policy requires."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.core.errors import ConfigError, UsageError
from synthgen.deidentify.marked import read_marks
from synthgen.deidentify.spans import Span
from synthgen.pipeline.engine_shares import PLANTED_NOTES, measure, read_texts
from synthgen.pipeline.pipeline import Pipeline
from synthgen.plan.plan import make_plan

FLOOR = """
  - {id: deidentified, metric: deidentify.recall, bound: low, op: ">=", limit: 0.4, why: Identifiers must be found.}
"""


def test_shares_by_hand():
    texts = [
        read_marks("{NAME:Zub} on {DATE:3/7} x y", "a"),
        read_marks("{NAME:Zub} y", "a"),
        read_marks("none", "b"),
    ]
    answers = iter([[Span(0, 3, "name"), Span(11, 12, "name")], [Span(0, 3, "name")], []])
    done = measure(texts, lambda text, names: next(answers), with_names=False)
    assert done.table["recall"]["NAME"]["share"] == 1
    assert done.table["recall"]["DATE"]["share"] == 0
    assert done.table["recall"]["all"]["n"] == 3
    assert done.table["precision"]["share"] == pytest.approx(2 / 3)
    assert done.table["without_a_miss"]["texts"]["share"] == pytest.approx(2 / 3)
    assert done.table["without_a_miss"]["persons"]["share"] == pytest.approx(1 / 2)
    assert done.table["false_spans_per_1000_words"] == pytest.approx(1000 / 8)
    assert done.table["false_names_per_1000_words"] == pytest.approx(1000 / 8)
    assert done.misses == [{"text": 1, "category": "DATE", "start": 7, "identifier": "3/7"}]
    assert "3/7" not in repr(done)
    with pytest.raises(UsageError, match="contain no word"):
        measure([], lambda text, names: [], with_names=False)


@pytest.fixture
def floor(project):
    """Return a function that runs the project with a sample under a policy that requires a recall."""
    policy = project.folder / "lenient.yaml"
    policy.write_text(policy.read_text().rstrip() + FLOOR)

    def run(marked, **fields):
        (project.folder / "sample.txt").write_text(marked)
        return Pipeline(project.config(deidentify={"engine": "rules", "sample": "sample.txt"}, **fields)).run()

    return run


def verdict(run):
    (gate,) = (gate for gate in run.decide().gates if gate.id == "deidentified")
    return gate.verdict


FOUND = "".join(f"{n}|MRN {{MRN:77340{n}}} seen\n" for n in range(10, 18))


@pytest.mark.slow
def test_a_policy_can_require_a_measured_recall(floor, project):
    assert verdict(floor(FOUND)) == "PASS"
    assert verdict(floor(FOUND, seed=5)) == "PASS"  # a second attempt needs a higher confidence
    run = floor("".join(f"{n}|the zebra {{NAME:qwerty}} ran\n" for n in range(10, 18)))
    assert verdict(run) in {"FAIL", "INSUFFICIENT"}
    assert verdict(Pipeline(project.config()).run()) == "INSUFFICIENT"  # without a sample


def test_planted_notes_need_no_file():
    notes = list(read_texts("planted"))
    assert len(notes) == PLANTED_NOTES
    assert all(note.spans for note in notes[:20])


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"texts\.parquet: cannot be read \(No such file"):
        list(read_texts(str(tmp_path / "texts.parquet")))


def test_a_table_without_marks_is_refused(tmp_path):
    path = tmp_path / "texts.parquet"
    span, of_one = {"start": 0, "end": 3, "entity_type": "NAME"}, {"text": "Zub is", "group": "a"}
    pq.write_table(pa.Table.from_pylist([{"text": "Zub is"}]), path)
    with pytest.raises(UsageError, match="not a table of marked texts") as caught:
        list(read_texts(str(path)))
    assert caught.value.problems == ("the column spans is missing", "the column group is missing")
    right = {**of_one, "spans": [span]}
    wrong_spans = [{**of_one, "spans": [{**span, **wrong}]} for wrong in ({"end": 9}, {"start": None}, {"start": 3})]
    for wrong in (*wrong_spans, {**right, "text": None, "spans": None}):
        pq.write_table(pa.Table.from_pylist([right, wrong]), path)
        with pytest.raises(UsageError, match="rows that are not marked texts") as caught:
            list(read_texts(str(path)))
        assert [problem[:5] for problem in caught.value.problems] == ["row 2"]
    pq.write_table(pa.Table.from_pylist([{**of_one, "spans": [span]}, {**of_one, "spans": None}]), path)
    assert [text.spans for text in read_texts(str(path))] == [((0, 3, "NAME"),), ()]


@pytest.mark.parametrize(
    ("written", "error"), [("no mark here\n", ConfigError), ("", ConfigError), (None, UsageError)]
)
def test_an_unusable_sample_ends_plan_and_run_before_any_stage(project, written, error):
    if written is not None:
        (project.folder / "sample.txt").write_text(written)
    config = project.config(deidentify={"engine": "rules", "sample": "sample.txt"})
    assert any("sample" in problem for problem in make_plan(config).problems)
    with pytest.raises(error, match="sample"):
        Pipeline(config).run()
    assert not list(config.resolve(config.workspace).glob("stages/*"))


def test_a_sample_needs_an_engine_and_no_dp_guarantee(project):
    sample = {"sample": "sample.txt"}
    with pytest.raises(ConfigError, match="`sample` measures the engine, but `engine` is off"):
        project.config(deidentify={"engine": "off", **sample})
    private = {"interpolate": {"method": "dp-gaussian"}, "dp": {"epsilon": 2.0, "delta": 1e-5, "persons": 10}}
    with pytest.raises(ConfigError, match=r"deidentify\.sample is private text"):
        project.config(deidentify={"engine": "rules", **sample}, **private)
