import json
from dataclasses import replace

import pytest

from audits.core.errors import InputError
from audits.gate.rule import ATTEMPTS
from audits.gate.shipped import load_policy
from audits.ledger.attempts import attempt, attempts_before
from audits.ledger.budgets import Overspent, all_reservations, note_draw
from synthgen.cli.plan import make_plan
from synthgen.core.errors import BudgetError, ConfigError, DataError, StorageError
from synthgen.core.progress import silent
from synthgen.core.types import Corpus, Record
from synthgen.dp import gaussian
from synthgen.dp import planned_queries as planned
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
    """Treat the bridge of the stand-ins as shipped, too."""
    monkeypatch.setattr(planned, "is_public", lambda _: True)


def with_dp(**dp):
    """Return the changes with another budget."""
    return {**DP, "dp": {**DP["dp"], **dp}}


def reserved(config, *, policy="strict-dp", control=NOBODY, spend_again=False):
    job = Job(config, Workspace(config.resolve(config.workspace)), silent)
    return reserve_budget(job, load_policy(policy), NOBODY, control, spend_again=spend_again)[0]


def booked(config):
    return all_reservations(*ledger_of(config))


def test_plan_states_spent_continued_and_missing_budget(project):
    policy, config = load_policy("strict-dp"), project.config(**DP)
    assert make_plan(config).ledger == "epsilon 0, delta 0"
    assert booked(config) == []
    reserved(config)
    text = make_plan(config).to_text()
    assert "already spent in the ledger: epsilon 0, delta 0; this run continues with its own reservation" in text
    assert "accounting: reads the log of the run" in text
    assert check_room(config, policy)[1]
    other = project.config(**DP, seed=99)
    assert "WARNING dp: the remaining budget in the ledger does not cover this run" in make_plan(other).to_text()
    with pytest.raises(Overspent, match="does not cover this run"):
        check_room(other, policy)


def test_reserved_run_creates_no_workspace(project):
    config = project.config(**DP, workspace="another")
    assert reserved_run(config) is None
    assert not config.resolve(config.workspace).exists()
    run = reserved(config).spending.run
    assert reserved_run(config) == run
    assert reserved_run(project.config(secret="workspace", workspace="another")) is None  # it has no budget


def test_spend_again_without_a_reservation_reserves_once(project):
    config = project.config(**DP)
    run = reserved(config, spend_again=True).spending.run
    assert [one["run"] for one in booked(config)] == [run]


def test_run_until_embed_reserves_nothing(project):
    config = project.config(**DP)
    Pipeline(config).run(until="embed")
    assert booked(config) == []


def test_sum_of_deltas_is_limited_by_the_number_of_persons(project):
    most = with_dp(epsilon=0.5, delta=6e-6, persons=10_000)
    policy = load_policy("strict-dp")
    reserved(project.config(**most))
    with pytest.raises(Overspent) as refused:
        check_room(project.config(**most, seed=7), policy)
    assert list(refused.value.problems) == ["delta: limit 1e-05, spent 6e-06, requested 6e-06"]
    fewer = project.config(**with_dp(epsilon=0.5, delta=3e-6, persons=12_000), seed=7)
    with pytest.raises(Overspent, match="budget") as refused:
        check_room(fewer, policy)
    assert list(refused.value.problems) == ["delta: limit 8.33333e-06, spent 6e-06, requested 3e-06"]


def test_delta_too_large_for_train_is_refused_before_the_reservation(project):
    few = with_dp(epsilon=0.5, delta=9e-3, persons=10)
    config = project.config(**{**few, "policy": "research", "split": {"train": 0.95, "control": 0.05}})
    (warned,) = make_plan(config).warnings
    with pytest.raises(BudgetError, match="too large for the number of persons") as refused:
        Pipeline(config).run()
    assert warned.startswith(refused.value.problems[0][:30])
    assert booked(config) == []


def test_a_changed_file_or_accountant_does_not_spend_the_budget_twice(project, monkeypatch):
    config = project.config(**DP)
    run = reserved(config).spending.run
    root = config.resolve(config.workspace)
    with monkeypatch.context() as patch:  # another version of the accounting library may differ slightly
        patch.setattr(
            "synthgen.dp.planned_queries.noise_multipliers",
            lambda *given: {name: noise * (1 + 1e-9) for name, noise in noise_multipliers(*given).items()},
        )
        with pytest.raises(InputError, match="another reservation with this run's id"):
            reserved(config)
        with pytest.raises(Overspent):  # the budget is too small, and the old reservation stays
            reserved(config, spend_again=True)
    with monkeypatch.context() as patch:  # another version of the program may plan other queries
        means = gaussian.QUERIES["class-means"]
        patch.setitem(gaussian.QUERIES, "class-means", replace(means, share=2 * means.share))
        with pytest.raises(InputError, match="another reservation with this run's id"):
            reserved(config)
    assert reserved(config).spending.run == run

    key = (root / SECRET).read_bytes()
    (root / SECRET).unlink()
    with pytest.raises(InputError, match="a budget was reserved with it"):
        reserved(config)
    assert not (root / SECRET).exists()
    (root / SECRET).write_bytes(bytes(32))
    (root / SECRET).chmod(0o600)
    with pytest.raises(InputError, match="not the one with which a budget was reserved"):
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
    assert [one["run"] for one in booked(config)] == [run]


def test_other_queries_need_another_reservation(project):
    def run(words):
        changes = with_dp(epsilon=1.0, delta=2e-6, persons=3000)
        return reserved(project.config(**changes, decode={"words": words})).spending.run

    first = run(0)
    assert run(4) != first
    assert run(0) == first


def test_spending_again_must_be_requested_and_keeps_the_old_result(project):
    config = project.config(**with_dp(epsilon=1.0, delta=2e-6))
    first, again = reserved(config), reserved(config, spend_again=True)
    assert again.spending == first.spending  # no noise was drawn, so the run continues with it
    note_draw(*ledger_of(config), first.spending.run)
    assert not check_room(config, load_policy("strict-dp"))[1]  # the result is lost
    second = reserved(config, spend_again=True)
    assert second.spending.run != first.spending.run
    assert len(list((config.resolve(config.workspace) / "stages").glob("reserve-*"))) == 2
    assert reserved(config).spending.run == second.spending.run
    note_draw(*ledger_of(config), second.spending.run)
    third = reserved(config, spend_again=True)
    note_draw(*ledger_of(config), third.spending.run)
    with pytest.raises(Overspent):
        reserved(config, spend_again=True)
    assert reserved(config).spending.run == third.spending.run  # the last reservation stays available


def test_another_number_of_persons_needs_another_reservation(project):
    first, other = (reserved(project.config(**with_dp(epsilon=1.0, persons=n))) for n in (40, 41))
    assert first.spending.run != other.spending.run


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"secret": "public"}, "the noise is reproducible"),
        ({"interpolate": {**DP["interpolate"], "total": None, "balance": {"other": 5}}}, "without training records"),
        ({"interpolate": {**DP["interpolate"], "total": 1}}, "without a record"),
    ],
)
def test_run_that_must_fail_is_refused_before_the_reservation(project, changes, message):
    config = project.config(**{**DP, **changes})
    with pytest.raises((ConfigError, DataError), match=message):
        Pipeline(config).run()
    assert booked(config) == []


def test_exhausted_control_persons_are_refused_before_a_reservation(project):
    small, policy = with_dp(epsilon=0.5, delta=1e-6), load_policy("strict-dp")
    config = project.config(**small)
    (limit,) = [rule.limit for rule in policy.rules if rule.metric == ATTEMPTS]
    texts = {f"c{i}": f"words of number {i} and of nobody else" for i in range(20)}
    rows = tuple(Record(id=name, text=text, label="a", group=name) for name, text in texts.items())
    control = Corpus(role="control", records=rows, has_groups=True)
    for number in range(int(limit)):
        assert attempts_before(*ledger_of(config), control=as_table(control, {})) == number
        if number == 0:
            first = reserved(config, control=control)
            note_draw(*ledger_of(config), first.spending.run)
        else:  # before the limit is reached, other runs may reserve
            reserved(project.config(**small, seed=number), control=control)
        attempt(*ledger_of(config), digest=str(number), control=as_table(control, {}))
    for other, spend_again in ((project.config(**small, seed=99), False), (config, True)):
        with pytest.raises(BudgetError, match="no further run can be released"):
            reserved(other, control=control, spend_again=spend_again)
    assert reserved(config, control=control).spending == first.spending  # the old reservation stays available
    assert len(booked(config)) == int(limit)


def test_a_damaged_reservation_is_kept_beside_the_new_one(project):
    config = project.config(**with_dp(epsilon=1.0, delta=2e-6))
    first = reserved(config)
    (folder,) = (config.resolve(config.workspace) / "stages").glob("reserve-*")
    (folder / "run.json").write_text("{")
    with pytest.raises(StorageError, match="is not a readable JSON object"):
        reserved(config)
    (folder / "run.json").write_text("{}")
    with pytest.raises(StorageError, match="budget is spent"):
        reserved(config)
    assert reserved(config, spend_again=True).spending.run != first.spending.run
    assert len(booked(config)) == 2


def test_sum_of_deltas_is_limited_without_a_policy_limit(project):
    changes = with_dp(epsilon=0.5, delta=2e-6, persons=40_000)
    reserved(project.config(**changes, seed=1), policy="research")
    with pytest.raises(Overspent) as refused:
        reserved(project.config(**changes, seed=2), policy="research")
    assert list(refused.value.problems) == ["delta: limit 2.5e-06, spent 2e-06, requested 2e-06"]
