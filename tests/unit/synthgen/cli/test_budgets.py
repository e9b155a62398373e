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

EMPTY = Corpus(role="control", records=(), has_groups=True)
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


def budget(*arguments):
    return CliRunner().invoke(app, ["budget", *map(str, arguments)])


def test_reservations_are_listed(booked):
    shown = budget("show", booked)
    assert shown.exit_code == 0
    assert "epsilon 2, delta 4e-06, reserved, no noise drawn yet" in shown.output
    (one,) = json.loads(budget("show", booked, "--json").stdout)
    assert (one["epsilon"], one["state"]) == (2.0, "reserve")


def test_check_fails_if_the_remaining_budget_is_too_small(booked, project):
    refused = budget("check", booked).exception
    assert isinstance(refused, Overspent)
    assert refused.problems == ("epsilon: limit 3, spent 2, requested 2",)
    path = project.write_config(**{**DP, "dp": {"epsilon": 0.5, "delta": 9e-6, "persons": 40}})
    assert isinstance(budget("check", path).exception, Overspent)  # delta is limited as well
    path = project.write_config(**{**DP, "dp": {"epsilon": 1.0, "delta": 4e-6, "persons": 40}})
    assert budget("check", path).exit_code == 0


def test_check_does_not_count_the_own_reservation_until_its_draw_is_lost(project):
    config, path = project.config(**DP), project.write_config(**DP)
    job = Job(config, Workspace(config.resolve(config.workspace)), silent)
    reservation, _ = reserve_budget(job, load_policy("strict-dp"), EMPTY, EMPTY)
    checked = budget("check", path)
    assert checked.exit_code == 0
    assert "epsilon 0, delta 0 (without the reservation of this run)" in checked.output
    other = project.write_config(**{**DP, "seed": 99})
    assert isinstance(budget("check", other).exception, Overspent)  # another run spends its own budget
    path = project.write_config(**DP)
    note_draw(*ledger_of(config), reservation.spending.run)  # the drawn noise is lost
    assert isinstance(budget("check", path).exception, Overspent)
