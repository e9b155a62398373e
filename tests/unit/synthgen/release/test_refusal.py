import pytest

from audits.gate.policy import decide
from audits.verify.bundle import verify_bundle
from synthgen.core.errors import InternalError
from synthgen.release.refusal import write_refusal


def refused(releases):
    policy = releases.policy_of(releases.POLICY.replace("limit: 0.75", "limit: 0.55"))
    evidence = releases.content().evidence
    return {
        "decision": decide(evidence, policy),
        "policy": policy,
        "evidence": evidence,
        "remedies": ("a: b",),
        "advice": ("Look.",),
    }


def test_refusal_is_signed_and_private_and_lists_its_reasons(releases, tmp_path):
    path = write_refusal(tmp_path, **refused(releases), key=releases.RELEASER, now=releases.NOW)
    files = {f.relative_to(path).as_posix(): f.stat().st_mode & 0o777 for f in path.rglob("*") if f.is_file()}
    names = ("README.md", "evidence/metrics.json", "policy/policy.json", "refusal.dsse.json")
    assert files == dict.fromkeys(names, 0o600)
    predicate = releases.statement(path, "refusal.dsse.json")["predicate"]
    assert (predicate["verdict"], predicate["reasons"]) == ("REFUSED", ["auc: FAIL: 0.6 <= 0.55 does not hold"])
    readme = (path / "README.md").read_text()
    assert "\n\n- a: b\n\ngates: 3 of 4 passed\n" in readme
    assert readme.endswith("\n\nLook.\n")
    (path / "attestation").mkdir()
    (path / "refusal.dsse.json").rename(path / "attestation/release.dsse.json")
    assert verify_bundle(path, releases.root(), now=releases.LATER).failure.startswith("E_PREDICATE")


def test_refusal_needs_the_negative_decision_of_its_evidence(releases, tmp_path):
    content = releases.content()
    allowed = {
        "decision": content.decision,
        "policy": content.policy,
        "evidence": content.evidence,
        "remedies": (),
        "advice": (),
    }
    for wrong in (allowed, {**refused(releases), "policy": content.policy}):
        with pytest.raises(InternalError):
            write_refusal(tmp_path, **wrong, key=releases.RELEASER, now=releases.NOW)
    assert list(tmp_path.iterdir()) == []
