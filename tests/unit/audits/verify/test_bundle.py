"""Every way a signed statement can be wrong, each with its code; and the clean bundle passes.

What can be wrong with the files themselves is in test_verify_tamper.
"""

import base64
import hashlib
import json
import shutil
from datetime import timedelta

import pytest

from audits.core.strictjson import canonical
from audits.gate.policy import PolicyError, parse_policy
from audits.verify.bundle import STEPS, verify_bundle, verify_for_approval

ENVELOPE = "attestation/release.dsse.json"
METRICS = "evidence/metrics.json"


def test_a_clean_bundle_verifies_with_every_step(clean, judge):
    found = judge(clean)
    assert (found.ok, found.code, found.verdict) == (True, 0, "VERIFIED")
    assert [check.id for check in found.checks] == [name for name, _ in STEPS]
    assert found.failure == ""
    assert found.to_json()["checks"][0] == {"id": "paths", "ok": True, "detail": found.checks[0].detail}


def test_gates_step_lists_audits_that_do_not_gate(clean, judge, releases):
    (line,) = [check.detail for check in judge(clean).checks if check.id == "gates"]
    assert (
        line
        == "4 of 4 gates recomputed from the evidence of attempt 1; measured without gating: membership INSUFFICIENT"
    )
    shown = {
        gate["id"]: (gate["gating"], gate["verdict"]) for gate in releases.statement(clean)["predicate"]["gates"]
    }
    assert shown["audit-membership"] == (False, "INSUFFICIENT")
    assert shown["audit-memorization"] == (True, "PASS")


def test_the_expected_policy_narrows_and_never_widens(clean, judge, releases):
    own = parse_policy(releases.POLICY.encode(), "t")
    other = parse_policy(releases.APPROVED_POLICY.encode(), "t")
    assert judge(clean, policy=own).ok
    assert judge(clean, policy=other).failure.startswith("E_POLICY")
    assert judge(clean, releases.root(policies=(releases.APPROVED_POLICY,)), policy=own).code == 12
    assert judge(clean, releases.root(policies=()), policy=own).ok
    assert judge(clean, releases.root(policies=())).code == 12
    with pytest.raises(PolicyError, match="no policy 'nowhere'"):
        judge(clean, policy="nowhere")


def test_without_the_approvals_it_is_partial_and_not_ok(clean, releases):
    found = verify_for_approval(clean, releases.root(), releases.LATER)
    assert (found.ok, found.code, found.verdict) == (False, 20, "PARTIAL")


def renamed_subject(new):
    def change(value):
        value["subject"][0]["name"] = new
        value["subject"].sort(key=lambda subject: subject["name"])

    return change


def with_predicate(**changes):
    return lambda value: value["predicate"].update(changes)


def dropped_gate(value):
    value["predicate"]["gates"].pop()


def softened_gate(value):
    value["predicate"]["gates"][-1]["threshold"] = 0.1


def md5_subject(value):
    value["subject"][0]["digest"] = {"md5": "0" * 32}


def also_md5(value):
    value["subject"][0]["digest"]["md5"] = "0" * 32


# what a releaser could sign, wrongly or wickedly, with a good key
SIGNED = {
    "12-parent-subject": (renamed_subject("../README.md"), "E_UNSAFE"),
    "12-absolute-subject": (renamed_subject("/etc/passwd"), "E_UNSAFE"),
    "24-other-predicate": (
        lambda v: v.update(predicateType=v["predicateType"].replace("release", "refusal")),
        "E_PREDICATE",
    ),
    "26-verdict": (with_predicate(verdict="REFUSED"), "E_PREDICATE"),
    "28-gate-dropped": (dropped_gate, "E_GATE"),
    "28-gate-softened": (softened_gate, "E_GATE"),
    "28-shown-as-passed": (lambda v: v["predicate"]["gates"][1].update(verdict="PASS", value=1.0), "E_GATE"),
    "28-gate-not-gating": (lambda v: v["predicate"]["gates"][0].update(gating=False), "E_GATE"),
    "28-measured-as-gate": (lambda v: v["predicate"]["gates"][1].update(gating=True), "E_GATE"),
    "28-no-gates": (with_predicate(gates=[]), "E_GATE"),
    "29-epsilon-invented": (
        with_predicate(privacy={"mechanism": "dp-gaussian", "unit": "group", "epsilon": 0.1, "delta": 1e-6}),
        "E_GATE",
    ),
    "29-epsilon-without-mechanism": (
        with_predicate(privacy={"mechanism": "none+empirical", "unit": "group", "epsilon": 0.1}),
        "E_PREDICATE",
    ),
    "41-duplicate-subject": (lambda v: v["subject"].insert(0, v["subject"][0]), "E_SUBJECT"),
    "41-unsorted-subjects": (lambda v: v["subject"].reverse(), "E_SUBJECT"),
    "42-md5-subject": (md5_subject, "E_PREDICATE"),
    "42-second-digest": (also_md5, "E_PREDICATE"),
    "44-future-dated": (with_predicate(timeCreated="2026-11-20T09:06:00Z"), "E_TIME"),
    "58-subject-in-attestation": (renamed_subject("attestation/README.md"), "E_SUBJECT"),
    "59-expired": (with_predicate(expires="2026-11-20T08:00:00Z"), "E_TIME"),
    "59-never-expires": (with_predicate(expires=None), "E_TIME"),
    "59-longer-than-policy": (with_predicate(expires="2036-11-20T08:00:00Z"), "E_TIME"),
    "60-odd-time": (with_predicate(timeCreated="2026-11-20 07:00:00"), "E_PREDICATE"),
    "65-other-policy-named": (lambda v: v["predicate"]["policy"].update(name="partner"), "E_POLICY"),
    "65-other-policy-version": (lambda v: v["predicate"]["policy"].update(version="4"), "E_POLICY"),
    "65-other-policy-digest": (lambda v: v["predicate"]["policy"]["digest"].update(sha256="0" * 64), "E_POLICY"),
    "use-widened": (lambda v: v["predicate"]["use"].update(scope="outside"), "E_POLICY"),
    "approvals-dropped": (with_predicate(approvalsRequired=[{"role": "nobody", "threshold": 1}]), "E_POLICY"),
    "models-dropped": (with_predicate(models=[]), "E_POLICY"),
    "inputs-dropped": (with_predicate(inputs=[]), "E_POLICY"),
    "config-of-another": (lambda v: v["predicate"]["config"]["digest"].update(sha256="0" * 64), "E_POLICY"),
    "evidence-of-another": (lambda v: v["predicate"]["evidence"][0]["digest"].update(sha256="0" * 64), "E_GATE"),
    "records-miscounted": (lambda v: v["predicate"]["dataset"].update(records=12), "E_GATE"),
    "unknown-field": (with_predicate(note="x"), "E_PREDICATE"),
    "unlisted-file": (lambda v: v["subject"].pop(0), "E_EXTRA"),
    "older-schema": (with_predicate(schemaVersion="0.9.0"), "E_PREDICATE"),
}


@pytest.mark.parametrize("case", sorted(SIGNED))
def test_a_wrong_statement_is_refused_though_well_signed(case, copy, judge, releases):
    change, code = SIGNED[case]
    releases.edit(copy, change)
    found = judge(copy)
    assert not found.ok
    assert found.failure.startswith(code), found.failure


def rewrite(copy, name, change):
    value = json.loads((copy / name).read_bytes())
    change(value)
    (copy / name).write_bytes(canonical(value))


def worse(value):
    value["metrics"]["membership.auc"].update(value=0.8, high=0.9)


def gone(value):
    del value["metrics"]["membership.auc"]


def few(value):
    value["metrics"]["membership.auc"]["n"] = 50


EVIDENCE = {"26-worse": worse, "27-missing": gone, "27-too-few": few}


def test_evidence_finer_than_the_policy_discloses_is_refused(copy, judge, releases):
    def telling(value):
        value["metrics"]["membership.auc"]["n"] = 337

    rewrite(copy, METRICS, telling)
    digest = hashlib.sha256((copy / METRICS).read_bytes()).hexdigest()
    releases.edit(copy, lambda v: v["predicate"]["evidence"][0]["digest"].update(sha256=digest))
    assert judge(copy).failure.startswith("E_GATE the evidence is more precise about private counts")


@pytest.mark.parametrize("case", sorted(EVIDENCE))
def test_gates_are_recomputed_from_the_evidence(case, copy, judge, releases):
    rewrite(copy, METRICS, EVIDENCE[case])
    digest = hashlib.sha256((copy / METRICS).read_bytes()).hexdigest()
    releases.edit(copy, lambda v: v["predicate"]["evidence"][0]["digest"].update(sha256=digest))
    assert judge(copy).failure.startswith("E_GATE the evidence does not satisfy")


def test_not_a_number_in_evidence_is_refused(copy, judge, releases):
    data = (copy / METRICS).read_bytes()
    (copy / METRICS).write_bytes(data.replace(b'"value":0.55', b'"value":NaN'))
    releases.edit(copy, lambda v: None)
    assert judge(copy).failure.startswith("E_GATE")


def test_a_report_that_says_something_else_is_refused(copy, judge, releases):
    rewrite(copy, "report/report.json", lambda v: v["audit"]["results"][1]["details"]["auc"].update(high=0.57))
    releases.edit(copy, lambda v: None)
    assert judge(copy).failure.startswith("E_GATE")
    rewrite(copy, "report/report.json", lambda v: v.pop("audit"))
    releases.edit(copy, lambda v: None)
    assert judge(copy).failure.startswith("E_GATE")


def test_a_weaker_policy_in_the_bundle_is_refused(copy, judge, releases):
    weak = parse_policy(releases.POLICY.replace("limit: 0.75", "limit: 0.99").encode(), "t")
    (copy / "policy/policy.json").write_bytes(weak.to_bytes())
    releases.edit(copy, lambda v: v["predicate"]["policy"]["digest"].update(sha256=weak.digest()))
    assert judge(copy).failure.startswith("E_POLICY policy trial: differs")


def test_policy_files_that_differ_are_refused(copy, judge, releases):
    file = copy / "policy/policy.yaml"
    file.write_text(file.read_text().replace("limit: 0.75", "limit: 0.70"))
    releases.edit(copy, lambda v: None)
    assert judge(copy).failure.startswith("E_POLICY policy/policy.yaml")
    file.write_text("&a b: *a")
    releases.edit(copy, lambda v: None)
    assert judge(copy).failure.startswith("E_POLICY")


def test_missing_provenance_is_refused(copy, judge, releases):
    (copy / "provenance/run.json").unlink()
    releases.edit(copy, lambda v: v.update(subject=[s for s in v["subject"] if s["name"] != "provenance/run.json"]))
    assert judge(copy).failure.startswith("E_POLICY provenance/run.json")


def test_a_needed_file_neither_signed_nor_there_is_refused(copy, judge, releases):
    (copy / "README.md").unlink()
    releases.edit(copy, lambda v: v.update(subject=[s for s in v["subject"] if s["name"] != "README.md"]))
    assert judge(copy).failure.startswith("E_MISSING README.md")


def test_no_data_is_refused(copy, judge, releases):
    shutil.rmtree(copy / "data")
    releases.edit(copy, lambda v: v.update(subject=[s for s in v["subject"] if not s["name"].startswith("data/")]))
    assert judge(copy).failure.startswith("E_MISSING data/")


# --- signatures and envelopes


def test_payload_edited_without_signing(copy, judge):  # 15
    value = json.loads((copy / ENVELOPE).read_bytes())
    payload = base64.b64decode(value["payload"]).replace(b'"RELEASED"', b'"RELEASEd"')
    value["payload"] = base64.b64encode(payload).decode()
    (copy / ENVELOPE).write_bytes(canonical(value))
    assert judge(copy).failure.startswith("E_SIG")


def test_unknown_key_and_key_of_another_role(copy, judge, releases):  # 16, 18
    for key in (releases.STRANGER, releases.OFFICER):
        releases.edit(copy, lambda v: None, keys=(key,))
        assert judge(copy).failure.startswith("E_SIG")
    releases.edit(copy, lambda v: None, keys=(releases.RELEASER, releases.STRANGER))
    assert judge(copy).failure.startswith("E_SIG")


def test_unknown_key_under_a_trusted_keyid(copy, judge, releases):  # 17
    releases.edit(copy, lambda v: None, keys=(releases.STRANGER,))
    file = copy / ENVELOPE
    file.write_bytes(file.read_bytes().replace(releases.STRANGER.keyid.encode(), releases.RELEASER.keyid.encode()))
    assert judge(copy).failure.startswith("E_SIG")


def test_malleated_signature(copy, judge):  # 19: S + L is the same equation and must not be the same signature
    order = 2**252 + 27742317777372353535851937790883648493
    value = json.loads((copy / ENVELOPE).read_bytes())
    signature = base64.b64decode(value["signatures"][0]["sig"])
    s = int.from_bytes(signature[32:], "little") + order
    value["signatures"][0]["sig"] = base64.b64encode(signature[:32] + s.to_bytes(32, "little")).decode()
    (copy / ENVELOPE).write_bytes(canonical(value))
    assert judge(copy).failure.startswith("E_SIG")


def test_other_payload_type(copy, judge, releases):  # 20
    releases.edit(copy, lambda v: None, payload_type="application/json")
    assert judge(copy).failure.startswith("E_PREDICATE")


def test_payloads_that_are_not_canonical(copy, judge, releases):  # 22, 23
    good = canonical(releases.statement(copy))
    for payload in (
        good + b" ",
        good.replace(b'"verdict":"RELEASED"', b'"verdict":"RELEASED","verdict":"RELEASED"'),
        b"\xff",
    ):
        releases.resign(copy, payload=payload)
        assert judge(copy).failure.startswith("E_JSON")


def test_a_refusal_can_never_pass_for_a_release(copy, judge, releases):
    value = releases.statement(copy)
    value["predicateType"] = value["predicateType"].replace("release", "refusal")
    releases.resign(copy, value)
    assert judge(copy).failure.startswith("E_PREDICATE")


def test_threshold_of_two_releasers(copy, judge, releases):
    second = releases.signing_key("Second Releaser")
    keys = {key.keyid: key.public for key in (releases.RELEASER, second)}
    root = releases.root(keys=keys, roles={"releaser": {"keyids": tuple(keys), "threshold": 2}})
    assert judge(copy, root).failure.startswith("E_SIG")
    releases.edit(copy, lambda v: None, keys=(releases.RELEASER, second))
    assert judge(copy, root).ok


# --- trust root and time


def test_no_bundle_and_no_trust_root(tmp_path, clean, judge):
    assert judge(tmp_path / "nowhere").failure.startswith("E_MISSING")
    assert judge(clean / "README.md").failure.startswith("E_UNSAFE")
    assert judge(clean, tmp_path / "nowhere.json").failure.startswith("E_TRUST")


def test_key_expired_not_yet_valid_revoked_and_root_expired(clean, releases):  # 35, 36, 37
    root, now = releases.root(), releases.LATER
    late = releases.root(expires="2036-01-01T00:00:00Z")
    year = timedelta(days=366)
    assert verify_bundle(clean, root, now=now + year).failure.startswith("E_TIME the trust root")
    assert verify_bundle(clean, late, now=now + 3 * year).failure.startswith("E_TIME expired")
    revoked = ({"keyid": releases.RELEASER.keyid, "since": "2026-11-20T00:00:00Z", "reason": "lost"},)
    assert verify_bundle(clean, releases.root(revoked=revoked), now=now).failure.startswith("E_REVOKED")
    for window in ({"end": now}, {"start": now + timedelta(seconds=1)}):
        key = releases.signing_key("R. Releaser", **window)
        aged = releases.root(keys={**root.keys, key.keyid: key.public})
        assert verify_bundle(clean, aged, now=now).failure.startswith("E_KEY_EXPIRED")


def test_min_tool_version(clean, judge, releases):
    assert judge(clean, releases.root(min_tool_version="0.1.0")).ok
    assert judge(clean, releases.root(min_tool_version="99.0.0")).failure.startswith("E_TRUST")
