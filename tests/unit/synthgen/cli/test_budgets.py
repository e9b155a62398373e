"""`synthgen budget` from the command line, and attempts to misuse `budget void`."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from audits.gate.shipped import load_policy
from audits.ledger.budgets import Cost, Overspent, Spending, note_draw, reserve
from synthgen.cli.main import app
from synthgen.core.errors import UsageError
from synthgen.core.progress import silent
from synthgen.dp import accounting_log, basis, measure, planned_queries
from synthgen.dp.reserve import reserve_budget
from synthgen.pipeline import stage_order
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.secret import FILE
from synthgen.pipeline.workspace import Workspace
from synthgen.release.keys import write_new

DP = {
    "source": {"id": None},
    "interpolate": {"method": "dp-gaussian", "k_neighbors": 5},
    "dp": {"epsilon": 2.5, "delta": 1e-5, "persons": 10},
    "policy": "strict-dp",
    "filter": {"class_agreement": None, "language": None, "length": None},
    "secret": "workspace",
}
NOISE = {"kind": "gaussian", "noise_multiplier": 2.0, "sampling_rate": 1.0, "steps": 1}  # epsilon 1.993 at 1e-5


@pytest.fixture
def project(project):
    """The project with a fixed secret: a random split can leave a class without a train record."""
    root = project.folder / "ws"
    root.mkdir(mode=0o700, exist_ok=True)
    write_new(root / FILE, bytes(range(32)), 0o600)
    return project


@pytest.fixture
def booked(project):
    """Return the path of a configuration whose ledger contains one reservation."""
    config = project.config(**DP)
    spending = Spending(run="ab" * 16, cost=Cost(epsilon=2.5, delta=4e-6), mechanisms=(NOISE,))
    reserve(*ledger_of(config), spending, limit=None)
    return project.write_config(**DP)


def budget(*arguments):
    return CliRunner().invoke(app, ["budget", *map(str, arguments)])


def shown(path):
    return json.loads(budget("show", path, "--json").stdout)


def test_reservations_and_their_joint_cost_are_listed(booked):
    found = budget("show", booked)
    assert found.exit_code == 0
    assert "1 reservations, 0 of them voided" in found.output
    assert "epsilon 2.5, delta 4e-06, reserved, no noise drawn yet" in found.output
    assert "together: epsilon 1.993 at delta 1e-05" in found.output
    assert "limit: epsilon 3, which leaves room for one more run of at most epsilon 2.06" in found.output
    listed = shown(booked)
    assert [(one["epsilon"], one["state"]) for one in listed["reservations"]] == [(2.5, "reserve")]
    assert listed["spent"] == {"delta": 1e-5, "epsilon": pytest.approx(1.993, abs=1e-3)}


def test_check_fails_if_the_remaining_budget_is_too_small(booked, project):
    refused = budget("check", booked).exception
    assert isinstance(refused, Overspent)
    spent = "epsilon: the limit for all runs together is 3; 2.1 is spent, and with this run, 3.507"
    assert refused.problems[0].startswith(spent)
    for epsilon, delta, code in ((1.8, 1e-5, 0), (1.8, 1.1e-5, 5)):  # the sum of both epsilons exceeds 3
        path = project.write_config(**{**DP, "dp": {"epsilon": epsilon, "delta": delta, "persons": 10}})
        checked = budget("check", path)
        assert (checked.exit_code, getattr(checked.exception, "exit_code", 0)) == ((0, 0) if code == 0 else (1, code))
    path = project.write_config(**{**DP, "dp": {"epsilon": 1.8, "delta": 1e-5, "persons": 10}})
    assert "budget already spent: epsilon 1.993 at delta 1e-05 for all runs together" in budget("check", path).output


def test_check_does_not_count_the_own_reservation_until_its_draw_is_lost(project):
    config, path = project.config(**DP), project.write_config(**DP)
    job = Job(config, Workspace(config.resolve(config.workspace)), silent)
    reservation, _ = reserve_budget(job, load_policy("strict-dp"))
    checked = budget("check", path)
    assert checked.exit_code == 0
    assert (
        "epsilon 0 at delta 1e-05 for all runs together (the reservation that this run continues is not included)"
        in checked.output
    )
    other = project.write_config(**{**DP, "seed": 99})
    assert isinstance(budget("check", other).exception, Overspent)  # another run needs a budget of its own
    path = project.write_config(**DP)
    note_draw(*ledger_of(config), reservation.spending.run)  # the drawn noise is lost
    assert isinstance(budget("check", path).exception, Overspent)


def test_unused_reservation_is_voided_once_and_listed(booked):
    assert isinstance(budget("void", booked).exception, UsageError)  # the workspace has no reservation of its own
    voided = budget("void", booked, "--run", "abababababab")
    assert voided.exit_code == 0
    assert "voided at 2" in voided.output
    assert budget("void", booked, "--run", "abababab").output == voided.output  # recorded once
    listed = shown(booked)
    assert [one["state"] for one in listed["reservations"]] == ["void"]
    assert listed["spent"]["epsilon"] == 0
    found = budget("show", booked).output
    assert "1 reservations, 1 of them voided" in found
    assert f"voided, does not count, since {listed['reservations'][0]['time']}" in found
    assert budget("check", booked).exit_code == 0


def test_drawn_reservation_is_not_voided(booked, project):
    note_draw(*ledger_of(project.config(**DP)), "ab" * 16)
    refused = budget("void", booked, "--run", "abababab").exception
    assert isinstance(refused, Overspent)
    assert "its budget is spent" in refused.message
    assert shown(booked)["reservations"][0]["state"] == "draw"


# A script that runs a configuration and kills its own process: the code HOOK replaces `note_draw`.
SCRIPT = """
import os
import numpy as np
from audits.ledger import budgets
from synthgen.dp import basis, planned_queries
vectors = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
public = basis.fit_basis(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
basis.load_basis = lambda _: public
planned_queries.is_public = lambda _: True
drawn = budgets.note_draw

def note_draw(folder, mark, run):
    HOOK

budgets.note_draw = note_draw
from synthgen.cli import main as cli
cli.main()
"""
BEFORE, AFTER = "os._exit(9)", "drawn(folder, mark, run); os._exit(9)"
STOPPED = 9
RUN = ("run", "--until", "interpolate")


def kill(path, hook):
    """Run the configuration until the hook kills the process."""
    given = [sys.executable, "-c", SCRIPT.replace("HOOK", hook), *RUN, str(path)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300)
    assert done.returncode == 9, done.stderr


@pytest.fixture
def command(project, module_at, monkeypatch):
    """Return a function that runs `synthgen`, in this process, and returns its exit code and what it printed.

    A run ends where the writing of texts would begin. The stand-ins for models count as shipped.
    """

    def ended(*_):
        raise SystemExit(0)

    vectors = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    public = basis.fit_basis(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    monkeypatch.setattr(measure, "load_basis", lambda _: public)
    for module in (planned_queries, accounting_log):
        monkeypatch.setattr(module, "is_public", lambda _: True)
    monkeypatch.setattr(stage_order, "write_records", ended)
    run_here = module_at("tests/e2e/conftest.py").run_here

    def call(*arguments):
        done = run_here(project.folder, arguments, {})
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    return call


@pytest.fixture
def stop(command, monkeypatch):
    """Return a function that runs a configuration in this process until noise would be drawn."""

    def stopped(*_):
        raise SystemExit(STOPPED)

    def run(path):
        with monkeypatch.context() as patch:
            patch.setattr(measure, "note_draw", stopped)
            assert command(*RUN, path)[0] == STOPPED

    return run


def states(path):
    return [one["state"] for one in shown(path)["reservations"]]


@pytest.mark.slow
def test_killed_run_is_voided_before_its_draw_but_not_after_it(project, command):
    path = project.write_config(**DP)
    kill(path, BEFORE)
    assert command("budget", "void", path)[0] == 0
    kill(path, AFTER)  # runs under a new reservation, even without `--resume never`
    assert states(path) == ["void", "draw"]
    code, said = command("budget", "void", path)
    assert (code, "cannot be voided" in said) == (5, True)
    assert command(*RUN, path)[0] == command(*RUN, path, "--resume", "never")[0] == 5  # the budget is spent
    assert states(path) == ["void", "draw"]


@pytest.mark.slow
def test_no_use_of_void_gives_back_a_drawn_budget(project, command, stop):
    path, config = project.write_config(**DP), project.config(**DP)
    ledger, stages = ledger_of(config)[0], config.resolve(config.workspace) / "stages"
    stop(path)
    before = (ledger / "attempts.jsonl").read_bytes()
    (reservation,) = stages.glob("reserve-*")
    kept = shutil.copytree(reservation, project.folder / "kept")
    assert command(*RUN, path)[0] == 0
    used = shown(path)["reservations"][0]["run"]

    # void in a copy of the ledger as it was before the draw, or in the ledger itself after it was set back
    whole = (ledger / "attempts.jsonl").read_bytes()
    copy = shutil.copytree(ledger, project.folder / "copy")
    (copy / "attempts.jsonl").write_bytes(before)
    elsewhere = project.folder / "copied.yaml"
    elsewhere.write_text(project.config(**DP, ledger="copy", release={"key": "other/any.pem"}).model_dump_json())
    assert command("budget", "void", elsewhere, "--run", used)[0] == 3
    (ledger / "attempts.jsonl").write_bytes(before)
    code, said = command("budget", "void", path)
    assert (code, "but had" in said) == (3, True)
    (ledger / "attempts.jsonl").write_bytes(whole)

    # remove the result, and void or repeat the draw
    for folder in stages.glob("measure-*"):
        shutil.rmtree(folder)
    assert command("budget", "void", path)[0] == 5
    assert command(*RUN, path)[0] == 5

    # void a further reservation, and exchange its id with the one that was drawn
    small = {**DP, "dp": {**DP["dp"], "epsilon": 0.5}}
    path = project.write_config(**small)
    stop(path)
    (unused,) = [one["run"] for one in shown(path)["reservations"] if one["state"] == "reserve"]
    assert command("budget", "void", path)[0] == 0
    for folder in stages.glob("reserve-*"):
        if json.loads((folder / "run.json").read_text())["run"] == unused:
            shutil.rmtree(folder)
            shutil.copytree(kept, folder)
    assert command(*RUN, path)[0] in {3, 5}
    assert states(path) == ["made", "void"]
    assert shown(path)["spent"]["epsilon"] == pytest.approx(2.5, rel=1e-2)


@pytest.mark.slow
def test_run_whose_input_checks_fail_ends_before_the_reservation(project, command):
    """Every person's record holds the record number of another person, so persons are on both sides."""
    lines = [json.loads(line) for line in (project.folder / "notes.jsonl").read_text().splitlines()]
    people = sorted({line["patient_id"] for line in lines})
    for line in lines:
        line["note"] += f" MRN 00{417331 + people.index(line['patient_id']) // 2}."
    (project.folder / "notes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = project.write_config(**DP)
    code, said = command(*RUN, path)
    assert code == 5
    assert "nothing was reserved" in said
    assert "input checks: " in said
    assert "have a direct identifier of a train person" in said
    assert states(path) == []
