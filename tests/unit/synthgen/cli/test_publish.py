import io
import json
import os
from dataclasses import replace

import pytest

from audits.core.errors import PolicyError
from audits.gate.shipped import load_policy
from synthgen.cli.publish import REPORT, publish, report_of
from synthgen.core.errors import ConfigError, DataError, ReleaseRefused, StorageError


@pytest.fixture(autouse=True)
def no_passphrase(monkeypatch):
    monkeypatch.delenv("SYNTHGEN_KEY_PASSPHRASE", raising=False)


def release(project, **changes):
    return publish(project.config(**changes), resume="auto", stream=io.StringIO())


def made(project):
    return list((project.folder / "ws").rglob("done.json"))


def test_a_release_names_its_bundle_for_people_and_programs(finished):
    published = release(finished)
    assert published.bundle.parent == finished.folder / "out"
    assert (published.bundle / REPORT).is_file()
    assert json.loads(json.dumps(published.to_json())) == {
        "verdict": "RELEASED",
        "bundle": str(published.bundle),
        "releaseId": published.bundle.name.removeprefix("release-"),
        "policy": "lenient",
        "measured": {"memorization": "INSUFFICIENT"},
    }
    assert "measured without a gate: memorization INSUFFICIENT" in published.to_text()
    text = published.to_text()
    assert text.startswith("RELEASED under policy lenient: For tests alone.")
    assert f"synthgen verify {published.bundle} --trust" in text
    asked = replace(published, policy=load_policy("strict-dp")).to_text()
    assert [line.split(" --")[1] for line in asked.splitlines() if line.startswith("needs approval by 1 ")] == [
        "role privacy_officer",
        "role data_owner",
    ]


def test_a_refusal_leaves_its_report_and_nothing_outside(finished):
    with pytest.raises(ReleaseRefused):
        release(finished, policy="hospital-external")
    assert (finished.folder / "ws" / "report.private.html").is_file()
    assert list((finished.folder / "out").iterdir()) == []


def test_what_would_stop_the_release_is_told_before_any_stage(project):
    (project.folder / "file").write_text("kept")
    with pytest.raises(StorageError, match=r"folder for bundles is not writable .*; no stage was run"):
        release(project, release={"out": "file/out"})
    with pytest.raises(StorageError, match=r"none\.pem: there is no key"):
        release(project, release={"key": "keys/none.pem"})
    with pytest.raises(PolicyError):
        release(project, policy="no-such-policy")
    waivers = [{"gate": "no-such-gate", "by": "Dr A. Officer", "reason": "None."}]
    with pytest.raises(ConfigError, match="gates that the policy does not have"):
        release(project, release={"waivers": waivers})
    assert made(project) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the owner of all files may write everywhere")
def test_a_folder_without_the_right_to_write_is_told(project):
    (project.folder / "out").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="no stage was run"):
        release(project)
    assert made(project) == []


def test_the_report_is_found_by_configuration_workspace_or_bundle(finished):
    config = finished.write_config()
    path = report_of(config)
    assert path == finished.folder / "ws" / "report.private.html"
    assert report_of(finished.folder / "ws") == path
    bundle = release(finished).bundle
    assert report_of(bundle) == bundle / REPORT


def test_the_report_of_a_workspace_is_never_older_than_its_policy(finished):
    report_of(finished.write_config())
    page = finished.folder / "ws" / "report.private.html"
    assert "Released: all" in page.read_text()
    policy = finished.folder / "lenient.yaml"
    policy.write_text(policy.read_text().replace("limit: 7", "limit: 700"))
    assert "Refused: 1 of 1" in report_of(finished.folder / "ws").read_text()
    finished.write_config(policy="research")
    with pytest.raises(DataError, match="changed since its last run"):
        report_of(finished.folder / "ws")


def test_where_there_is_no_report_that_is_said(project):
    with pytest.raises(DataError, match="contains no report"):
        report_of(project.folder)
    with pytest.raises(DataError, match="holds no finished run"):
        report_of(project.write_config())
