from pathlib import Path

import pytest

from audits.core.errors import PolicyError
from audits.core.types import Table
from audits.ledger.attempts import record_attempt
from synthgen.config import Config
from synthgen.pipeline.institution import (
    ATTEMPT_FILE,
    foreseen_number,
    ledger_of,
    policy_of,
    settings_digest,
    store_attempt,
    stored_attempts,
)


def config(tmp_path, **changes):
    given = {"version": 1, "source": {"path": "n"}, "interpolate": {"total": 3}, **changes}
    return Config.parse(given, base=str(tmp_path))


@pytest.mark.parametrize("key", ["hsm:2?label=officer", "awskms:///alias/releaser", "file2:/run/key.pem"])
def test_the_high_water_mark_of_a_key_uri_is_beside_the_public_key(tmp_path, key):
    named = config(tmp_path, release={"key": key, "public": "safe/r.pub.json"})
    assert ledger_of(named)[1].path == tmp_path / "safe" / "ledger-seen.json"


def test_the_institutions_ledger_is_outside_every_workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_LEDGER", "/institution/ledger")
    for workspace in ("./ws", "./other"):
        assert ledger_of(config(tmp_path, workspace=workspace))[0] == Path("/institution/ledger")
    assert ledger_of(config(tmp_path, ledger="./mine"))[0] == tmp_path / "mine"


def test_the_high_water_mark_is_beside_the_releasers_key(tmp_path):
    ledgers = [config(tmp_path, ledger=name, release={"key": "safe/r.pem"}) for name in ("a", "b")]
    assert {ledger_of(one)[1].path for one in ledgers} == {tmp_path / "safe" / "ledger-seen.json"}


OTHERS = """
name: other
version: "1"
intended_use: inside
statement: For tests alone.
measured: [AUDIT]
rules:
  - {id: records, metric: records.synthetic, bound: value, op: ">=", limit: 12, why: Something must be there.}
approvals: [{role: ROLE, threshold: 1}]
"""


@pytest.mark.parametrize(
    ("audit", "role", "problem", "hint"),
    [
        (
            "memorisation",
            "data_owner",
            "the policy names the audit 'memorisation', which does not exist",
            "memorization",
        ),
        ("membership", "releaser", "approvals: the role 'releaser' cannot approve a release", "privacy_officer"),
        ("membership", "root", "approvals: the role 'root' cannot approve a release", "privacy_officer"),
        ("membership", "data_owner", None, None),
    ],
)
def test_a_policy_that_nobody_can_meet_is_refused_at_the_start(tmp_path, audit, role, problem, hint):
    (tmp_path / "p.yaml").write_text(OTHERS.replace("AUDIT", audit).replace("ROLE", role))
    if problem is None:
        assert policy_of(config(tmp_path, policy="p.yaml")).name == "other"
        return
    with pytest.raises(PolicyError, match="no release can meet the policy 'other'") as caught:
        policy_of(config(tmp_path, policy="p.yaml"))
    assert caught.value.problems == (problem,)
    assert hint in caught.value.hint


def test_a_policy_is_a_file_or_a_shipped_name(new_project):
    assert policy_of(new_project.config()).name == "lenient"
    assert policy_of(new_project.config(policy="research")).name == "research"


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        ({}, True),
        ({"release": {"name": "other"}}, True),
        ({"policy": "open"}, True),
        ({"run": {"on": "ray", "workers": 1}}, True),
        ({"deidentify": {"engine": "rules", "sample": "sample.jsonl"}}, True),
        ({"segments": {"by": "sentences"}}, False),
        ({"seed": 4}, False),
        ({"audit": {"confidence": 0.99}}, False),
        ({"decode": {"temperature": 0.3}}, False),
        ({"filter": {"coherent": "require"}}, False),
    ],
)
def test_settings_that_change_records_or_audits_change_the_digest(project, changed, is_same):
    assert (settings_digest(project.config(**changed)) == settings_digest(project.config())) == is_same


def test_each_change_of_the_segments_changes_the_digest(project):
    segments = {"by": "headings"}, {"by": "sentences"}, {"by": "headings", "least_persons": 6}
    assert len({settings_digest(project.config(segments=each)) for each in segments}) == 3


def test_the_number_is_that_of_the_stored_attempt_with_the_same_settings(project, tmp_path):
    first, second = project.config(), project.config(seed=4)
    control = Table(texts=("She has had a cough for a week.",), labels=None, groups=("p",), has_groups=True)
    attempts = [record_attempt(*ledger_of(first), digest=digest, control=control) for digest in ("a" * 64, "b" * 64)]
    assert (dict(stored_attempts(tmp_path)), foreseen_number(tmp_path, first, 0)) == ({}, 1)
    for config_of, made in zip((first, second), attempts, strict=True):
        store_attempt(tmp_path, config_of, made)
    assert stored_attempts(tmp_path) == dict(zip(map(settings_digest, (first, second)), attempts, strict=True))
    assert [foreseen_number(tmp_path, one, 2) for one in (first, second, project.config(seed=5))] == [1, 2, 3]
    elsewhere = project.config(seed=4, ledger="another")
    assert foreseen_number(tmp_path, elsewhere, 0) == 1  # this ledger has no attempt
    (tmp_path / ATTEMPT_FILE).write_text("{")
    assert stored_attempts(tmp_path) == {}
