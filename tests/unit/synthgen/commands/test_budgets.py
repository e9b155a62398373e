import json

import pytest
from typer.testing import CliRunner

from audits.ledger.budgets import Cost, Spending, reserve
from synthgen.cli import app
from synthgen.core.errors import BudgetError
from synthgen.run.ledger import ledger_of

DP = {
    "source": {"id": None},
    "interpolate": {"method": "dp-gaussian", "k_neighbors": 5}, "dp": {"epsilon": 2.0, "delta": 4e-6, "persons": 40},
    "policy": "strict-dp",
}  # fmt: skip


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
    assert "epsilon 2, delta 4e-06, nothing drawn yet" in told.output
    (one,) = json.loads(CliRunner().invoke(app, ["budget", "show", str(booked), "--json"]).stdout)
    assert (one["epsilon"], one["state"]) == (2.0, "reserve")


def test_a_budget_that_does_not_hold_the_next_run_is_told_before_it(booked, project):
    told = CliRunner().invoke(app, ["budget", "check", str(booked)])
    assert isinstance(told.exception, BudgetError)
    assert "allows 3 in all" in str(told.exception)
    path = project.write_config(**{**DP, "dp": {"epsilon": 0.5, "delta": 9e-6, "persons": 40}})
    assert isinstance(CliRunner().invoke(app, ["budget", "check", str(path)]).exception, BudgetError)  # of delta too
    path = project.write_config(**{**DP, "dp": {"epsilon": 1.0, "delta": 4e-6, "persons": 40}})
    assert CliRunner().invoke(app, ["budget", "check", str(path)]).exit_code == 0
