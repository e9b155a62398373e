"""Tests of `synthgen shadow`: reruns, the audit of the reruns, and resuming."""

import json
import shutil
from pathlib import Path

import pytest

from audits.attacks.shadow import attack as judged_by
from audits.core.errors import InputError
from synthgen.cli import shadow as module
from synthgen.cli.shadow import ShadowRequest, shadow
from synthgen.cli.start import start
from synthgen.core.errors import DataError, Interrupted
from synthgen.core.progress import silent
from synthgen.pipeline.pipeline import Pipeline

TOTAL = {"interpolate": {"total": 36}}
QUICK = ShadowRequest(runs=32, persons=None, quick=True)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(judged_by, "TREES", 3)


@pytest.fixture(scope="module")
def many(new_project, tmp_path_factory):
    """A finished run of more patients, so that persons can be compared."""
    folder = tmp_path_factory.mktemp("many") / "trial"
    start(folder, "clinic", patients=110)
    for name in ("models", "lenient.yaml"):
        (folder / name).symlink_to(new_project.folder / name)
    project = type(new_project)(folder)
    Pipeline(project.config(**TOTAL)).run()
    return project


@pytest.fixture
def finished(many, tmp_path):
    return type(many)(Path(shutil.copytree(many.folder, tmp_path / "trial", symlinks=True)))


def ask(project, request=QUICK):
    said = []
    return shadow(project.config(**TOTAL), request, silent, said.append), said


@pytest.mark.slow
def test_the_quick_form_shows_nothing_and_says_so(finished):
    found, said = ask(finished)
    assert not found.passed
    assert found.report.results[0].verdict == "insufficient"
    assert found.report.results[0].estimate.n == 8
    assert said[0].startswith("8 reruns for 1 persons, each left out of 4; 8 reruns remain")
    assert said[1:] == [f"rerun {i} of 8" for i in range(1, 9)]
    assert found.path.parent.parent == finished.folder / "ws" / "shadow"
    assert json.loads(found.path.read_bytes()) == found.to_json()
    assert found.to_text().startswith("shadow: insufficient.")
    assert "8 reruns, 4 without each of 1 persons, are inconclusive" in found.to_text()


@pytest.mark.slow
def test_what_is_there_is_not_made_again(finished, monkeypatch):
    first, _ = ask(finished)
    table = first.path.parent / "synthetic" / "005.parquet"
    table.unlink()
    calls, rerun = [], module.rerun
    monkeypatch.setattr(module, "rerun", lambda *args: (calls.append(args[4]), rerun(*args)))
    again, said = ask(finished)
    assert calls == [5]
    assert "1 reruns remain" in said[0]
    assert again.to_json() == first.to_json()


def test_persons_left_out_are_those_of_the_plan(finished, monkeypatch):
    given = {}

    def stop(_job, train, _vectors, leave_out, number, _folder):
        given[number] = (leave_out, {r.group for r in train.records})
        if number == 7:
            raise Interrupted("stopped")

    monkeypatch.setattr(module, "rerun", stop)
    with pytest.raises(Interrupted):
        ask(finished, ShadowRequest(runs=8, persons=2, quick=False))
    named = set.union(*(set(out) for out, _ in given.values()))
    assert len(named) == 2
    assert all(named <= persons for _, persons in given.values())
    assert sorted(sum(name in out for out, _ in given.values()) for name in named) == [4, 4]


def test_other_numbers_do_not_mix(finished, monkeypatch):
    monkeypatch.setattr(module, "judge_shadow", lambda folder, *_args, **_more: folder)
    monkeypatch.setattr(module, "rerun", lambda *_: None)
    folders = {
        ask(finished, ShadowRequest(runs=r, persons=p, quick=False))[0].report for r, p in ((8, 1), (8, 2), (16, 1))
    }
    assert len(folders) == 3


def test_impossible_numbers_are_refused_before_any_rerun(finished, monkeypatch):
    monkeypatch.setattr(module, "rerun", lambda *_: pytest.fail("a rerun was made"))
    with pytest.raises(InputError, match="multiple of 8"):
        ask(finished, ShadowRequest(runs=12, persons=None, quick=False))


def test_a_run_must_be_there(project):
    with pytest.raises(DataError, match="holds no finished run"):
        ask(project)
