import json

import pytest
from typer.testing import CliRunner

from audits.gate.shipped import load_policy
from audits.ledger.budgets import Cost, Overspent, Spending, note_draw, reserve
from synthgen.cli.main import app
from synthgen.core.progress import silent
from synthgen.core.types import Corpus
from synthgen.dp.reserve import reserve_budget
from synthgen.pipeline.job import Job
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.workspace import Workspace

NOBODY = Corpus(role="control", records=(), has_groups=True)
DP = {
    "source": {"id": None},
    "interpolate": {"method": "dp-gaussian", "k_neighbors": 5},
    "dp": {"epsilon": 2.0, "delta": 4e-6, "persons": 40},
    "policy": "strict-dp",
}


@pytest.fixture
def booked(project):
    """The file of a configuration whose ledger has paid once."""
    config = project.config(**DP)
    spending = Spending(run="ab" * 16, cost=Cost(epsilon=2.0, delta=4e-6), mechanisms=())
    reserve(*ledger_of(config), spending, most=None)
    return project.write_config(**DP)


def test_what_was_spent_is_listed(booked):
    told = CliRunner().invoke(app, ["budget", "show", str(booked)])
    assert told.exit_code == 0
    assert "epsilon 2, delta 4e-06, reserved, no noise drawn yet" in told.output
    (one,) = json.loads(CliRunner().invoke(app, ["budget", "show", str(booked), "--json"]).stdout)
    assert (one["epsilon"], one["state"]) == (2.0, "reserve")


def test_a_budget_that_does_not_hold_the_next_run_is_told_before_it(booked, project):
    told = CliRunner().invoke(app, ["budget", "check", str(booked)])
    assert isinstance(told.exception, Overspent)
    assert told.exception.problems == ("epsilon: limit 3, spent 2, requested 2",)
    path = project.write_config(**{**DP, "dp": {"epsilon": 0.5, "delta": 9e-6, "persons": 40}})
    assert isinstance(CliRunner().invoke(app, ["budget", "check", str(path)]).exception, Overspent)  # of delta too
    path = project.write_config(**{**DP, "dp": {"epsilon": 1.0, "delta": 4e-6, "persons": 40}})
    assert CliRunner().invoke(app, ["budget", "check", str(path)]).exit_code == 0


def test_what_a_run_reserved_itself_is_not_priced_anew_until_it_is_lost(project):
    config, path = project.config(**DP), project.write_config(**DP)
    job = Job(config, Workspace(config.resolve(config.workspace)), silent)
    reservation, _ = reserve_budget(job, load_policy("strict-dp"), NOBODY, NOBODY)

    def check(file):
        return CliRunner().invoke(app, ["budget", "check", str(file)])

    told = check(path)
    assert told.exit_code == 0
    assert "epsilon 0, delta 0 (without the reservation of this run)" in told.output
    other = project.write_config(**{**DP, "seed": 99})
    assert isinstance(check(other).exception, Overspent)  # another run, so it pays as well
    path = project.write_config(**DP)
    note_draw(*ledger_of(config), reservation.spending.run)  # and what it drew is lost
    assert isinstance(check(path).exception, Overspent)
