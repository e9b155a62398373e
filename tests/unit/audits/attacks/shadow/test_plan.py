"""The plan of the shadow attack: whom it asks about, its coins, its file."""

import json
import stat
from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.shadow.plan import (
    PLAN,
    find_table,
    most_over_represented,
    plan_shadow,
    read_plan,
    read_tables,
    table_name,
    write_plan,
)
from audits.core.errors import InputError
from audits.core.inputs import load_inputs, table_digest

RUNS = 8


@pytest.fixture(scope="module")
def inputs(people, retexted):
    """A release that copied two train persons, and lies near one stranger; everybody else is nobody's neighbour."""
    train, control = people(43, seed=1, prefix="t", rows=(1, 2)), people(51, seed=2, prefix="h", rows=(1, 2))
    copied = [t for t, g in zip(train.texts, train.groups, strict=True) if g in {"t7", "t30"}]
    near = [t for t, g in zip(control.texts, control.groups, strict=True) if g == "h9"]
    fresh = people(30, seed=3, prefix="s", rows=(1, 1)).texts
    return load_inputs(retexted(train, [*fresh, *copied, *near]), train, control)


@pytest.fixture
def plan(inputs):
    return plan_shadow(inputs, runs=RUNS, n_persons=2, rng=np.random.default_rng(5))


def test_the_most_over_represented_are_asked_about(inputs, plan):
    assert set(plan.persons) == {"t7", "t30"}
    train, control = most_over_represented(inputs, 2, np.random.default_rng(6))
    assert set(train) == {"t7", "t30"}
    assert (
        "h9" in control or "h9" not in most_over_represented(inputs, 43, np.random.default_rng(6))[1]
    )  # it may be set aside


def test_a_hundredth_is_asked_about_by_default(inputs):
    plan = plan_shadow(inputs, runs=RUNS, n_persons=None, rng=np.random.default_rng(5))
    assert len(plan.persons) == len(plan.non_members) == 1  # a hundredth of 43, rounded up


def test_each_is_left_out_of_half_by_coins_of_their_own(inputs):
    plan = plan_shadow(inputs, runs=40, n_persons=5, rng=np.random.default_rng(5))
    for fold in range(4):
        assert (plan.inside[fold::4].sum(axis=0) == 5).all()
        assert (plan.pretended[fold::4].sum(axis=0) == 5).all()
    columns = {column.tobytes() for column in (*plan.inside.T, *plan.pretended.T)}
    assert len(columns) == 10
    for run in range(40):
        assert plan.leave_out(run) == {
            p for p, is_in in zip(plan.persons, plan.inside[run], strict=True) if not is_in
        }


def test_the_same_stream_plans_the_same(inputs, plan):
    again = plan_shadow(inputs, runs=RUNS, n_persons=2, rng=np.random.default_rng(5))
    assert again.persons == plan.persons
    assert (again.inside == plan.inside).all()
    other = plan_shadow(inputs, runs=40, n_persons=2, rng=np.random.default_rng(7))
    assert (other.inside[:RUNS] != plan.inside).any()


@pytest.mark.parametrize(
    ("runs", "persons", "said"),
    [
        (12, 2, ["multiple of 8"]),
        (0, 2, ["multiple of 8"]),
        (8, 43, ["1 to 42"]),
        (9, 0, ["multiple of 8", "1 to 42"]),
    ],
)
def test_impossible_numbers_are_all_told(inputs, runs, persons, said):
    with pytest.raises(InputError) as caught:
        plan_shadow(inputs, runs=runs, n_persons=persons, rng=np.random.default_rng(5))
    assert len(caught.value.problems) == len(said)
    assert all(words in str(caught.value) for words in said)


def test_too_few_people_are_told(inputs, people):
    few = replace(inputs, train=people(19, seed=1, prefix="t"))
    with pytest.raises(InputError, match="19 train persons"):
        plan_shadow(few, runs=RUNS, n_persons=1, rng=np.random.default_rng(5))


def test_a_plan_is_kept_for_its_owner_and_read_back(inputs, plan, tmp_path):
    folder = tmp_path / "new" / "shadow"
    write_plan(plan, folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / PLAN).stat().st_mode) == 0o600
    read = read_plan(folder)
    assert (read.persons, read.non_members) == (plan.persons, plan.non_members)
    assert (read.inside == plan.inside).all()
    assert (read.pretended == plan.pretended).all()
    assert (read.train, read.control) == (table_digest(inputs.train), table_digest(inputs.control))
    assert all(name not in repr(read) for name in (*plan.persons, *plan.non_members))


def test_a_plan_is_never_written_over(plan, tmp_path):
    write_plan(plan, tmp_path)
    before = (tmp_path / PLAN).read_bytes()
    with pytest.raises(InputError, match="holds a plan already"):
        write_plan(plan, tmp_path)
    assert (tmp_path / PLAN).read_bytes() == before


def spoil_coin(value):
    for run in value["runs"]:
        run["leave_out"] = ["t7"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda v: v.update(schemaVersion=2), "schemaVersion must be 1"),
        (lambda v: v.pop("train"), "train must be a digest"),
        (lambda v: v.update(persons=["t7", "t7"]), "persons must be a list of different names"),
        (lambda v: v.update(non_members=[]), "non_members must be a list of different names"),
        (lambda v: v.update(non_members=[3]), "non_members must be a list of different names"),
        (lambda v: v.update(non_members=[["h9"]]), "non_members must be a list of different names"),
        (lambda v: v.update(persons=[{"t7": 1}, "t30"]), "persons must be a list of different names"),
        (lambda v: v.update(runs={}), "runs must be a list of objects"),
        (lambda v: v.update(runs=[1]), "runs must be a list of objects"),
        (lambda v: v["runs"][0].pop("leave_out"), "1 runs have a leave_out"),
        (lambda v: v["runs"][1].update(pretended_out=["secret"]), "1 runs have a pretended_out"),
        (lambda v: v["runs"][1].update(pretended_out=[["secret"]]), "1 runs have a pretended_out"),
        (lambda v: v["runs"][0].update(leave_out=[{"t7": 1}]), "1 runs have a leave_out"),
        (spoil_coin, "2 persons are not in leave_out of exactly half of each fold"),
        (lambda v: v.update(runs=v["runs"][1:]), "must be a multiple of 8, it is 7"),
        (lambda v: v["runs"].sort(key=lambda run: run["leave_out"]), "of each fold"),
    ],
)
def test_what_is_no_plan_is_refused_without_a_name(plan, tmp_path, spoil, said):
    write_plan(plan, tmp_path)
    value = json.loads((tmp_path / PLAN).read_bytes())
    spoil(value)
    (tmp_path / PLAN).write_text(json.dumps(value))
    with pytest.raises(InputError, match=said) as caught:
        read_plan(tmp_path)
    assert all(name not in str(caught.value) for name in ("t7", "t30", "secret"))


@pytest.mark.parametrize("data", [b"[]", b"{", b'{"runs": NaN}', b"\xff"])
def test_other_bytes_are_refused(tmp_path, data):
    (tmp_path / PLAN).write_bytes(data)
    with pytest.raises(InputError, match="is no plan"):
        read_plan(tmp_path)


def test_a_missing_plan_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="audits shadow-plan"):
        read_plan(tmp_path)


def test_tables_are_found_in_any_format_and_missing_ones_are_all_named(tmp_path):
    (tmp_path / "synthetic").mkdir()
    (tmp_path / "synthetic" / "000.csv").write_text("text,label\nhello there,a\n")
    (tmp_path / "synthetic" / "002.jsonl").write_text('{"text": "good morning"}\n')
    assert find_table(tmp_path, 0).suffix == ".csv"
    assert find_table(tmp_path, 1) is None
    with pytest.raises(InputError) as caught:
        read_tables(tmp_path, 4, text="text", label="label")
    assert caught.value.problems == (table_name(1), table_name(3))
    (tmp_path / "synthetic" / "001.jsonl").write_text('{"text": "good night"}\n')
    tables = read_tables(tmp_path, 3, text="text", label="label")
    assert [t.texts for t in tables] == [("hello there",), ("good night",), ("good morning",)]
