"""Describe a release and a decision about it, for the person who is about to sign the decision."""

from collections.abc import Mapping, Sequence

from audits.core.errors import printable
from audits.gate.independent import INDEPENDENT
from audits.gate.outcome import verdicts_of
from audits.verify.approvals import SignedDecision
from audits.verify.statement import DecisionKind, ReleasePredicate

_ACTS: Mapping[DecisionKind, str] = {
    "APPROVE": "approval of",
    "REJECT": "rejection of",
    "CLOSE": "closing of the list of approvals of",
}
_PAST: Mapping[DecisionKind, str] = {"APPROVE": "approved", "REJECT": "rejected", "CLOSE": "closed the list"}


def signing_summary(
    release: ReleasePredicate,
    digest: str,
    earlier: Sequence[SignedDecision],
    *,
    kind: DecisionKind,
    signer: str,
    review: str | None,
) -> str:
    """Return the lines that the signer reads before signing, with invisible characters replaced.

    `release` is the verified content of the release statement, and `digest` is the sha256 of the statement. `earlier`
    has the decisions that are already in the bundle (the release folder). `signer` names the person, role and key.
    `review` is the sha256 of the review page; None if the decision states no page.
    """
    gates = [gate for gate in release.gates if gate.gating]
    passed = sum(gate.verdict == "PASS" for gate in gates)
    others = verdicts_of((gate.id, gate.verdict) for gate in release.gates if not gate.gating)
    decisions = [f"{decision.person} ({decision.role}) {_PAST[decision.kind]}" for decision in earlier]
    lines = [
        ("you sign", f"the {_ACTS[kind]} this release"),
        ("release", f"{release.dataset.name} {release.release_id}"),
        ("records", f"{release.dataset.records:,d} in {release.dataset.classes} classes"),
        ("use", f"{release.use.scope} the institution: {release.use.statement}"),
        ("policy", f"{release.policy.name} version {release.policy.version}: {passed} of {len(gates)} gates passed"),
        ("measured only", others or "no audit"),
        ("guarantee", _guarantee(release)),
        *(("limitation", sentence) for sentence in release.limitations),
        ("statement", f"sha256 {digest}"),
        ("earlier", "; ".join(decisions) or "no approval or rejection"),
        ("review page", _why_no_page(release) if review is None else f"sha256 {review}"),
        ("signer", signer),
    ]
    return "\n".join(printable(f"{name + ':':<15}{text}") for name, text in lines)


def _why_no_page(release: ReleasePredicate) -> str:
    if release.privacy.decision == INDEPENDENT:
        return "none; under this policy, no page of private records may affect the decision"
    return "none stated"


def _guarantee(release: ReleasePredicate) -> str:
    privacy = release.privacy
    if privacy.epsilon is None or privacy.delta is None:
        return "no differential privacy; the audits measured the risk"
    unit = "person" if privacy.unit == "group" else "record"
    return f"differential privacy per {unit}, ε = {privacy.epsilon:g}, δ = {privacy.delta:g}"
