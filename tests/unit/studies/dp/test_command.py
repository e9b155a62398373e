import json
from dataclasses import replace
from pathlib import Path

import pytest

from studies.dp import command
from studies.dp.command import BESIDE, QUICK_MECHANISMS, DpRequest, dp_study
from studies.dp.sets import KINDS
from studies.dp.trial import MECHANISMS
from synthgen.core.errors import DataError
from synthgen.core.progress import silent


@pytest.fixture
def request_(tmp_path):
    sizes = {"persons": (500,), "epsilons": (1.0, 4.0), "seeds": 1, "records": (1200,)}
    return DpRequest(datasets=(), data=None, out=tmp_path, quick=True, mechanisms=tuple(MECHANISMS), **sizes)


def trial_of(wanted, *_):
    scores = {name: {"real": 0.5, "synthetic": 0.4} for name in ("encoder-logistic", "tfidf-linear")}
    fields = {name: getattr(wanted, name) for name in ("data", "persons", "mechanism", "epsilon", "records")}
    return {"settings": fields, "scores": scores, "style_gap": 1.0, "membership": None}


def test_kept_trials_are_not_run_again_and_sets_that_are_too_small_are_excluded(request_, monkeypatch):
    made = []
    monkeypatch.setattr(
        command, "run_trial", lambda wanted, *rest: made.append(wanted.name) or trial_of(wanted, *rest)
    )
    page = dp_study(request_, silent, lambda _line: None)
    assert made == [one.name for one in request_.trials()]
    assert page.read_text().count("| 60 |") == len(made) == len(QUICK_MECHANISMS)
    dp_study(request_, silent, lambda _line: None)
    assert len(made) == len(QUICK_MECHANISMS)
    monkeypatch.setattr(command, "QUICK_PERSONS", (60, 100_000))
    read = command.read_private_sets
    monkeypatch.setattr(command, "read_private_sets", lambda names, data, _n: read(names, data, 300))
    dp_study(request_, silent, lambda _line: None)
    assert len(made) == len(QUICK_MECHANISMS)


def test_the_full_study_requests_every_join_at_every_budget(request_):
    full = replace(request_, quick=False)
    clinic = replace(full, datasets=("clinic",))
    trials = clinic.trials()
    assert [(a.mechanism, a.epsilon) for a in trials] == [
        ("labels alone", 0.01),
        ("smote", 0.0),
        *((name, epsilon) for epsilon in (1.0, 4.0) for name in MECHANISMS if name not in BESIDE),
    ]
    assert len(full.trials()) == len(KINDS) * len(trials)
    few = replace(clinic, mechanisms=("classes",)).trials()
    assert [(a.mechanism, a.epsilon) for a in few] == [("classes", 1.0), ("classes", 4.0)]
    more = replace(clinic, mechanisms=("classes",), records=(1200, 4800)).trials()
    assert [a.records for a in more] == [1200, 1200, 4800, 4800]
    assert len({a.name for a in more}) == 4
    with pytest.raises(DataError, match="unknown mechanisms"):
        dp_study(replace(request_, mechanisms=("magic",)), silent, print)


@pytest.mark.slow
@pytest.mark.models
def test_the_quick_form_ends(study, tmp_path):
    code, output = study("dp", "--quick", "--out", tmp_path / "out")
    assert code == 0, output
    trials = sorted((tmp_path / "out" / "trials").glob("*.json"))
    assert len(trials) == len(QUICK_MECHANISMS)
    assert all(json.loads(Path(path).read_bytes())["train_persons"] > 40 for path in trials)
    assert "| 60 | labels alone | 0 | 12 |" in (tmp_path / "out" / "results.md").read_text()
