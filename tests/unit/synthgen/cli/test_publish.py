import io
import json
import os
from dataclasses import replace

import pytest

from audits.core.errors import PolicyError
from audits.gate.shipped import load_policy
from synthgen.cli.publish import REPORT, publish, updated_report
from synthgen.core.errors import DataError, ReleaseRefused, StorageError
from synthgen.pipeline.pipeline import Pipeline
from synthgen.release.run import REPORTED, load_run


@pytest.fixture(autouse=True)
def no_passphrase(monkeypatch):
    monkeypatch.delenv("SYNTHGEN_KEY_PASSPHRASE", raising=False)


def release(project, **changes):
    return publish(project.config(**changes), resume="auto", stream=io.StringIO())


def test_a_release_describes_its_bundle_as_json_and_text(finished):
    published = release(finished)
    bundle, text = published.bundle, published.to_text()
    assert bundle.parent == finished.folder / "out"
    assert (bundle / REPORT).is_file()
    assert json.loads(json.dumps(published.to_json())) == {
        "verdict": "RELEASED",
        "bundle": str(bundle),
        "releaseId": bundle.name.removeprefix("release-"),
        "policy": "lenient",
        "measured": {"memorization": "INSUFFICIENT"},
    }
    assert "verdicts that do not affect the decision: memorization INSUFFICIENT" in text
    assert text.startswith("RELEASED under policy lenient: For tests alone.")
    assert f"synthgen verify {bundle} --trust" in text
    lines = replace(published, policy=load_policy("strict-dp")).to_text().splitlines()
    roles = [line.split(" --")[1] for line in lines if line.startswith("needs approval by 1 ")]
    assert roles == ["role privacy_officer", "role data_owner"]
    assert not any("--review" in line for line in lines)
    lines = replace(published, policy=load_policy("hospital-external")).to_text().splitlines()
    assert all("--review PAGE" in line for line in lines if line.startswith("needs approval"))
    lines = replace(published, policy=load_policy("strict-dp")).to_text().splitlines()
    assert f"the releaser must close the list of approvals: synthgen approve {bundle} --close --key" in "\n".join(
        lines
    )


def test_a_refusal_writes_its_report_and_no_bundle(finished):
    Pipeline(finished.config(policy="hospital-external")).run()
    with pytest.raises(ReleaseRefused, match="not released under policy"):
        release(finished, policy="hospital-external")
    assert (finished.folder / "ws" / "report.private.html").is_file()
    assert not (finished.folder / "out").exists()


def test_invalid_options_raise_an_error_before_any_stage(project, monkeypatch):
    (project.folder / "file").write_text("kept")
    for error, message, changes in (
        (StorageError, r"release\.out: .* is not writable", {"release": {"out": "file/out"}}),
        (StorageError, r"none\.pem: there is no key file at this path", {"release": {"key": "keys/none.pem"}}),
        (PolicyError, "no-such-policy", {"policy": "no-such-policy"}),
    ):
        with pytest.raises(error, match=message):
            release(project, **changes)
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", "not the one it is")
    with pytest.raises(DataError, match=r"releaser\.pem: the key cannot be opened"):
        release(project)
    assert list((project.folder / "ws").rglob("done.json")) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the owner of all files may write everywhere")
def test_an_unwritable_output_folder_raises_an_error_before_any_stage(project):
    (project.folder / "out").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="is not writable"):
        release(project)


def test_the_report_is_found_by_configuration_workspace_or_bundle(finished):
    path = updated_report(finished.write_config())
    assert path == finished.folder / "ws" / "report.private.html"
    assert updated_report(finished.folder / "ws") == path
    bundle = release(finished).bundle
    assert updated_report(bundle) == bundle / REPORT


def test_the_report_of_a_run_from_python_is_found_by_workspace(finished):
    run = load_run(finished.config())
    path = run.write_report(run.decide())
    (finished.folder / "ws" / REPORTED).unlink(missing_ok=True)
    assert updated_report(finished.folder / "ws") == path


def test_the_report_of_a_workspace_is_written_under_the_current_policy(finished):
    assert "Cleared for internal use only" in updated_report(finished.write_config()).read_text()
    policy = finished.folder / "lenient.yaml"
    policy.write_text(policy.read_text().replace("limit: 7", "limit: 700"))
    assert "Refused: 1 of 1" in updated_report(finished.folder / "ws").read_text()
    finished.write_config(policy="research")
    with pytest.raises(DataError, match="changed since its last run"):
        updated_report(finished.folder / "ws")


def test_a_missing_report_raises_an_error(project):
    for target, message in (
        (project.folder, "is not the workspace of a run that has a configuration file"),
        (project.write_config(), "contains no finished run"),
    ):
        with pytest.raises(DataError, match=message):
            updated_report(target)
