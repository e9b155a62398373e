import pytest

from audits.gate.shipped import load_policy
from audits.ledger.budgets import Overspent, all_reservations
from synthgen.commands.plan import make_plan
from synthgen.core.progress import silent
from synthgen.pipeline import Pipeline
from synthgen.run.dp.reserve import check_room, reserve_budget
from synthgen.run.job import Job
from synthgen.run.ledger import ledger_of
from synthgen.run.workspace import Workspace

LABELS = ["cardiology", "neurology"]
DP = {
    "source": {"id": None, "labels": LABELS}, "interpolate": {"method": "dp-gaussian", "total": 10},
    "dp": {"epsilon": 2.0, "delta": 4e-6, "persons": 40}, "policy": "strict-dp", "secret": "workspace",
    "filter": {"class_agreement": None, "length": None},
}  # fmt: skip


def reserved(config):
    job = Job(config, Workspace(config.resolve(config.workspace)), silent)
    return reserve_budget(job, load_policy("strict-dp"))[0]


def test_a_plan_says_what_was_spent_before_what_goes_on_and_what_is_one_too_many(project):
    policy, config = load_policy("strict-dp"), project.config(**DP)
    assert make_plan(config).ledger == "epsilon 0, delta 0"
    assert all_reservations(*ledger_of(config)) == []
    reserved(config)
    text = make_plan(config).to_text()
    assert "spent in the ledger: epsilon 0, delta 0; this run goes on with what it reserved" in text
    assert "accounting: reads the log of the run" in text
    assert check_room(config, policy)[1]
    other = project.config(**DP, seed=99)
    assert "WARNING dp: the ledger's budget does not hold this run" in make_plan(other).to_text()
    with pytest.raises(Overspent, match="does not hold this run"):
        check_room(other, policy)


def test_what_learns_of_nobody_reserves_nothing(project):
    config = project.config(**DP)
    Pipeline(config).run(until="embed")
    assert all_reservations(*ledger_of(config)) == []


def test_the_deltas_of_a_ledger_are_held_to_the_number_of_persons(project):
    most = {**DP, "dp": {"epsilon": 0.5, "delta": 6e-6, "persons": 10_000}}
    policy = load_policy("strict-dp")
    reserved(project.config(**most))
    with pytest.raises(Overspent) as refused:
        check_room(project.config(**most, seed=7), policy)
    assert list(refused.value.problems) == ["delta: 1e-05 in all, 6e-06 spent, 6e-06 asked for"]
    fewer = project.config(**{**most, "dp": {"epsilon": 0.5, "delta": 3e-6, "persons": 12_000}}, seed=7)
    with pytest.raises(Overspent, match="budget") as refused:
        check_room(fewer, policy)
    assert list(refused.value.problems) == ["delta: 8.33333e-06 in all, 6e-06 spent, 3e-06 asked for"]
