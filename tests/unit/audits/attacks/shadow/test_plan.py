"""The plan of the shadow attack: its targets, its coins, its file."""

import json
import stat
from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.shadow import plan as module
from audits.attacks.shadow.plan import PLAN, most_over_represented, plan_shadow, read_plan, write_plan
from audits.core.errors import InputError
from audits.core.inputs import load_inputs, table_digest

RUNS = 8


@pytest.fixture(scope="module")
def inputs(people, retexted):
    """Return a release with copies of two train persons and of one control person, and no other close records."""
    train, control = people(43, seed=1, prefix="t", rows=(1, 2)), people(51, seed=2, prefix="h", rows=(1, 2))
    copied = [t for t, g in zip(train.texts, train.groups, strict=True) if g in {"t7", "t30"}]
    near = [t for t, g in zip(control.texts, control.groups, strict=True) if g == "h9"]
    fresh = people(30, seed=3, prefix="s", rows=(1, 1)).texts
    return load_inputs(retexted(train, [*fresh, *copied, *near]), train, control)


def planned(inputs, runs=RUNS, n_persons=2, seed=5):
    return plan_shadow(inputs, runs=runs, n_persons=n_persons, rng=np.random.default_rng(seed))


@pytest.fixture
def plan(inputs):
    return planned(inputs)


def test_targets_are_the_most_over_represented(inputs, plan):
    assert set(plan.persons) == {"t7", "t30"}
    train, control = most_over_represented(inputs, 2, np.random.default_rng(6))
    assert set(train) == {"t7", "t30"}
    is_set_aside = "h9" not in most_over_represented(inputs, 43, np.random.default_rng(6))[1]
    assert is_set_aside or "h9" in control
    by_default = planned(inputs, n_persons=None)
    assert len(by_default.persons) == len(by_default.non_members) == 1  # a hundredth of 43, rounded up


def test_each_person_is_left_out_of_half_of_the_reruns_independently(inputs):
    plan = planned(inputs, runs=40, n_persons=5)
    for fold in range(4):
        assert (plan.inside[fold::4].sum(axis=0) == 5).all()
        assert (plan.pretended[fold::4].sum(axis=0) == 5).all()
    columns = {column.tobytes() for column in (*plan.inside.T, *plan.pretended.T)}
    assert len(columns) == 10
    for run in range(40):
        assert plan.leave_out(run) == {p for i, p in enumerate(plan.persons) if not plan.inside[run, i]}


def test_plan_depends_on_the_stream_only(inputs, plan):
    again = planned(inputs)
    assert again.persons == plan.persons
    assert (again.inside == plan.inside).all()
    assert (planned(inputs, runs=40, seed=7).inside[:RUNS] != plan.inside).any()


@pytest.mark.parametrize(
    ("runs", "persons", "problems"),
    [
        (12, 2, ["multiple of 8"]),
        (0, 2, ["multiple of 8"]),
        (8, 43, ["1 to 42"]),
        (9, 0, ["multiple of 8", "1 to 42"]),
    ],
)
def test_impossible_numbers_are_all_reported(inputs, runs, persons, problems):
    with pytest.raises(InputError) as caught:
        planned(inputs, runs, persons)
    assert len(caught.value.problems) == len(problems)
    assert all(words in str(caught.value) for words in problems)


def test_too_few_persons_are_rejected(inputs, people):
    with pytest.raises(InputError, match="19 train persons"):
        planned(replace(inputs, train=people(19, seed=1, prefix="t")), n_persons=1)


def test_plan_is_written_for_its_owner_and_read(inputs, plan, tmp_path):
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


def test_plan_is_never_overwritten(plan, tmp_path):
    write_plan(plan, tmp_path)
    before = (tmp_path / PLAN).read_bytes()
    with pytest.raises(InputError, match="already contains a plan"):
        write_plan(plan, tmp_path)
    assert (tmp_path / PLAN).read_bytes() == before


def spoil_coin(value):
    for run in value["runs"]:
        run["leave_out"] = ["t7"]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda v: v.update(schemaVersion=2), "`schemaVersion` must be 1"),
        (lambda v: v.pop("train"), "`train` must be a digest"),
        (lambda v: v.update(persons=["t7", "t7"]), "`persons` must be a list of at least one name"),
        (lambda v: v.update(non_members=[]), "`non_members` must be a list of at least one name"),
        (lambda v: v.update(non_members=[3]), "`non_members` must be a list of at least one name"),
        (lambda v: v.update(non_members=[["h9"]]), "`non_members` must be a list of at least one name"),
        (lambda v: v.update(persons=[{"t7": 1}, "t30"]), "`persons` must be a list of at least one name"),
        (lambda v: v.update(runs={}), "`runs` must be a list of JSON objects"),
        (lambda v: v.update(runs=[1]), "`runs` must be a list of JSON objects"),
        (
            lambda v: v["runs"][0].pop("leave_out"),
            "in 1 entries of `runs`, `leave_out` is not a list of names from `persons`",
        ),
        (
            lambda v: v["runs"][1].update(pretended_out=["secret"]),
            "in 1 entries of `runs`, `pretended_out` is not a list of names from `non_members`",
        ),
        (
            lambda v: v["runs"][1].update(pretended_out=[["secret"]]),
            "in 1 entries of `runs`, `pretended_out` is not a list of names from `non_members`",
        ),
        (
            lambda v: v["runs"][0].update(leave_out=[{"t7": 1}]),
            "in 1 entries of `runs`, `leave_out` is not a list of names from `persons`",
        ),
        (spoil_coin, r"half of the runs of each fold \(.*\); the plan lists 2 persons in more or fewer runs"),
        (lambda v: v.update(runs=v["runs"][1:]), "must have a positive multiple of 8 entries, but has 7"),
        (lambda v: v["runs"].sort(key=lambda run: run["leave_out"]), "of each fold"),
    ],
)
def test_invalid_plan_is_rejected_without_showing_a_name(plan, tmp_path, spoil, problem):
    write_plan(plan, tmp_path)
    value = json.loads((tmp_path / PLAN).read_bytes())
    spoil(value)
    (tmp_path / PLAN).write_text(json.dumps(value))
    with pytest.raises(InputError, match=problem) as caught:
        read_plan(tmp_path)
    assert all(name not in str(caught.value) for name in ("t7", "t30", "secret"))


@pytest.mark.parametrize("data", [b"[]", b"{", b'{"runs": NaN}', b"\xff"])
def test_other_files_are_rejected(tmp_path, data):
    with pytest.raises(InputError, match="audits shadow-plan"):
        read_plan(tmp_path)  # the hint if there is no plan
    (tmp_path / PLAN).write_bytes(data)
    with pytest.raises(InputError, match="is not a plan of"):
        read_plan(tmp_path)


def test_tables_are_found_in_any_format_and_missing_ones_are_listed(tmp_path):
    (tmp_path / "synthetic").mkdir()
    (tmp_path / "synthetic" / "000.csv").write_text("text,label\nhello there,a\n")
    (tmp_path / "synthetic" / "002.jsonl").write_text('{"text": "good morning"}\n')
    assert module.find_table(tmp_path, 0).suffix == ".csv"
    assert module.find_table(tmp_path, 1) is None
    with pytest.raises(InputError) as caught:
        module.read_tables(tmp_path, 4, text="text", label="label")
    assert caught.value.problems == (module.table_name(1), module.table_name(3))
    (tmp_path / "synthetic" / "001.jsonl").write_text('{"text": "good night"}\n')
    tables = module.read_tables(tmp_path, 3, text="text", label="label")
    assert [t.texts for t in tables] == [("hello there",), ("good night",), ("good morning",)]
