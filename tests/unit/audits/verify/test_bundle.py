"""The clean bundle passes, and every wrong signed statement is refused with its code.

Numbers in names and comments are cases of the tamper matrix. `test_derived` tests changed files.
"""

import base64
import json
import shutil
from datetime import timedelta

import pytest

from audits.core.strictjson import canonical
from audits.gate.policy import PolicyError, parse_policy
from audits.verify.bundle import STEPS, verify_bundle, verify_for_approval
from audits.verify.contents import REPORT_JSON
from audits.verify.statement import REFUSAL_TYPE

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
    verdicts = "verdicts that do not affect the decision: "
    assert line.startswith(f"4 of 4 gates recomputed from the evidence of attempt 1; {verdicts}")
    assert line.endswith(": membership INSUFFICIENT")
    gates = releases.statement(clean)["predicate"]["gates"]
    shown = {gate["id"]: (gate["gating"], gate["verdict"]) for gate in gates}
    assert shown["audit-membership"] == (False, "INSUFFICIENT")
    assert shown["audit-memorization"] == (True, "PASS")


def test_expected_policy_narrows_and_never_widens(clean, judge, releases):
    own = parse_policy(releases.POLICY.encode(), "t")
    other = parse_policy(releases.APPROVED_POLICY.encode(), "t")
    assert judge(clean, policy=own).ok
    assert judge(clean, policy=other).failure.startswith("E_POLICY")
    assert judge(clean, releases.root(policies=(releases.APPROVED_POLICY,)), policy=own).code == 12
    assert judge(clean, releases.root(policies=()), policy=own).ok
    assert judge(clean, releases.root(policies=())).code == 12
    with pytest.raises(PolicyError, match="no shipped policy 'nowhere'"):
        judge(clean, policy="nowhere")


def test_missing_trust_root_is_refused(clean, releases):
    found = verify_bundle(clean, None, now=releases.LATER)
    assert (found.code, found.failure) == (11, "E_TRUST no trust root was given, so the releaser is unknown")


def test_release_id_is_recomputed(copy, reissue, refused):
    other = {"releaseId": "2026-11-20-000000"}
    reissue(copy, {REPORT_JSON: lambda value: value.update(other)}, with_predicate(**other))
    refused(copy, 10, "manifest", "the release id does not follow from date, evidence, policy and data")


@pytest.mark.parametrize("data", [b"{", b"3"])
def test_report_that_is_not_a_json_object_is_refused(copy, reissue, refused, data):
    (copy / REPORT_JSON).write_bytes(data)
    reissue(copy)
    refused(copy, 12, "gates", f"{REPORT_JSON}: is not a JSON object")


def test_without_approvals_the_result_is_partial(clean, releases):
    found = verify_for_approval(clean, releases.root(), releases.LATER)
    assert (found.ok, found.code, found.verdict) == (False, 20, "PARTIAL")


def renamed_subject(new):
    def change(value):
        value["subject"][0]["name"] = new
        value["subject"].sort(key=lambda subject: subject["name"])

    return change


def with_predicate(**changes):
    return lambda value: value["predicate"].update(changes)


def with_gate(number, **changes):
    return lambda value: value["predicate"]["gates"][number].update(changes)


EPSILON = {"unit": "group", "epsilon": 0.1, "delta": 1e-6, "accountant": "PLD", "sampling": "none"}
# statements that a mistaken or malicious releaser could sign with a valid key
SIGNED = {
    "12-parent-subject": (renamed_subject("../README.md"), "E_EXTRA"),
    "12-absolute-subject": (renamed_subject("/etc/passwd"), "E_EXTRA"),
    "24-other-predicate": (lambda v: v.update(predicateType=REFUSAL_TYPE), "E_PREDICATE"),
    "26-verdict": (with_predicate(verdict="REFUSED"), "E_PREDICATE"),
    "28-gate-dropped": (lambda v: v["predicate"]["gates"].pop(), "E_GATE"),
    "28-gate-softened": (with_gate(-1, threshold=0.1), "E_GATE"),
    "28-shown-as-passed": (with_gate(1, verdict="PASS", value=1.0), "E_GATE"),
    "28-gate-not-gating": (with_gate(0, gating=False), "E_GATE"),
    "28-measured-as-gate": (with_gate(1, gating=True), "E_GATE"),
    "28-no-gates": (with_predicate(gates=[]), "E_GATE"),
    "29-epsilon-invented": (
        with_predicate(privacy={**EPSILON, "mechanism": "dp-gaussian", "decision": "audited"}),
        "E_GATE",
    ),
    "29-epsilon-not-dp": (with_predicate(privacy={**EPSILON, "mechanism": "none+empirical"}), "E_PREDICATE"),
    "41-duplicate-subject": (lambda v: v["subject"].insert(0, v["subject"][0]), "E_SUBJECT"),
    "41-unsorted-subjects": (lambda v: v["subject"].reverse(), "E_SUBJECT"),
    "42-md5-subject": (lambda v: v["subject"][0].update(digest={"md5": "0" * 32}), "E_PREDICATE"),
    "42-second-digest": (lambda v: v["subject"][0]["digest"].update(md5="0" * 32), "E_PREDICATE"),
    "44-future-dated": (with_predicate(timeCreated="2026-11-20T09:06:00Z"), "E_MANIFEST"),
    "58-subject-in-attestation": (renamed_subject("attestation/README.md"), "E_EXTRA"),
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
def test_wrong_signed_statement_is_refused(case, copy, judge, releases):
    change, code = SIGNED[case]
    releases.edit(copy, change)
    found = judge(copy)
    assert not found.ok
    assert found.failure.startswith(code), found.failure


def test_release_dated_before_the_key_of_its_releaser_is_valid_is_refused(copy, releases):
    root = releases.root()
    key = root.keys[releases.RELEASER.keyid].model_copy(update={"valid_from": "2026-11-20T07:00:01Z"})
    root = releases.root(keys={**root.keys, releases.RELEASER.keyid: key})
    found = verify_bundle(copy, root, now=releases.LATER)
    period = f"valid only from 2026-11-20T07:00:01Z to {key.valid_until}"
    signer = f"key {releases.RELEASER.keyid}, which signed it"
    assert found.failure == f"E_TIME the release was made at 2026-11-20T07:00:00Z, but {signer}, is {period}"


def test_a_release_from_the_future_is_refused(copy, releases):
    for minutes, ok in ((5, True), (6, False)):
        found = verify_bundle(copy, releases.root(), now=releases.NOW - timedelta(minutes=minutes))
        assert found.ok == ok
    assert found.failure == "E_TIME the release is dated in the future (2026-11-20T07:00:00Z); check the clock"


AUC = "membership.auc"
TOO_WEAK = ({"value": 0.8, "high": 0.9}, {"n": 50})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda metrics: metrics[AUC].update(n=337), "the evidence is more precise about private counts"),
        *((lambda metrics, w=w: metrics[AUC].update(w), "the evidence does not satisfy") for w in TOO_WEAK),  # 26, 27
        (lambda metrics: metrics.pop(AUC), "the evidence does not satisfy"),  # 27
    ],
)
def test_gates_are_recomputed_from_the_evidence(copy, judge, reissue, change, message):
    reissue(copy, {METRICS: lambda v: change(v["metrics"])})
    assert judge(copy).failure.startswith(f"E_GATE {message}")


def test_not_a_number_in_evidence_is_refused(copy, judge, releases):
    data = (copy / METRICS).read_bytes()
    (copy / METRICS).write_bytes(data.replace(b'"value":0.55', b'"value":NaN'))
    releases.edit(copy, lambda v: None)
    assert judge(copy).failure.startswith("E_GATE")


def test_a_weaker_policy_in_the_bundle_is_refused(copy, judge, releases):
    weak = parse_policy(releases.POLICY.replace("limit: 0.75", "limit: 0.99").encode(), "t")
    (copy / "policy/policy.json").write_bytes(weak.to_bytes())
    releases.edit(copy, lambda v: v["predicate"]["policy"]["digest"].update(sha256=weak.digest()))
    assert judge(copy).failure.startswith("E_POLICY policy trial: differs")


@pytest.mark.parametrize(
    ("failure", "name"), [(f"E_MISSING {name}", name) for name in ("README.md", "data/", "provenance/run.json")]
)
def test_required_file_that_is_neither_signed_nor_present_is_refused(copy, judge, releases, name, failure):
    if name.endswith("/"):
        shutil.rmtree(copy / name)
    else:
        (copy / name).unlink()
    releases.edit(copy, lambda v: v.update(subject=[s for s in v["subject"] if not s["name"].startswith(name)]))
    assert judge(copy).failure.startswith(failure)


# --- signatures and envelopes


def test_payload_edited_without_signing(copy, judge):  # 15
    value = json.loads((copy / ENVELOPE).read_bytes())
    payload = base64.b64decode(value["payload"]).replace(b'"RELEASED"', b'"RELEASEd"')
    value["payload"] = base64.b64encode(payload).decode()
    (copy / ENVELOPE).write_bytes(canonical(value))
    assert judge(copy).failure.startswith("E_SIG")


def test_unknown_key_and_key_of_another_role(copy, judge, releases):  # 16, 18
    for keys in ((releases.UNTRUSTED,), (releases.OFFICER,), (releases.RELEASER, releases.UNTRUSTED)):
        releases.edit(copy, lambda v: None, keys=keys)
        assert judge(copy).failure.startswith("E_SIG")


def test_unknown_key_under_a_trusted_keyid(copy, judge, releases):  # 17
    releases.edit(copy, lambda v: None, keys=(releases.UNTRUSTED,))
    file = copy / ENVELOPE
    file.write_bytes(file.read_bytes().replace(releases.UNTRUSTED.keyid.encode(), releases.RELEASER.keyid.encode()))
    assert judge(copy).failure.startswith("E_SIG")


def test_malleated_signature(copy, judge):  # 19: S + L satisfies the same equation as S and must be refused
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
    verdict = b'"verdict":"RELEASED"'
    for payload in (good + b" ", good.replace(verdict, verdict + b"," + verdict), b"\xff"):
        releases.resign(copy, payload=payload)
        assert judge(copy).failure.startswith("E_JSON")


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
    assert verify_bundle(clean, late, now=now + 3 * year).failure.startswith("E_TIME the release expired")
    revoked = ({"keyid": releases.RELEASER.keyid, "since": "2026-11-20T00:00:00Z", "reason": "lost"},)
    assert verify_bundle(clean, releases.root(revoked=revoked), now=now).failure.startswith("E_REVOKED")
    for window in ({"end": now}, {"start": now + timedelta(seconds=1)}):
        key = releases.signing_key("R. Releaser", **window)
        aged = releases.root(keys={**root.keys, key.keyid: key.public})
        assert verify_bundle(clean, aged, now=now).failure.startswith("E_KEY_EXPIRED")


def test_min_tool_version(clean, judge, releases):
    assert judge(clean, releases.root(min_tool_version="0.1.0")).ok
    assert judge(clean, releases.root(min_tool_version="99.0.0")).failure.startswith("E_TRUST")
