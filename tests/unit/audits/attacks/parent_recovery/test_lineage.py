"""Reading and checking a lineage, and the contribution of persons to rows and classes."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.parent_recovery.lineage import check_lineage, lineage_exposure, read_lineage, weights_by_person
from audits.core.errors import InputError
from audits.core.types import Lineage

TRAIN_PERSON = np.array([0, 0, 1, 2, 2, 3])  # six rows of four persons
GOOD = [
    {"parents": [3, 0], "weights": [0.25, 0.75]},
    {"parents": [], "weights": []},
    {"parents": [4], "weights": [1]},
]


def written(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.table({name: [row[name] for row in rows] for name in ("parents", "weights")}), path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["parents.jsonl", "parents.parquet"])
def test_both_forms_give_the_same_lineage(tmp_path, name):
    lineage = read_lineage(written(tmp_path / name, GOOD), 3, 5)
    assert lineage == Lineage(parents=((3, 0), (), (4,)), weights=((0.25, 0.75), (), (1.0,)))
    check_lineage(lineage, 3, 5)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"parents": [0, 1], "weights": [1.0]}, "row 2: there are 2 parents but 1 weights"),
        (
            {"parents": [5], "weights": [1.0]},
            "row 2: a parent is not the number of a train row; the numbers are 0 to 4",
        ),
        ({"parents": [-1], "weights": [1.0]}, "row 2: a parent is not the number of a train row"),
        ({"parents": [0, 1], "weights": [1.5, -0.5]}, "row 2: a weight is not a number from 0 to 1"),
        ({"parents": [0], "weights": [float("nan")]}, "row 2: a weight is not a number from 0 to 1"),
        ({"parents": [0, 1], "weights": [0.5, 0.4]}, "row 2: the weights sum to 0.9, not 1"),
        ({"parents": [0], "weights": [10**400]}, "row 2: a weight is not a number from 0 to 1"),
        ({"parents": [True], "weights": [1.0]}, "row 2: a parent is not an integer"),
        ({"parents": [0.0], "weights": [1.0]}, "row 2: a parent is not an integer"),
        ({"parents": [0], "weights": ["1"]}, "row 2: a weight is not a number from 0 to 1"),
        ({"parents": [0]}, "row 2: the list 'weights' is missing"),
        ([0, 1], "row 2: the line is not a JSON object"),
    ],
)
def test_invalid_rows_are_listed_by_number(tmp_path, row, reason):
    path = written(tmp_path / "p.jsonl", [GOOD[0], row, GOOD[2]])
    with pytest.raises(InputError, match=r"cannot be used: 1 problem\n") as error:
        read_lineage(path, 3, 5)
    assert error.value.problems[0].startswith(reason)


def test_all_problems_are_listed_without_content(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"parents": "Zyzzyva", "weights": [1]}\nZyzzyva\n{"parents": [9], "weights": [2]}\n')
    with pytest.raises(InputError, match="4 problems") as error:
        read_lineage(path, 7, 5)
    assert len(error.value.problems) == 4
    assert "the lineage has 3 rows, but the synthetic table has 7 rows" in error.value.problems
    assert "row 1: 'parents' is not a list" in error.value.problems
    assert "Zyzzyva" not in str(error.value)


def test_many_problems_are_counted_but_not_all_listed(tmp_path):
    path = written(tmp_path / "p.jsonl", [{"parents": [9], "weights": [1]}] * 1000)
    with pytest.raises(InputError, match="1000 problems") as error:
        read_lineage(path, 1000, 5)
    assert len(error.value.problems) == 21
    assert error.value.problems[-1] == "and 980 more"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", b"", "must end in .parquet or .jsonl"),
        ("p", b"", "no suffix"),
        ("p.jsonl", None, "cannot be opened"),
        ("p.parquet", b"PAR", "not a readable table"),
    ],
)
def test_unreadable_files_are_rejected(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_lineage(tmp_path / name, 3, 5)


def test_missing_columns_and_lineages_in_memory_are_checked(tmp_path):
    pq.write_table(pa.table({"parents": [[0], [1], [2]]}), tmp_path / "p.parquet")
    with pytest.raises(InputError, match="cannot be used") as error:
        read_lineage(tmp_path / "p.parquet", 3, 5)
    assert "the column 'weights' is missing" in error.value.problems
    bad = Lineage(parents=((0,), (7,)), weights=((1.0,), (0.5,), (1.0,)))
    with pytest.raises(InputError, match="2 problems") as error:
        check_lineage(bad, 3, 5)
    assert error.value.problems[0] == "the lineage has `parents` for 2 rows, but the synthetic table has 3 rows"
    assert error.value.problems[1].startswith("row 2: a parent is not the number of a train row")


def test_lineage_exposure_worked_example():
    lineage = Lineage(
        parents=((0, 2), (0, 1), (), (3, 5, 2), (4,)), weights=((0.75, 0.25), (0.5, 0.5), (), (0.5, 0.5, 0.0), (1.0,))
    )
    e = lineage_exposure(lineage, TRAIN_PERSON, np.array([0, 0, 1, 1, 1]))
    assert e.max_weight == pytest.approx([0.75, 1.0, 0.5, 1.0])  # two rows of one person are one parent
    assert e.effective_parents == pytest.approx([1 / 0.625, 1.0, 2.0, 1.0])
    assert e.persons_of_row.tolist() == [2, 1, 2, 1]  # a weight of 0 is no parent
    assert e.rows_of_person.tolist() == [2, 1, 2, 1]
    assert e.persons_of_class.tolist() == [2, 2]
    assert e.max_share_of_class == pytest.approx([1.75 / 2, 0.75])
    assert e.parentless_rows == 1

    e = lineage_exposure(Lineage(parents=((),) * 3, weights=((),) * 3), TRAIN_PERSON, np.zeros(3, dtype=np.int64))
    assert (len(e.max_weight), len(e.max_share_of_class), e.parentless_rows) == (0, 0, 3)
    assert not e.rows_of_person.any()


@st.composite
def ledgers(draw):
    rows = draw(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=7))
    weights = []
    for parents in rows:
        raw = np.array(draw(st.lists(st.floats(0.01, 1), min_size=len(parents), max_size=len(parents))))
        weights.append(tuple((raw / raw.sum()).tolist()))
    return Lineage(parents=tuple(map(tuple, rows)), weights=tuple(weights))


@given(ledgers())
def test_effective_parents_lie_between_one_and_the_persons(lineage):
    e = lineage_exposure(lineage, TRAIN_PERSON, np.zeros(len(lineage.parents), dtype=np.int64))
    assert np.all(e.effective_parents >= 1 - 1e-9)
    assert np.all(e.effective_parents <= e.persons_of_row + 1e-9)
    assert np.all(1 / e.effective_parents <= e.max_weight + 1e-9)
    assert e.persons_of_row.sum() == e.rows_of_person.sum()


@given(ledgers())
def test_splitting_a_record_in_two_of_the_same_person_changes_nothing(lineage):
    split = Lineage(
        parents=tuple(tuple(x for p in row for x in (p, p)) for row in lineage.parents),
        weights=tuple(tuple(x for w in row for x in (w / 2, w / 2)) for row in lineage.weights),
    )
    for i in range(len(split.parents)):
        whole, halves = (weights_by_person(x.parents[i], x.weights[i], TRAIN_PERSON) for x in (lineage, split))
        assert halves == pytest.approx(whole)


def test_effective_parents_of_smote_weights():
    def least(weights):
        lineage = Lineage(parents=((2, 5),) * len(weights), weights=tuple((1 - w, w) for w in weights.tolist()))
        return lineage_exposure(lineage, TRAIN_PERSON, np.zeros(len(weights), dtype=np.int64)).effective_parents

    rng = np.random.default_rng(0)
    assert np.mean(least(rng.random(4000)) < 1.5) == pytest.approx(0.42, abs=0.02)
    assert least(rng.uniform(0.3, 0.7, size=4000)).min() > 1.72
