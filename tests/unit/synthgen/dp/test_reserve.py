import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from audits.core.errors import InputError
from audits.gate.shipped import load_policy
from audits.ledger.budgets import Overspent, all_reservations, note_draw, void
from synthgen.core.errors import BudgetError, ConfigError, DataError, StorageError, UsageError
from synthgen.core.progress import silent
from synthgen.dp import gaussian
from synthgen.dp import planned_queries as planned
from synthgen.dp.noise_multipliers import noise_multipliers
from synthgen.dp.reserve import (
    RESERVE_STAGE,
    check_remaining_budget,
    named_reservation,
    needs_reservation,
    reserve_budget,
    reserved_run,
)
from synthgen.dp.sealed_result import LOG
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.secret import FILE as SECRET
from synthgen.pipeline.workspace import Workspace
from synthgen.plan.plan import make_plan
from synthgen.release.keys import write_new

DP = {"interpolate": {"method": "dp-gaussian", "total": 10}, "dp": {"epsilon": 2.0, "delta": 4e-6, "persons": 40}}
DP |= {"source": {"id": None, "labels": ["cardiology", "neurology"]}, "policy": "strict-dp", "secret": "workspace"}
DP["filter"] = {"class_agreement": None, "length": None}
NOW = datetime(2026, 11, 20, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def public(monkeypatch):
    """Treat the bridge of the stand-ins as shipped, too."""
    monkeypatch.setattr(planned, "is_public", lambda _: True)


def with_dp(**dp):
    """Return the changes with another budget."""
    return {**DP, "dp": {**DP["dp"], **dp}}


def job_of(config):
    return Job(config, Workspace(config.resolve(config.workspace)), silent)


def reserved(config, *, policy="strict-dp", spend_again=False):
    return reserve_budget(job_of(config), load_policy(policy), spend_again=spend_again)[0]


def booked(config):
    return all_reservations(*ledger_of(config))


def test_plan_states_spent_continued_and_missing_budget(project):
    policy, config = load_policy("strict-dp"), project.config(**DP)
    spent = "epsilon 0 at delta 4e-06 for all runs together"
    assert (booked(config), make_plan(config).ledger) == ([], spent)
    reserved(config)
    text = make_plan(config).to_text()
    assert f"already spent in the ledger: {spent}; this run continues with its own reservation" in text
    assert "accounting: this audit reads the log of the run" in text
    assert check_remaining_budget(config, policy)[1]
    other = project.config(**with_dp(epsilon=2.5), seed=99)
    text = make_plan(other).to_text()
    assert "- dp: the remaining budget in the ledger does not cover this run" in text
    assert "already spent" not in text
    assert "no pilot, because a pilot would read records outside the budget" in text
    with pytest.raises(Overspent, match="does not cover this run"):
        check_remaining_budget(other, policy)


def test_reserved_run_creates_no_workspace(project):
    config = project.config(**DP, workspace="another")
    assert reserved_run(config) is None
    assert not config.resolve(config.workspace).exists()
    run = reserved(config).spending.run
    assert reserved_run(config) == run
    assert reserved_run(project.config(secret="workspace", workspace="another")) is None  # this run has no budget


def test_run_until_embed_reserves_nothing_and_spend_again_without_a_reservation_reserves_once(project):
    config = project.config(**DP)
    Pipeline(config).run(until="embed")
    assert booked(config) == []
    run = reserved(config, spend_again=True).spending.run
    assert [one["run"] for one in booked(config)] == [run]


def test_second_run_may_claim_the_whole_delta_that_the_persons_allow(project):
    policy = load_policy("strict-dp")
    reserved(project.config(**with_dp(epsilon=1.5, delta=1e-5, persons=10_000)))
    again = project.config(**with_dp(epsilon=1.5, delta=1e-5, persons=10_000), seed=7)
    assert check_remaining_budget(again, policy)[0].epsilon == pytest.approx(1.5, rel=1e-3)
    assert reserved(again).spent_in_all.epsilon == pytest.approx(2.2065, rel=1e-3)
    more = project.config(**with_dp(epsilon=1.9, delta=8e-6, persons=12_000), seed=8)
    for refuse in (lambda: check_remaining_budget(more, policy), lambda: reserved(more)):
        with pytest.raises(Overspent, match="does not cover this run") as refused:
            refuse()
        (problem,) = refused.value.problems
        assert problem.startswith("epsilon: the limit for all runs together is 3; 2.2")
        assert problem.endswith("(at delta 8e-06)")


def test_a_run_with_a_larger_delta_leaves_an_earlier_run_its_budget(project):
    """At the delta of the second run, both fit into the limit; at the delta of the first run, they do not."""
    policy = load_policy("strict-dp")
    first = project.config(**with_dp(epsilon=2.0, delta=1e-6, persons=10_000))
    second = project.config(**with_dp(epsilon=2.2, delta=1e-5, persons=10_000), seed=7)
    reserved(first)
    for refuse in (lambda: check_remaining_budget(second, policy), lambda: reserved(second)):
        with pytest.raises(Overspent, match="does not cover this run") as refused:
            refuse()
        assert refused.value.problems[0].endswith("would be spent (at delta 1e-06)")
    assert check_remaining_budget(first, policy)[1]  # the first run still continues with its reservation
    assert [one["run"] for one in booked(first)] == [reserved(first).spending.run]


def test_delta_too_large_for_train_is_refused_before_the_reservation(project):
    few = with_dp(epsilon=0.5, delta=9e-3, persons=10)
    config = project.config(**{**few, "policy": "research", "split": {"train": 0.95, "control": 0.05}})
    plan = make_plan(config)
    (warned,) = (problem for problem in plan.problems if problem.startswith("dp.delta"))
    with pytest.raises(BudgetError, match="nothing was reserved") as refused:
        Pipeline(config).run(until="interpolate")
    assert (
        refused.value.problems[0]
        == "dp.delta: 0.009 is above 1 / (10 n), where n is the number of persons in train; lower dp.delta"
    )
    assert warned.startswith(refused.value.problems[0])
    assert not any(
        f" {plan.persons['train']}" in line for line in (*refused.value.problems, refused.value.hint, warned)
    )
    assert booked(config) == []


def test_a_changed_file_or_accountant_does_not_spend_the_budget_twice(project, monkeypatch):
    config = project.config(**DP)
    run, root = reserved(config).spending.run, config.resolve(config.workspace)
    policy = load_policy("strict-dp")
    lower = policy.model_copy(update={"dp": policy.dp.model_copy(update={"max_epsilon": 2.5})})

    def slightly_more_noise(*given):
        return {name: noise * (1 + 1e-9) for name, noise in noise_multipliers(*given).items()}

    with monkeypatch.context() as patch:  # another version of the accounting library may differ slightly
        patch.setattr(planned, "noise_multipliers", slightly_more_noise)
        with pytest.raises(InputError, match="a reservation of this run with a different budget"):
            reserved(config)
        with pytest.raises(Overspent):  # the budget is too small, and the old reservation stays
            reserve_budget(job_of(config), lower, spend_again=True)
    with monkeypatch.context() as patch:  # another version of the program may plan other queries
        means = gaussian.QUERIES["class-means"]
        patch.setitem(gaussian.QUERIES, "class-means", replace(means, share=2 * means.share))
        with pytest.raises(InputError, match="a reservation of this run with a different budget"):
            reserved(config)
    assert reserved(config).spending.run == run

    secret = root / SECRET
    kept = secret.rename(root / "kept")
    with pytest.raises(InputError, match="a privacy budget was reserved with this secret"):
        reserved(config)
    assert not secret.exists()
    write_new(secret, bytes(32), 0o600)
    with pytest.raises(InputError, match="differs from the secret with which a privacy budget was reserved"):
        reserved(config)
    kept.rename(secret)

    answer = root / "stages" / "measure-0123456789abcdef"
    answer.mkdir()
    (answer / LOG).write_text(json.dumps({"release": run}))
    assert reserved(config).spending.run == run
    (reservation,) = (root / "stages").glob("reserve-*")
    reservation.rename(root / "elsewhere")
    with pytest.raises(StorageError, match="without its reservation") as refused:
        reserved(config)
    assert refused.value.problems == (f"{answer.name}: the folder reserve-* of its run is missing",)
    (root / "elsewhere").rename(reservation)
    assert [one["run"] for one in booked(config)] == [run]


def test_other_queries_and_another_number_of_persons_need_another_reservation(project):
    def run(words, persons=3000):
        changes = with_dp(epsilon=1.0, delta=2e-6, persons=persons)
        return reserved(project.config(**changes, decode={"words": words})).spending.run

    first = run(0)
    assert (run(4) == first, run(0) == first, run(0, 3100) == first) == (False, True, False)


def test_spending_again_must_be_requested_and_keeps_the_old_result(project):
    config = project.config(**with_dp(epsilon=1.4, delta=1e-5))
    first, again = reserved(config), reserved(config, spend_again=True)
    assert again.spending == first.spending  # no noise was drawn, so the reservation is reused
    note_draw(*ledger_of(config), first.spending.run)
    assert not check_remaining_budget(config, load_policy("strict-dp"))[1]  # the result is lost
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"secret": "public"}, "the noise is reproducible"),
        ({"interpolate": {**DP["interpolate"], "total": None, "balance": {"other": 5}}}, "without training records"),
        ({"interpolate": {**DP["interpolate"], "total": 1}}, "1 of 2 classes get no record"),
    ],
)
def test_run_that_must_fail_is_refused_before_the_reservation(project, changes, message):
    config = project.config(**{**DP, **changes})
    with pytest.raises((ConfigError, DataError), match=message):
        Pipeline(config).run()
    assert booked(config) == []


def test_a_damaged_reservation_is_kept_beside_the_new_one(project):
    config = project.config(**with_dp(epsilon=1.0, delta=2e-6))
    first = reserved(config)
    (folder,) = (config.resolve(config.workspace) / "stages").glob("reserve-*")
    for text, message in (("{", "cannot be read as a JSON object"), ("{}", "budget is spent")):
        (folder / "run.json").write_text(text)
        with pytest.raises(StorageError, match=message):
            reserved(config)
    assert not needs_reservation(job_of(config))
    assert reserved(config, spend_again=True).spending.run != first.spending.run
    assert len(booked(config)) == 2


def test_without_a_policy_limit_no_sum_is_limited(project):
    changes = with_dp(epsilon=5.0, delta=2e-6, persons=40_000)
    for seed in (1, 2):
        reserved(project.config(**changes, seed=seed), policy="research")
    assert len(booked(project.config(**changes))) == 2


# Voided reservations


def test_run_with_a_voided_reservation_makes_a_new_one(project):
    config, policy = project.config(**DP), load_policy("strict-dp")
    first = reserved(config).spending.run
    void(*ledger_of(config), first, NOW)
    assert (reserved_run(config), check_remaining_budget(config, policy)[1]) == (None, False)
    assert needs_reservation(job_of(config))
    second = reserved(config).spending.run
    assert second != first
    assert [(one["run"], one["state"]) for one in booked(config)] == [(first, "void"), (second, "reserve")]
    assert reserved(config).spending.run == second == reserved_run(config)
    stages = config.resolve(config.workspace) / "stages"
    (aside,) = stages.glob("reserve-*.before-*")
    (place,) = [path for path in stages.glob("reserve-*") if path != aside]
    shutil.rmtree(place)
    aside.rename(place)  # someone restores the voided reservation
    third = reserved(config).spending.run
    assert third not in {first, second}
    with pytest.raises(InputError, match="was voided"):
        note_draw(*ledger_of(config), first)


def test_voided_reservation_frees_the_budget_that_a_wrong_number_of_persons_locked(project):
    wrong, right = (project.config(**with_dp(epsilon=3.0, delta=1e-6, persons=n)) for n in (25_000, 2_500))
    run = reserved(wrong).spending.run
    with pytest.raises(Overspent):
        reserved(right)
    void(*ledger_of(wrong), run, NOW)
    found = reserved(right)
    assert (found.n_voided, found.others) == (1, ())


@pytest.mark.parametrize("is_void", [False, True])
def test_run_that_was_interrupted_while_it_reserved_continues_unless_voided(project, monkeypatch, is_void):
    config = project.config(**DP)
    with monkeypatch.context() as patch:

        def stopped(*_):
            raise KeyboardInterrupt

        patch.setattr("synthgen.pipeline.workspace.sync", stopped)  # after the entry in the ledger
        with pytest.raises(KeyboardInterrupt):
            reserved(config)
    (run,) = [one["run"] for one in booked(config)]
    assert (named_reservation(config, None), check_remaining_budget(config, load_policy("strict-dp"))[1]) == (
        run,
        True,
    )
    if is_void:
        void(*ledger_of(config), run, NOW)
        assert needs_reservation(job_of(config))
        assert reserved(config).spending.run != run
        assert [one["state"] for one in booked(config)] == ["void", "reserve"]
    else:
        assert not needs_reservation(job_of(config))
        assert reserved(config).spending.run == run
        assert len(booked(config)) == 1


def test_reservation_is_named_by_its_id_or_by_the_configuration(project):
    config, other = project.config(**with_dp(epsilon=1.0)), project.config(**with_dp(epsilon=1.0), seed=99)
    with pytest.raises(UsageError, match="contains no reservation") as refused:
        named_reservation(config, None)
    assert refused.value.hint == "The ledger contains no reservation that can be voided."
    run = reserved(config).spending.run
    for given in (None, run, run[:8]):
        assert named_reservation(config, given) == run
    assert named_reservation(other, run[:12]) == run
    for given, message in (
        (None, "contains no reservation"),
        (run[:7], "fewer than 8 digits"),
        ("0" * 32, "matches 0 reservations"),
        ("", "fewer than 8 digits"),
    ):
        with pytest.raises(UsageError, match=message) as refused:
            named_reservation(other, given)
        assert refused.value.problems == (f"{run}: epsilon 1",)
        assert refused.value.exit_code == 2


def test_stage_of_the_reservation_is_paid():
    assert RESERVE_STAGE.is_paid
