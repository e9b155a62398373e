"""Release policies, and the function `decide`, which tests whether evidence satisfies a policy.

Evidence consists of the numbers (metrics) and the verdicts of the audits. A gate is a condition of the policy, and
its outcome is PASS, FAIL or INSUFFICIENT. A rule is a gate on a metric: it compares an exact number, or the worse end
of an interval, with a limit. A gate does not pass if its audit crashed, or if its number is missing, not finite or
based on too few units (usually persons).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from audits.core.errors import PolicyError
from audits.core.strictmodel import Canonical, Closed, Finite, problems
from audits.core.strictyaml import parse_yaml, where_to_correct
from audits.gate.dp_substitute import ACCOUNTING, METHOD, DpSubstitute, check_fit, reasons_against, with_substitute
from audits.gate.evidence import WITHHELD, AuditName, AuditState, Evidence
from audits.gate.independent import INDEPENDENT, private_requirements
from audits.gate.outcome import Decision, Outcome, RuleOutcome
from audits.gate.rule import (
    ATTEMPTS,
    EXTERNAL_RULES,
    NO_QUARANTINED_ROW,
    QUARANTINED,
    Name,
    Rule,
    Sentence,
    compare,
    confidence_gap,
    confidence_of,
)

ATTACKS = ("membership", "canaries", "differencing")  # audits that may prove a lower bound on epsilon
MAX_POLICY_BYTES = 1 << 15  # 32 KiB; the parser needs seconds for a larger policy
RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Provenance = Literal["run", "sbom", "config", "models", "pinned-models", "inputs"]


def audit_gate(audit: str) -> str:
    """Return the id of the gate on the verdict of an audit: `parent_recovery` -> `audit-parent-recovery`."""
    return f"audit-{audit.replace('_', '-')}"


class ApprovalRule(Closed):
    """A requirement of approvals: `threshold` different persons with this role must approve the release."""

    role: RoleName
    threshold: Annotated[int, Field(ge=1, le=9)]


class DpRule(Closed):
    """The requirements of a policy on the differential-privacy claim of a release."""

    unit: Literal["group"]
    max_epsilon: Annotated[Finite, Field(gt=0)]
    max_delta: Annotated[Finite, Field(gt=0, lt=1)]
    ledger: Literal["required"]
    # `independent`: no measurement on private records affects the decision, see `audits.gate.independent`
    decision: Literal["audited", "independent"] = "audited"


class Timestamps(Closed):
    """A requirement of trusted signing times: timestamps by an RFC 3161 authority that the trust root lists."""

    rfc3161: Literal["required"]


class Disclosure(Closed):
    """How exactly counts of private records are published, see `audits.gate.disclosure`."""

    publish_exact_counts: bool = False  # true only for a source whose size is not secret
    # counts from 1 to this number minus 1 are published as one bucket, such as `1-9`
    min_histogram_bin: Annotated[int, Field(ge=2, le=1000)] = 10


class Policy(Canonical):
    """The conditions under which a dataset may be released; see docs/reference/policies.md.

    The trust root lists the sha256 of the canonical form of each policy that it accepts.
    """

    name: Name  # for a shipped policy, the name of its file without the ending
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]  # rises if the meaning of the policy changes
    intended_use: Literal["inside", "outside"]  # whether the dataset may leave the institution
    statement: Sentence  # shown first in the report and the dataset card
    # one-sided confidence that intervals and required verdicts need at least; further audits of the same control
    # persons need a higher confidence (`confidence_of`)
    confidence: Annotated[Finite, Field(ge=0.8, lt=1)] = 0.95
    required: tuple[AuditName, ...] = ()  # audits whose verdict must be `pass`
    measured: tuple[AuditName, ...] = ()  # audits that must be measured; their verdicts decide nothing
    rules: tuple[Rule, ...] = ()
    dp: DpRule | None = None  # None: no requirement
    approvals: tuple[ApprovalRule, ...] = ()  # required signatures besides the releaser's
    closing: Literal["required"] | None = None  # whether a releaser must sign that the list of approvals is complete
    validity_days: Annotated[int, Field(ge=1, le=3650)] | None = None  # None: a release never expires
    # parts that the bundle (the folder of the released dataset) must contain
    required_provenance: tuple[Provenance, ...] = ("run", "sbom", "config", "models", "inputs")
    disclosure: Disclosure = Disclosure()
    selftest: tuple[AuditName, ...] = ()  # audits whose self-test must succeed (`audits.selftest`)
    timestamps: Timestamps | None = None  # None: trusted signing times are optional
    dp_substitute: DpSubstitute | None = None  # can replace `parent_recovery`

    @model_validator(mode="after")
    def _substitute_is_consistent(self) -> Self:
        if self.dp_substitute is not None:
            if self.dp is not None:
                raise ValueError("dp and dp_substitute: both limit epsilon and delta; remove one of the two keys")
            metrics = {rule.id: rule.metric for rule in self.rules}
            check_fit(self.dp_substitute, required=self.required, measured=self.measured, metrics=metrics)
        return self

    @model_validator(mode="after")
    def _no_repeats_or_contradictions(self) -> Self:
        rules = (*self.all_rules(), *_dp_rules(self.dp_substitute), *self.dp_method_rules())
        for condition, names in (
            (
                "rules: each rule needs its own id, which must not be the id of a rule that SynthGen adds",
                [rule.id for rule in rules],
            ),
            ("approvals: each role may be listed only once", [approval.role for approval in self.approvals]),
            ("required and measured: each audit may be listed only once", [*self.required, *self.measured]),
        ):
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{condition}; repeated: {', '.join(repeated)}")
        if self.dp is not None and self.disclosure.publish_exact_counts:
            raise ValueError("dp: only verdicts may be published, so `disclosure.publish_exact_counts` must be false")
        if any(rule.metric == ATTEMPTS and rule.op == ">=" for rule in self.rules):
            raise ValueError(f"rules: a rule on {ATTEMPTS} needs `op: <=`, so that repeated audits cannot satisfy it")
        return self

    @model_validator(mode="after")
    def _independent_reads_nothing_private(self) -> Self:
        audits = {"required": self.required, "measured": self.measured, "selftest": self.selftest}
        if self.is_independent and (private_entries := [*private_requirements(audits, self.rules)]):
            raise ValueError(
                "dp: under `decision: independent`, no condition of the policy may depend on a measurement on "
                f"private records; set `decision: audited`, or remove these entries: {'; '.join(private_entries)}"
            )
        return self

    @property
    def is_independent(self) -> bool:
        """Whether the policy is independent: no measurement on private records affects the decision."""
        return self.dp is not None and self.dp.decision == INDEPENDENT

    def all_rules(self) -> tuple[Rule, ...]:
        """Return the rules in `rules`, and the rules that follow from `dp`, `selftest` and `intended_use`."""
        selftest = tuple(_selftest_rule(name) for name in self.selftest)
        external = (rule for rule in EXTERNAL_RULES if rule.metric != ATTEMPTS or not self.is_independent)
        return (*self.rules, *_dp_rules(self.dp), *selftest, *(external if self.intended_use == "outside" else ()))

    def dp_method_rules(self) -> tuple[Rule, ...]:
        """Return the rules that are added to `all_rules` if a differentially private (DP) method made the records.

        The only such rule requires secret random streams. For use outside, `all_rules` contains it already.
        """
        return EXTERNAL_RULES[:1] if self.intended_use == "inside" else ()

    def gates(self) -> tuple[str, ...]:
        """Return the ids of all gates that `decide` may test, except `no-quarantined-row` and `policy`."""
        substitute = self.dp_substitute
        substitute_audits = () if substitute is None else substitute.required
        audits = (audit_gate(name) for name in (*self.required, *substitute_audits, *self.measured))
        has_budget = self.dp is not None or substitute is not None
        attacks = (f"dp-consistent-{name}" for name in ATTACKS) if has_budget and not self.is_independent else ()
        rules = (rule.id for rule in (*self.all_rules(), *_dp_rules(substitute)))
        dp_method = (audit_gate(ACCOUNTING), *(rule.id for rule in self.dp_method_rules()))
        return tuple(dict.fromkeys((*audits, *rules, *attacks, *dp_method)))


def decide(evidence: Evidence, policy: Policy) -> Decision:
    """Return whether `policy` allows the release of a dataset with this `evidence`.

    A release is allowed if every gate is PASS and at least one gate is the policy's own. Gates that are added
    automatically do not count as the policy's own: those of EXTERNAL_RULES, NO_QUARANTINED_ROW, and the audit
    `accounting` if a DP method made the records.

    - Each audit in `required` and each rule is a gate. An audit in `measured` is a gate only if it gave no result
      (its status is neither `measured` nor `inconclusive`); this gate never passes.
    - Intervals and required verdicts must have the confidence that the number of attempts (audits of the same control
      persons) requires.
    - More attempts never turn a refusal into a permission. Neither does a further gate, if the policy has a gate of
      its own.
    - Policies for use outside the institution also have the gates in `EXTERNAL_RULES`.
    - A table with quarantined rows (rows that the audits could not judge) is refused.
    - An independent policy (`audits.gate.independent`) has no gates on attempts, quarantined rows and ATTACKS.
    - If a DP method made the records, every policy requires that the accounting passed and that the random streams
      are secret. Otherwise the claimed epsilon means nothing.
    - If the `dp_substitute` of the policy applies (`reasons_against`), the audits in its `instead_of` need not pass,
      but must be measured and must not fail. Its `rules` have no effect. The audits in its `required`, and its limits
      of epsilon and delta, are gates.
    """
    attempts = None if policy.is_independent else evidence.metrics.get(ATTEMPTS)
    attempt = 1.0 if attempts is None else max(1.0, attempts.high)
    confidence = policy.confidence if attempts is None else confidence_of(attempt, policy.confidence)
    substitute = _active_substitute(evidence, policy)
    substitute_audits, replaced_rules = ((), ()) if substitute is None else (substitute.required, substitute.rules)
    method = evidence.metrics.get(METHOD)
    is_dp = method is not None and method.high > 0
    dp_audits = tuple({ACCOUNTING} - {*policy.required, *substitute_audits}) if is_dp else ()
    rules = (*policy.all_rules(), *_dp_rules(substitute), *(policy.dp_method_rules() if is_dp else ()))
    outcomes = (
        *(
            with_substitute(_required(evidence, name, confidence), name, evidence, policy.dp_substitute)
            for name in policy.required
        ),
        *(_required(evidence, name, confidence) for name in (*substitute_audits, *dp_audits)),
        *(_measured(evidence, name) for name in policy.measured if name not in dp_audits),
        *(replace(compare(evidence, rule, confidence), gating=rule.id not in replaced_rules) for rule in rules),
        *(() if policy.is_independent else _private_gates(evidence, policy, confidence)),
    )
    always_added = {*(rule.id for rule in (*EXTERNAL_RULES, NO_QUARANTINED_ROW)), *map(audit_gate, dp_audits)}
    if not any(outcome.gating and outcome.id not in always_added for outcome in outcomes):
        reason, why = (
            "the policy has no gate of its own, so it allows no release",
            "Without a gate, nothing was tested.",
        )
        no_gates: dict[str, Any] = {"id": "policy", "metric": "policy.gates", "op": ">=", "limit": 1.0, "value": 0.0}
        outcomes = (*outcomes, RuleOutcome(**no_gates, verdict="FAIL", reason=reason, why=why))
    return Decision(
        allowed=all(outcome.verdict == "PASS" for outcome in outcomes if outcome.gating),
        outcomes=outcomes,
        policy_name=policy.name,
        policy_version=policy.version,
        policy_digest=policy.digest(),
        evidence_digest=evidence.digest(),
    )


def _private_gates(evidence: Evidence, policy: Policy, confidence: float) -> Iterator[RuleOutcome]:
    """Yield the gates on quarantined rows, if there are any, and on the claimed epsilon, if epsilon is limited.

    The claimed epsilon is compared with the epsilon that each audit in ATTACKS proves. Audits other than `membership`
    are skipped if they were not run.
    """
    if budget_caps(evidence, policy) is not None:
        yield from (_claim_gate(evidence, name) for name in ATTACKS if name == ATTACKS[0] or name in evidence.audits)
    metric = evidence.metrics.get(QUARANTINED)
    if metric is not None and metric.high > 0:
        yield compare(evidence, NO_QUARANTINED_ROW, confidence)


def budget_caps(evidence: Evidence, policy: Policy) -> DpRule | DpSubstitute | None:
    """Return the limits of the privacy budget: `dp`, else `dp_substitute` if it applies, else None."""
    return policy.dp if policy.dp is not None else _active_substitute(evidence, policy)


def _active_substitute(evidence: Evidence, policy: Policy) -> DpSubstitute | None:
    """Return the `dp_substitute` of the policy if it applies, else None."""
    substitute = policy.dp_substitute
    return None if substitute is None or reasons_against(evidence, substitute) else substitute


def parse_policy(data: bytes, name: str) -> Policy:
    """Return the policy in a YAML text.

    Raises:
        PolicyError: the text has mistakes; `problems` lists all of them.
    """
    value = parse_yaml(data, name, error=PolicyError, max_bytes=MAX_POLICY_BYTES)
    try:
        return Policy.model_validate(value)
    except ValidationError as error:
        found = problems(error)
        plural = "mistake" if len(found) == 1 else "mistakes"
        hint = where_to_correct(found, name, data)
        raise PolicyError(f"{name}: the policy has {len(found)} {plural}", problems=found, hint=hint) from None


def _required(evidence: Evidence, name: str, confidence: float) -> RuleOutcome:
    """Return the outcome for an audit whose verdict must be `pass` with at least this confidence."""
    state = evidence.audits.get(name)
    verdict, reason = _verdict(state), "the audit was not run"
    if state is not None:
        reason = f"the audit has the status {state.status} and the verdict {state.verdict}"
        gap = confidence_gap("its verdict", state.confidence, confidence)
        if verdict == "PASS" and gap is not None:
            verdict, reason = "INSUFFICIENT", f"the audit passed, but {gap}"
    return _audit_outcome(evidence, name, verdict, reason, "The audit's own verdict must be pass.")


def _measured(evidence: Evidence, name: str) -> RuleOutcome:
    """Return the outcome for an audit in `measured`, which is a gate only if the audit gave no result."""
    state = evidence.audits.get(name)
    why = "The audit must be measured. Its verdict does not affect the decision; numbers that a rule names do."
    if state is None or state.status not in {"measured", "inconclusive"}:
        reason = "the audit was not run" if state is None else f"the audit has the status {state.status}"
        return replace(_audit_outcome(evidence, name, "INSUFFICIENT", reason, why), metric=f"{name}.measured")
    if state.verdict == WITHHELD:
        withheld = _audit_outcome(evidence, name, "WITHHELD", "its verdict is not published", why)
        return replace(withheld, value=None, gating=False)
    reason = f"{state.status}; the audit's verdict is {state.verdict} and does not affect the decision"
    return replace(_audit_outcome(evidence, name, _verdict(state), reason, why), gating=False)


def _audit_outcome(evidence: Evidence, name: str, verdict: Outcome, reason: str, why: str) -> RuleOutcome:
    return RuleOutcome(
        id=audit_gate(name),
        metric=f"{name}.passed",
        op=">=",
        limit=1.0,
        value=float(verdict == "PASS") if name in evidence.audits else None,
        verdict=verdict,
        reason=reason,
        why=why,
    )


def _verdict(state: AuditState | None) -> Outcome:
    """Return PASS or FAIL if the audit was measured and has this verdict, and INSUFFICIENT otherwise."""
    if state is None or state.status != "measured" or state.verdict not in {"pass", "fail"}:
        return "INSUFFICIENT"
    return "PASS" if state.verdict == "pass" else "FAIL"


def _selftest_rule(name: str) -> Rule:
    """Return the rule that the number of wrong verdicts in the self-test of an audit must be 0."""
    why = "An audit that misses leaks planted in the source's data, or finds leaks in clean data, proves nothing."
    id_, metric = f"selftest-{name.replace('_', '-')}", f"selftest.{name}_wrong"
    return Rule(id=id_, metric=metric, bound="value", op="<=", limit=0, min_n=1, why=why)


def _dp_rules(dp: DpRule | DpSubstitute | None) -> tuple[Rule, ...]:
    """Return the rules that require epsilon and delta to be within the limits in `dp`; none if `dp` is None."""
    if dp is None:
        return ()
    why = "The privacy budget of the release must not exceed the limit of the policy."
    within_budget: dict[str, Any] = {"bound": "high", "op": "<=", "why": why}
    return (
        Rule(id="dp-epsilon", metric="accounting.epsilon", limit=dp.max_epsilon, **within_budget),
        Rule(id="dp-delta", metric="accounting.delta", limit=dp.max_delta, **within_budget),
    )


def _claim_gate(evidence: Evidence, name: str) -> RuleOutcome:
    """Return the gate on an attack: the epsilon that it proves must be at most the claimed epsilon."""
    claim, proven = evidence.metrics.get("accounting.epsilon"), evidence.metrics.get(f"{name}.epsilon_lower_bound")
    verdict: Outcome = "FAIL"
    reason = "the attack proves a larger epsilon than the claim, so the mechanism or its accounting is wrong"
    if claim is None or proven is None:
        verdict, reason = "INSUFFICIENT", "the claimed or the proven epsilon is missing"
    elif proven.high <= claim.low:  # false if a number is NaN
        verdict, reason = "PASS", "the epsilon that the attack proves is within the claim"
    return RuleOutcome(
        id=f"dp-consistent-{name}",
        metric=f"{name}.epsilon_lower_bound.high",
        op="<=",
        limit=0.0 if claim is None else claim.low,
        value=None if proven is None else proven.high,
        verdict=verdict,
        reason=reason,
        why="The claimed epsilon is wrong if an attack proves a larger epsilon.",
        estimate=proven,
    )
