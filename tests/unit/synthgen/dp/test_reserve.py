import json
from dataclasses import replace

import pytest

from audits.core.errors import InputError
from audits.gate.rule import ATTEMPTS
from audits.gate.shipped import load_policy
from audits.ledger.attempts import attempts_before, attempt
from audits.ledger.budgets import Overspent, all_reservations, note_draw
from synthgen.cli.plan import make_plan
from synthgen.core.errors import BudgetError, ConfigError, DataError, StorageError
from synthgen.core.progress import silent
from synthgen.core.types import Corpus, Record
from synthgen.dp import gaussian
from synthgen.dp import planned_queries as questions
from synthgen.dp.noise_multipliers import noise_multipliers
from synthgen.dp.reserve import check_room, reserve_budget, reserved_run
from synthgen.dp.sealed_result import LOG
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.secret import FILE as SECRET
from synthgen.pipeline.workspace import Workspace

LABELS = ["cardiology", "neurology"]
DP = {
    "source": {"id": None, "labels": LABELS},
    "interpolate": {"method": "dp-gaussian", "total": 10},
    "dp": {"epsilon": 2.0, "delta": 4e-6, "persons": 40},
    "policy": "strict-dp",
    "secret": "workspace",
    "filter": {"class_agreement": None, "length": None},
}


NOBODY = Corpus(role="control", records=(), has_groups=True)


@pytest.fixture(autouse=True)
def public(monkeypatch):
    """The stand-ins' bridge counts as shipped, too."""
    monkeypatch.setattr(questions, "is_public", lambda _: True)


def reserved(config, *, anew=False):
    job = Job(config, Workspace(config.resolve(config.workspace)), silent)
    return reserve_budget(job, load_policy("strict-dp"), NOBODY, NOBODY, anew=anew)[0]


def test_a_plan_says_what_was_spent_before_what_goes_on_and_what_is_one_too_many(project):
    policy, config = load_policy("strict-dp"), project.config(**DP)
    assert make_plan(config).ledger == "epsilon 0, delta 0"
    assert all_reservations(*ledger_of(config)) == []
    reserved(config)
    text = make_plan(config).to_text()
    assert "already spent in the ledger: epsilon 0, delta 0; this run continues with its own reservation" in text
    assert "accounting: reads the log of the run" in text
    assert check_room(config, policy)[1]
    other = project.config(**DP, seed=99)
    assert "WARNING dp: the remaining budget in the ledger does not cover this run" in make_plan(other).to_text()
    with pytest.raises(Overspent, match="does not cover this run"):
        check_room(other, policy)


def test_looking_up_a_reservation_makes_no_workspace(project):
    config = project.config(**DP, workspace="another")
    assert reserved_run(config) is None
    assert not config.resolve(config.workspace).exists()
    run = reserved(config).spending.run
    assert reserved_run(config) == run
    assert reserved_run(project.config(secret="workspace", workspace="another")) is None  # which has no budget


def test_a_run_that_begins_by_paying_anew_pays_once(project):
    config = project.config(**DP)
    run = reserved(config, anew=True).spending.run
    assert [one["run"] for one in all_reservations(*ledger_of(config))] == [run]


def test_a_run_without_a_budget_reserves_nothing(project):
    config = project.config(**DP)
    Pipeline(config).run(until="embed")
    assert all_reservations(*ledger_of(config)) == []


def test_the_deltas_of_a_ledger_are_held_to_the_number_of_persons(project):
    most = {**DP, "dp": {"epsilon": 0.5, "delta": 6e-6, "persons": 10_000}}
    policy = load_policy("strict-dp")
    reserved(project.config(**most))
    with pytest.raises(Overspent) as refused:
        check_room(project.config(**most, seed=7), policy)
    assert list(refused.value.problems) == ["delta: limit 1e-05, spent 6e-06, requested 6e-06"]
    fewer = project.config(**{**most, "dp": {"epsilon": 0.5, "delta": 3e-6, "persons": 12_000}}, seed=7)
    with pytest.raises(Overspent, match="budget") as refused:
        check_room(fewer, policy)
    assert list(refused.value.problems) == ["delta: limit 8.33333e-06, spent 6e-06, requested 3e-06"]


def test_a_delta_too_large_for_the_persons_in_train_is_refused_before_it_is_reserved(project):
    few = {"epsilon": 0.5, "delta": 9e-3, "persons": 10}
    config = project.config(**{**DP, "dp": few, "policy": "research", "split": {"train": 0.95, "control": 0.05}})
    (warned,) = make_plan(config).warnings
    with pytest.raises(BudgetError, match="too large for the number of persons") as refused:
        Pipeline(config).run()
    assert warned.startswith(refused.value.problems[0][:30])
    assert all_reservations(*ledger_of(config)) == []


def test_a_changed_file_or_accountant_does_not_spend_the_budget_twice(project, monkeypatch):
    config = project.config(**DP)
    run = reserved(config).spending.run
    root = config.resolve(config.workspace)
    with monkeypatch.context() as patch:  # as another version of the accountant's library may have it
        patch.setattr(
            "synthgen.dp.planned_queries.noise_multipliers",
            lambda *given: {name: noise * (1 + 1e-9) for name, noise in noise_multipliers(*given).items()},
        )
        with pytest.raises(InputError, match="another reservation with this run's id"):
            reserved(config)
        with pytest.raises(Overspent):  # anew is too much here, and leaves what there was
            reserved(config, anew=True)
    with monkeypatch.context() as patch:  # as another version may put its question
        means = gaussian.QUERIES["class-means"]
        patch.setitem(gaussian.QUERIES, "class-means", replace(means, share=2 * means.share))
        with pytest.raises(InputError, match="another reservation with this run's id"):
            reserved(config)
    assert reserved(config).spending.run == run

    key = (root / SECRET).read_bytes()
    (root / SECRET).unlink()
    with pytest.raises(InputError, match="a budget was spent with it"):
        reserved(config)
    assert not (root / SECRET).exists()
    (root / SECRET).write_bytes(bytes(32))
    (root / SECRET).chmod(0o600)
    with pytest.raises(InputError, match="not the one that a budget was spent with"):
        reserved(config)
    (root / SECRET).write_bytes(key)
    (root / SECRET).chmod(0o600)

    answer = root / "stages" / "measure-0123456789abcdef"
    answer.mkdir()
    (answer / LOG).write_text(json.dumps({"release": run}))
    assert reserved(config).spending.run == run
    (reservation,) = (root / "stages").glob("reserve-*")
    reservation.rename(root / "elsewhere")
    with pytest.raises(StorageError, match="without its reservation") as refused:
        reserved(config)
    assert refused.value.problems == (answer.name,)
    (root / "elsewhere").rename(reservation)
    assert [one["run"] for one in all_reservations(*ledger_of(config))] == [run]


def test_another_question_is_another_run(project):
    def telling(words):
        dp = {"epsilon": 1.0, "delta": 2e-6, "persons": 3000}
        return project.config(**{**DP, "dp": dp, "decode": {"words": words}})

    first = reserved(telling(0)).spending.run
    assert reserved(telling(4)).spending.run != first
    assert reserved(telling(0)).spending.run == first


def test_spending_again_must_be_requested_and_keeps_the_old_result(project):
    config = project.config(**{**DP, "dp": {**DP["dp"], "epsilon": 1.0, "delta": 2e-6}})
    first, again = reserved(config), reserved(config, anew=True)
    assert again.spending == first.spending  # nothing was drawn, so it goes on with that
    note_draw(*ledger_of(config), first.spending.run)
    assert not check_room(config, load_policy("strict-dp"))[1]  # what was drawn is lost
    second = reserved(config, anew=True)
    assert second.spending.run != first.spending.run
    assert len(list((config.resolve(config.workspace) / "stages").glob("reserve-*"))) == 2
    assert reserved(config).spending.run == second.spending.run
    note_draw(*ledger_of(config), second.spending.run)
    third = reserved(config, anew=True)
    note_draw(*ledger_of(config), third.spending.run)
    with pytest.raises(Overspent):
        reserved(config, anew=True)
    assert reserved(config).spending.run == third.spending.run  # and what it had is still in reach


def test_other_persons_are_another_question(project):
    fewer = {**DP, "dp": {**DP["dp"], "epsilon": 1.0, "persons": 41}}
    first = reserved(project.config(**{**DP, "dp": {**DP["dp"], "epsilon": 1.0}}))
    assert reserved(project.config(**fewer)).spending.run != first.spending.run


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"secret": "public"}, "the noise is reproducible"),
        (
            {"interpolate": {"method": "dp-gaussian", "total": None, "balance": {"cardiolgy": 5}}},
            "without training records",
        ),
        ({"interpolate": {"method": "dp-gaussian", "total": 1}}, "without a record"),
    ],
)
def test_a_run_that_must_fail_is_refused_before_its_budget_is_reserved(project, changes, said):
    config = project.config(**{**DP, **changes})
    with pytest.raises((ConfigError, DataError), match=said):
        Pipeline(config).run()
    assert all_reservations(*ledger_of(config)) == []


def test_exhausted_control_persons_are_refused_before_a_reservation(project):
    config, policy = (
        project.config(**{**DP, "dp": {**DP["dp"], "epsilon": 0.5, "delta": 1e-6}}),
        load_policy("strict-dp"),
    )
    (limit,) = [rule.limit for rule in policy.rules if rule.metric == ATTEMPTS]
    rows = [
        Record(id=f"c{i}", text=f"words of number {i} and of nobody else", label="a", group=f"c{i}")
        for i in range(20)
    ]
    control = Corpus(role="control", records=tuple(rows), has_groups=True)
    job = Job(config, Workspace(config.resolve(config.workspace)), silent)
    reservation = None
    for number in range(int(limit)):
        assert attempts_before(*ledger_of(config), control=as_table(control, {})) == number
        if reservation is None:
            reservation, _ = reserve_budget(job, policy, NOBODY, control)
            note_draw(*ledger_of(config), reservation.spending.run)
        else:  # each before the last may pay anew
            reserve_budget(other_seed(project, number), policy, NOBODY, control)
        attempt(*ledger_of(config), digest=str(number), control=as_table(control, {}))
    with pytest.raises(BudgetError, match="no further run can be released"):
        reserve_budget(other_seed(project, 99), policy, NOBODY, control)
    with pytest.raises(BudgetError, match="no further run can be released"):
        reserve_budget(job, policy, NOBODY, control, anew=True)
    again, _ = reserve_budget(job, policy, NOBODY, control)  # what was paid for is still in reach
    assert again.spending == reservation.spending
    assert len(all_reservations(*ledger_of(config))) == int(limit)


def other_seed(project, seed):
    changes = {**DP, "dp": {**DP["dp"], "epsilon": 0.5, "delta": 1e-6}, "seed": seed}
    config = project.config(**changes)
    return Job(config, Workspace(config.resolve(config.workspace)), silent)


def test_a_damaged_reservation_is_kept_beside_the_new_one(project):
    config = project.config(**{**DP, "dp": {**DP["dp"], "epsilon": 1.0, "delta": 2e-6}})
    first = reserved(config)
    (folder,) = (config.resolve(config.workspace) / "stages").glob("reserve-*")
    (folder / "run.json").write_text("{")
    with pytest.raises(StorageError, match="cannot be read as it was written"):
        reserved(config)
    (folder / "run.json").write_text("{}")
    with pytest.raises(StorageError, match="budget is spent"):
        reserved(config)
    assert reserved(config, anew=True).spending.run != first.spending.run
    assert len(all_reservations(*ledger_of(config))) == 2


def test_deltas_that_no_accounting_passes_are_not_booked_under_a_policy_without_a_bound(project):
    given = {**DP, "dp": {"epsilon": 0.5, "delta": 2e-6, "persons": 40_000}}
    policy = load_policy("research")
    for seed, holds in ((1, True), (2, False)):
        config = project.config(**given, seed=seed)
        job = Job(config, Workspace(config.resolve(config.workspace)), silent)
        if holds:
            reserve_budget(job, policy, NOBODY, NOBODY)
            continue
        with pytest.raises(Overspent) as refused:
            reserve_budget(job, policy, NOBODY, NOBODY)
        assert list(refused.value.problems) == ["delta: limit 2.5e-06, spent 2e-06, requested 2e-06"]
