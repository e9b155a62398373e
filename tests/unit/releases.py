"""Keys, trust roots and small real bundles for tests of release and verify; nothing here is a mock."""

import base64
import functools
import hashlib
import json
from datetime import UTC, datetime, timedelta

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.core.instants import stamp
from audits.core.strictjson import canonical, parse
from audits.core.types import Estimate
from audits.gate.disclosure import public_evidence
from audits.gate.evidence import evidence_from, records_digest
from audits.gate.policy import decide, parse_policy
from audits.verify.bundle import ENVELOPE
from audits.verify.gates import limitations, non_private_steps
from audits.verify.mechanism import CHECKED
from audits.verify.publickeys import keyid
from audits.verify.statement import PAYLOAD_TYPE
from audits.verify.trust import TrustKey, TrustRoot
from audits.verify.vocabulary import public_config
from synthgen.config import Config
from synthgen.release.bundle import write_bundle
from synthgen.release.commitment import commit_records
from synthgen.release.content import NO_DP, BundleContent
from synthgen.release.keys import SigningKey
from synthgen.release.sign import public_bytes, sign

NOW = datetime(2026, 11, 20, 7, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
DAY = timedelta(days=1)
CANARY = "ZEBRA-4711 Wilhelmina"

POLICY = """
name: trial
version: "3"
intended_use: inside
statement: For use inside the institution, not shown to be safe outside.
required: [memorization]
measured: [membership]
rules:
  - {id: hits, metric: memorization.hard_hits, bound: value, op: "<=", limit: 0, why: No copies.}
  - {id: auc, metric: membership.auc, bound: high, op: "<=", limit: 0.75, min_n: 100, why: Hard to tell.}
  - {id: utility, metric: utility.tstr_over_trtr, bound: low, op: ">=", limit: 0.8, why: It must be of use.}
validity_days: 730
"""
APPROVED_POLICY = POLICY.replace("name: trial", "name: partner") + (
    "approvals:\n  - {role: privacy_officer, threshold: 1}\n  - {role: data_owner, threshold: 1}\n"
)
DP_POLICY = POLICY.replace("name: trial", "name: private") + (
    "dp: {unit: group, max_epsilon: 3.0, max_delta: 1.0e-5, ledger: required}\n"
)
INDEPENDENT_POLICY = """
name: alone
version: "1"
intended_use: outside
statement: For tests alone.
required: [accounting]
rules:
  - {id: balance, metric: balance.tv_distance, bound: value, op: "<=", limit: 0.1, why: The classes are balanced.}
dp: {unit: group, max_epsilon: 3.0, max_delta: 1.0e-5, ledger: required, decision: independent}
"""
PARENTLESS = """
name: parentless
version: "1"
intended_use: inside
statement: For tests alone.
required: [parent_recovery]
rules:
  - {id: records, metric: records.synthetic, bound: value, op: ">=", limit: 7, why: Something must be there.}
dp_substitute: {instead_of: [parent_recovery], required: [accounting], max_epsilon: 2.5, max_delta: 1.0e-5}
"""
LEDGER = "1" * 32
BUDGET = {"ledgerId": LEDGER, "maxEpsilon": 3.0, "maxDelta": 1e-5}
BUDGET |= {"delta": 1e-5, "spentBefore": 0.0, "spentAfter": 2.0, "voided": 0}
DP_PRIVACY = {"mechanism": "dp-gaussian", "unit": "group", "neighbouring": "add-remove"}
DP_PRIVACY |= {"epsilon": 2.0, "delta": 1e-6, "budget": BUDGET, "decision": "audited"}
DP_PRIVACY |= {"accountant": "PLD", "sampling": "none"}


def signing_key(person, seed=None, *, start=NOW - DAY, end=NOW + 3650 * DAY, kind="ed25519"):
    raw = hashlib.sha256(f"{person}{seed}".encode()).digest()
    if kind == "ed25519":
        private = Ed25519PrivateKey.from_private_bytes(raw)
    else:
        private = derive_private_key(int.from_bytes(raw, "big") >> 1, SECP256R1())
    public, valid = public_bytes(private), {"valid_from": stamp(start), "valid_until": stamp(end)}
    record = TrustKey(alg=kind, public=public.hex(), person=person, org="Clinic", **valid)
    return SigningKey(private, keyid(public), record)


MODELS = {"decoder": "smollm2", "embedder": "minilm"}
PERSONS = ("R. Releaser", "P. Officer", "D. Owner", "S. Stranger")
RELEASER, OFFICER, OWNER, UNTRUSTED = (signing_key(person) for person in PERSONS)


def estimate(value, low=None, high=None, n=500):
    low, high = (value if end is None else end for end in (low, high))
    return Estimate(value=value, low=low, high=high, confidence=0.96, n=n)


def fields(number):
    return {name: getattr(number, name) for name in ("value", "low", "high", "confidence", "n")}


def result(name, verdict, reason, measured=None, **more):
    """Return the result of an audit as it is in `audit.json`."""
    about = {"name": name, "verdict": verdict, "status": "measured", "reason": reason, "control": None}
    return about | {"estimate": None if measured is None else fields(measured), **more}


OUTSIDE = ("input-checks", "release-gate", "audit-numbers")


def accounting(outside=OUTSIDE):
    numbers = {"epsilon": fields(estimate(2.0)), "delta": fields(estimate(1e-6))}
    details = {
        "claim": {"epsilon": 2.0, "delta": 1e-6},
        "mechanisms": [{"kind": "gaussian", "noise_multiplier": 2.34, "sampling_rate": 1.0, "steps": 1}],
        "checks": dict.fromkeys(CHECKED, "holds"),
        "claim_scope": "person",
    }
    details |= {"accounted_reads": [], "unaccounted_reads": []}
    details |= {"outside_reads": list(outside)}
    metrics = {f"accounting.{name}": number for name, number in numbers.items()}
    return result("accounting", "pass", "it follows from the log", metrics=metrics, details=details, confidence=0.96)


def audit_json(*, dp=False, independent=False):
    auc, excess = estimate(0.55, 0.5, 0.6), fields(estimate(0.0, -0.01, 0.01))
    hits = {"metrics": {"hard_hits": fields(estimate(0, n=5))}, "details": {"suite": [5, 8, 13], "excess": excess}}
    one_sided = {"direction": "lower_is_safer", "threshold": 0.01}
    attack = {"metrics": {"auc": fields(auc), "epsilon_lower_bound": fields(estimate(0.3))}, "confidence": 0.96}
    curve = {"fpr": list(np.linspace(0, 1, 101)), "tpr": list(np.linspace(0, 1, 101) ** 0.75)}
    attack |= {"details": {"roc": curve}, "direction": "two_sided", "threshold": (0.45, 0.55)}
    results = [
        result("memorization", "pass", "no copies", estimate(0.0, 0.0, 0.01), **hits, **one_sided, confidence=0.96),
        result("membership", "insufficient", "826 persons would be enough", auc, **attack),
        *([accounting(("input-checks",) if independent else OUTSIDE)] if dp else []),
    ]
    inputs = {"train": "a" * 64, "control": "b" * 64, "synthetic": "c" * 64}
    return {"schemaVersion": 3, "overall": "pass", "results": results, "inputs": inputs, "tool": "audits"}


def records(n=11):
    labels = ("cardiology", "ear & nose", "x|y")
    return [(f"synthetic text {i} =1+1", labels[i % 3]) for i in range(n)]


def page(policy):
    """Return the numbers of the report; under a DP policy, without those of private records."""
    dp = policy.dp is not None
    rows = [(label, "–" if dp else "200-500") for label in ("cardiology", "ear & nose", "x|y")]
    balance = [
        {"label": label, "real": real, "requested": 4, "released": 4 - (label == "x|y")} for label, real in rows
    ]
    stages = [{"name": "decode", "n_in": "10-20", "n_out": "20-50"}]
    return {"balance": balance, "filters": {"candidates": "20-50", "copy": "1-9"}, "stages": stages, "utility": {}}


def engine_numbers(n=11):
    counts = {"records.synthetic": n, "attempts.number": 1, "secret.private": 1}
    numbers = {name: estimate(count, n=count) for name, count in counts.items()}
    return numbers | {"utility.tstr_over_trtr": estimate(0.9, 0.85, 0.95), "balance.tv_distance": estimate(1 / 12)}


def settings(**changes):
    """Return the published settings of a configuration; `changes` are keys of `interpolate`."""
    given = {"version": 1, "source": {"path": "n.jsonl"}, "interpolate": {"total": 12}}
    if changes.get("method") == "dp-gaussian":
        given |= {"filter": {"length": None}}  # automatic limits would be learned from private records
    shown = public_config(Config.parse(given).model_dump(mode="json"))
    return {**shown, "interpolate": {**shown["interpolate"], **changes}}


def models():
    common = {"format": "safetensors", "digest": {"sha256": "d" * 64}, "trainedOnPrivateData": False}
    return [{"role": role, "name": name, **common} for role, name in MODELS.items()]


def content(policy=POLICY, **changes):
    parsed = policy_of(policy)
    audit = audit_json(dp=parsed.dp is not None, independent=parsed.is_independent)
    rows = records() if "evidence" in changes else changes.get("records", records())
    digest = records_digest([text for text, _ in rows], [label for _, label in rows])
    evidence = public_evidence(evidence_from(audit, engine_numbers(), {"synthetic": digest}), parsed)
    commitments = [commit_records(role, [CANARY, *map(str, range(600))], b"k" * 32) for role in ("train", "control")]
    given = {"name": "clinic-synthetic", "records": records(), "page": page(parsed)}
    given |= {"evidence": evidence, "decision": decide(evidence, parsed), "audit_json": audit, "inputs": commitments}
    given |= {"policy": parsed, "models": models(), "license": "CC-BY-4.0", "languages": ["en"]}
    is_dp = changes.get("privacy", {}).get("mechanism") == "dp-gaussian"
    given |= {"config": settings(method="dp-gaussian" if is_dp else "smote")}
    given |= {"versions": {"python": "3.11.7", "source": "e" * 64, "numpy": "2.3.0"}}
    number = None if parsed.is_independent else 1
    given |= {"attempts": {"number": number, "ledger": {"id": LEDGER, "entries": 40, "head": "f" * 64}}}
    given |= {"privacy": NO_DP, **changes}
    given["privacy"] = {"nonPrivateSteps": list(non_private_steps(parsed, is_dp=is_dp)), **given["privacy"]}
    facts = {name: given[name] for name in ("policy", "evidence", "config")}
    facts |= {"is_dp": is_dp, "has_persons": True, "has_own_style": False, "formats": (), "disclosed": None}
    return BundleContent(**{"limitations": limitations(**facts), **given})


def bundle(folder, policy=POLICY, key=RELEASER, now=NOW, **changes):
    return write_bundle(folder, content=content(policy, **changes), key=key, now=now).path


@functools.lru_cache
def policy_of(text):
    return parse_policy(text.encode(), "test")


def root(policies=(POLICY, APPROVED_POLICY, DP_POLICY), **changes):
    holders = {"releaser": RELEASER, "privacy_officer": OFFICER, "data_owner": OWNER}
    given = {"version": 1, "expires": stamp(NOW + 365 * DAY), "revoked": (), "ledgers": (LEDGER,)}
    given |= {"keys": {key.keyid: key.public for key in holders.values()}}
    given |= {"roles": {role: {"keyids": (key.keyid,), "threshold": 1} for role, key in holders.items()}}
    given |= {"policies": {policy.name: (policy.digest(),) for policy in map(policy_of, policies)}}
    return TrustRoot.model_validate(given | changes)


def envelope(path, name=ENVELOPE):
    return parse((path / name).read_bytes())


def statement(path, name=ENVELOPE):
    return json.loads(base64.b64decode(envelope(path, name)["payload"]))


def resign(path, value=None, *, payload=None, keys=(RELEASER,), payload_type=PAYLOAD_TYPE, name=ENVELOPE):
    """Sign another statement in place, as a malicious or mistaken releaser could."""
    data = canonical(value) if payload is None else payload
    (path / name).write_bytes(sign(payload_type, data, [key.private for key in keys]))


def edit(path, change, *, rehash=True, **how):
    """Update the digests to those of the present files, apply `change(statement)`, and sign again."""
    value = statement(path)
    if rehash:
        for subject in value["subject"]:
            file = path / subject["name"]
            if file.is_file():
                subject["digest"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    change(value)
    resign(path, value, **how)


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def reissue(path, changes=(), change=None):
    """Change JSON files and the statement of a bundle, update all digests and sign it, as a key holder can."""
    for name, of_file in dict(changes).items():
        value = json.loads((path / name).read_bytes())
        of_file(value)
        (path / name).write_bytes(canonical(value))
    croissant = json.loads((path / "croissant.json").read_bytes())
    stale = [item for item in croissant["distribution"] if item["sha256"] != sha256_of(path / item["@id"])]
    if stale:
        for item in stale:
            item["sha256"] = sha256_of(path / item["@id"])
        written = json.dumps(croissant, indent=2, sort_keys=True, ensure_ascii=False)
        (path / "croissant.json").write_text(f"{written}\n")
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    names = [name for name in names if name != "SHA256SUMS" and not name.startswith("attestation/")]
    (path / "SHA256SUMS").write_text("".join(f"{sha256_of(path / name)}  {name}\n" for name in names))

    def update(value):
        value["predicate"]["evidence"][0]["digest"]["sha256"] = sha256_of(path / "evidence/metrics.json")
        if change is not None:
            change(value)

    edit(path, update)


def add_file(path, name, data):
    """Add a file to a bundle and to its signed statement."""
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_bytes(data)
    entry = {"name": name, "digest": {"sha256": sha256_of(path / name)}}
    reissue(path, (), lambda value: value.update(subject=sorted([*value["subject"], entry], key=lambda s: s["name"])))
