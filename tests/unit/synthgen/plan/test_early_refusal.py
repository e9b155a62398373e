import io

import pytest

from audits.ledger.attempts import record_attempt
from synthgen.cli.publish import publish
from synthgen.core.errors import ModelMissing, ReleaseRefused
from synthgen.core.progress import silent
from synthgen.pipeline.institution import ledger_of, store_attempt
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.workspace import Workspace
from synthgen.plan import early_refusal
from synthgen.plan.early_refusal import refuse_unmeetable_policy
from synthgen.plan.plan import estimated_reach, read_parts


def test_a_release_is_refused_before_the_run(project):
    with pytest.raises(ReleaseRefused, match="cannot meet the policy, so no record was made") as caught:
        publish(project.config(policy="hospital-external"), resume="auto", stream=io.StringIO())
    assert any(problem.startswith("audit linkage: there are") for problem in caught.value.problems)
    assert not (project.folder / "ws" / "run.json").exists()
    assert not list((project.folder / "ws").glob("stages/*"))


def test_stored_results_are_judged_and_not_refused(finished):
    refuse_unmeetable_policy(finished.config())
    with pytest.raises(ReleaseRefused, match="cannot meet the policy"):
        refuse_unmeetable_policy(finished.config(policy="hospital-external"))


def test_a_missing_model_is_reported_first(project):
    with pytest.raises(ModelMissing):
        refuse_unmeetable_policy(project.config(policy="hospital-external", embed={"model": "absent"}))


def test_an_interrupted_run_keeps_its_attempt_and_other_settings_need_a_new_one(project, monkeypatch):
    """A stop during the audit leaves the entry in the ledger and in the workspace, but no finished audit."""
    config, attempts = project.config(), []

    def reach(*given):
        attempts.append(given[-1])
        return estimated_reach(*given)

    monkeypatch.setattr(early_refusal, "estimated_reach", reach)
    job = Job(config, Workspace(config.resolve(config.workspace)), silent)
    refuse_unmeetable_policy(config)
    control = as_table(read_parts(job)[2].control, {})
    attempt = record_attempt(*ledger_of(config), digest="a" * 64, control=control)
    refuse_unmeetable_policy(config)
    store_attempt(job.workspace.root, config, attempt)
    for settings in (config, project.config(release={"name": "x"}), project.config(seed=9)):
        refuse_unmeetable_policy(settings)
    assert attempts == [1, 2, 1, 1, 2]
