from dataclasses import replace

import pytest

from audits.gate.shipped import load_policy
from synthgen.core.errors import UsageError
from synthgen.pipeline.policy import policy_file
from synthgen.release.run import load_run


def test_a_policy_is_a_file_or_a_shipped_name(new_project):
    assert policy_file(new_project.config()) == new_project.folder / "lenient.yaml"
    assert policy_file(new_project.config(policy="research")).name == "research.yaml"


def test_a_decision_must_belong_to_the_run_and_its_policy(run_project):
    run = load_run(run_project.config())
    run.check_decision(run.decide())
    with pytest.raises(UsageError, match="the decision uses policy 'research' version 6"):
        run.check_decision(run.decide(load_policy("research")))
    with pytest.raises(UsageError, match="not made on this run's evidence"):
        run.check_decision(replace(run.decide(), evidence_digest="0" * 64))
