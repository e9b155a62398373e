"""Check the policy of a bundle, and recompute its gates from its evidence."""

import hashlib
from collections.abc import Mapping

from pydantic import ValidationError

from audits.core.errors import AuditError, VerifyError
from audits.core.strictjson import canonical, parse_canonical
from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Evidence, read_evidence
from audits.gate.policy import Policy, decide
from audits.gate.rule import ATTEMPTS
from audits.verify.contents import METRICS, POLICY_JSON
from audits.verify.statement import ReleasePredicate
from audits.verify.trust import TrustRoot

MAX_CONFIDENCES = 5  # different confidences of the numbers in the evidence


def check_pinned(
    predicate: ReleasePredicate, files: Mapping[str, bytes], root: TrustRoot, expected: Policy | None
) -> None:
    """Raise VerifyError (E_POLICY) unless the bundle's policy is the signed, pinned and expected one."""
    digest = hashlib.sha256(files[POLICY_JSON]).hexdigest()
    if digest != predicate.policy.digest.sha256:
        raise VerifyError("E_POLICY", f"{POLICY_JSON}: not the policy named in the statement")
    name = predicate.policy.name
    pinned = root.policies.get(name)
    if pinned is None and (expected is None or len(root.policies) > 0):
        raise VerifyError("E_POLICY", f"policy {name}: not pinned by the trust root")
    if pinned is not None and digest not in pinned:
        raise VerifyError("E_POLICY", f"policy {name}: differs from the version pinned by the trust root")
    if expected is not None and digest != expected.digest():
        short = f"digest {digest[:8]}…, expected {expected.digest()[:8]}…"
        raise VerifyError("E_POLICY", f"policy {name} differs from the expected policy {expected.name} ({short})")


def bundle_policy(predicate: ReleasePredicate, files: Mapping[str, bytes]) -> Policy:
    """Return the bundle's policy; raise VerifyError (E_POLICY) if the statement differs from it."""
    try:
        policy = Policy.model_validate(parse_canonical(files[POLICY_JSON]))
    except (AuditError, ValidationError):
        raise VerifyError("E_POLICY", "the policy of the bundle cannot be read") from None
    if (predicate.policy.name, predicate.policy.version) != (policy.name, policy.version):
        raise VerifyError("E_POLICY", "the policy named in the statement is not the one in the bundle")
    if (predicate.use.scope, predicate.use.statement) != (policy.intended_use, policy.statement):
        raise VerifyError("E_POLICY", "the permitted use in the statement differs from the policy")
    if predicate.approvals_required != policy.approvals:
        raise VerifyError("E_POLICY", "the required approvals in the statement differ from the policy")
    return policy


def check_provenance(predicate: ReleasePredicate, policy: Policy, subjects: Mapping[str, str]) -> None:
    """Raise VerifyError (E_POLICY) if provenance required by the policy is missing; its files are always required."""
    if predicate.config.digest.sha256 != subjects.get(predicate.config.redacted):
        raise VerifyError("E_POLICY", f"{predicate.config.redacted}: not the configuration named in the statement")
    roles = [item.role for item in predicate.inputs]
    if "models" in policy.required_provenance and len(predicate.models) == 0:
        raise VerifyError("E_POLICY", "the statement names no models")
    if "inputs" in policy.required_provenance and sorted(roles) != ["control", "train"]:
        raise VerifyError("E_POLICY", "the statement must contain commitments to train and control")


def bundle_evidence(files: Mapping[str, bytes]) -> Evidence:
    """Return the evidence of a bundle; raise VerifyError (E_GATE) if it cannot be read."""
    try:
        return read_evidence(files[METRICS])
    except AuditError:
        raise VerifyError("E_GATE", "the evidence cannot be read") from None


def _are_short(evidence: Evidence, policy: Policy) -> bool:
    """Return whether no number has room for text: six digits at most, or a limit, and few different confidences.

    The numbers of the accounting are exact, because they must equal the claim.
    """
    limits = {rule.limit for rule in policy.all_rules()}
    others = [number for name, number in evidence.metrics.items() if not name.startswith("accounting.")]
    numbers = {end for number in others for end in (number.value, number.low, number.high)} - limits
    confidences = {number.confidence for number in evidence.metrics.values()}
    confidences |= {state.confidence for state in evidence.audits.values() if state.confidence is not None}
    return all(float(f"{number:.6g}") == number for number in numbers) and len(confidences) <= MAX_CONFIDENCES


def check_gates(predicate: ReleasePredicate, policy: Policy, files: Mapping[str, bytes]) -> Evidence:
    """Recompute every gate and return the evidence; raise if the statement differs."""
    evidence = bundle_evidence(files)
    if public_evidence(evidence, policy) != evidence:
        raise VerifyError("E_GATE", "the evidence is more precise about private counts than the policy allows")
    if not policy.disclosure.publish_exact_counts and not _are_short(evidence, policy):
        raise VerifyError("E_GATE", "the evidence contains numbers of more than six digits or too many confidences")
    decision = decide(evidence, policy)
    if not decision.allowed:
        raise VerifyError("E_GATE", f"the evidence does not satisfy the policy: {'; '.join(decision.failures)}")
    gates = canonical([outcome.to_gate() for outcome in decision.outcomes])
    if canonical([gate.model_dump(mode="json", by_alias=True) for gate in predicate.gates]) != gates:
        raise VerifyError("E_GATE", "the signed gates differ from those recomputed from the evidence")
    if [(item.name, item.digest.sha256) for item in predicate.evidence] != [(METRICS, decision.evidence_digest)]:
        raise VerifyError("E_GATE", "the evidence named in the statement is not the one in the bundle")
    stated = {ATTEMPTS: ("attempts", predicate.attempts.number)}
    stated["records.synthetic"] = ("records", predicate.dataset.records)
    for name, (what, number) in stated.items():
        counted = evidence.metrics.get(name)
        if counted is None or not counted.low == counted.value == counted.high == number:
            raise VerifyError("E_GATE", f"the number of {what} differs between evidence and statement")
    return evidence
