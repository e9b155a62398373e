import pytest

from synthgen.core.errors import DataError
from synthgen.release.run import load_run
from synthgen.run.finished import policy_file


def test_a_stage_that_did_not_run_has_no_folder(run_project):
    run = load_run(run_project.config())
    assert (run.folder("audit") / "evidence.json").is_file()
    with pytest.raises(DataError, match="no stage 'paint'"):
        run.folder("paint")


def test_a_policy_is_a_file_of_ones_own_or_a_shipped_name(new_project):
    assert policy_file(new_project.config()) == new_project.folder / "lenient.yaml"
    assert policy_file(new_project.config(policy="research")).name == "research.yaml"
