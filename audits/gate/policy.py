"""What must hold before a dataset may leave, and the pure function that decides it.

A decision compares the pessimistic end of each interval. What is missing, crashed, not a number or rests on too
little is no pass, and an empty policy allows nothing.
"""

import hashlib
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from audits.core.errors import PolicyError
from audits.core.strictjson import canonical
from audits.core.strictmodel import Closed, Finite, problems
from audits.core.strictyaml import parse_yaml
from audits.gate.dp_substitute import ACCOUNTING, METHOD, DpSubstitute, check_given, stood_in_for, why_not
from audits.gate.evidence import AuditName, AuditState, Evidence
from audits.gate.outcome import Decision, Outcome, RuleOutcome
from audits.gate.rule import ATTEMPTS, OUTSIDE, Name, Rule, Sentence, compared, unsure_of
from audits.gate.spending import confidence_of

# the audits whose proven epsilon a budget must survive: the first always, the others where they were run
ATTACKS = ("membership", "canaries", "differencing")
MAX_POLICY_BYTES = 1 << 16
RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Provenance = Literal["run", "sbom", "config", "models", "inputs"]


def audit_gate(audit: str) -> str:
    """Return the id of the gate that asks for an audit's verdict."""
    return f"audit-{audit.replace('_', '-')}"


class ApprovalRule(Closed):
    """How many different persons of a role must approve."""

    role: RoleName
    threshold: Annotated[int, Field(ge=1, le=9)]


class DpRule(Closed):
    """What a differential privacy claim must show."""

    unit: Literal["group"]
    max_epsilon: Annotated[Finite, Field(gt=0)]
    max_delta: Annotated[Finite, Field(gt=0, lt=1)]
    ledger: Literal["required"]


class Timestamps(Closed):
    """Who must say when a signature was made: an authority of RFC 3161 that the trust root names."""

    rfc3161: Literal["required"]


class Disclosure(Closed):
    """What may be said of how many private records there are; see `audits.gate.disclosure`.

    Args:
        publish_exact_counts: show exact counts and intervals; for sources whose size is no secret.
        min_histogram_bin: fewer records than this stand behind no public number of their own.
    """

    publish_exact_counts: bool = False
    min_histogram_bin: Annotated[int, Field(ge=2, le=1000)] = 10


class Policy(Closed):
    """A release policy; the sha256 of its canonical form is what a trust root pins.

    Args:
        name: as the file is called.
        version: raised with every change of meaning.
        intended_use: whether the dataset may leave the institution.
        statement: the sentence on the first screen of report, card and statement.
        confidence: the least one-sided confidence each interval and each required verdict must have; where attempts
            are counted, that of the attempt, see `confidence_of`.
        required: audits whose verdict must be `pass`.
        measured: audits that must have been measured; their numbers are shown and do not gate.
        rules: comparisons, all of which must hold.
        dp: what a privacy budget must show, or None where the policy asks for none.
        approvals: who must sign besides the releaser.
        validity_days: how long a release may be used, or None for no end.
        required_provenance: what must be in the bundle besides data and evidence.
        disclosure: how coarse what is said of private counts must be.
        selftest: audits that must have been right, on these persons, on every case of the calibration suite that
            asks something of them.
        timestamps: whether release and approvals need a trusted time, or None where they may have one.
        dp_substitute: what is asked for instead of `parent_recovery` where a differentially private method made the
            records and none has parents, or None where every audit applies to every method.
    """

    name: Name
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]
    intended_use: Literal["inside", "outside"]
    statement: Sentence
    confidence: Annotated[Finite, Field(ge=0.8, lt=1)] = 0.95
    required: tuple[AuditName, ...] = ()
    measured: tuple[AuditName, ...] = ()
    rules: tuple[Rule, ...] = ()
    dp: DpRule | None = None
    approvals: tuple[ApprovalRule, ...] = ()
    validity_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    required_provenance: tuple[Provenance, ...] = ("run", "sbom", "config", "models", "inputs")
    disclosure: Disclosure = Disclosure()
    selftest: tuple[AuditName, ...] = ()
    timestamps: Timestamps | None = None
    dp_substitute: DpSubstitute | None = None

    @model_validator(mode="after")
    def _excuses_what_it_names(self) -> Self:
        if self.dp_substitute is not None:
            if self.dp is not None:
                raise ValueError("dp_substitute: a policy with dp rests on the accounting already")
            metrics = {rule.id: rule.metric for rule in self.rules}
            check_given(self.dp_substitute, required=self.required, measured=self.measured, metrics=metrics)
        return self

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        given = self.dp_substitute
        for what, names in (
            ("rules", [r.id for r in (*self.all_rules(), *_dp_rules(given), *self.rules_of_a_promise())]),
            ("approvals", [approval.role for approval in self.approvals]),
            ("required and measured", [*self.required, *self.measured]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"{what}: a name stands twice")
        if self.dp is not None and self.disclosure.publish_exact_counts:
            raise ValueError("dp: of private numbers verdicts alone may leave, so publish_exact_counts cannot be")
        if any(rule.metric == ATTEMPTS and rule.op == ">=" for rule in self.rules):
            raise ValueError(f"rules: {ATTEMPTS} may have an upper limit only, or trying again would open a gate")
        return self

    def all_rules(self) -> tuple[Rule, ...]:
        """Return the policy's own comparisons, and those that budget, self-test and intended use bring with them."""
        calibrated = tuple(_selftest_rule(name) for name in self.selftest)
        return (*self.rules, *_dp_rules(self.dp), *calibrated, *(OUTSIDE if self.intended_use == "outside" else ()))

    def rules_of_a_promise(self) -> tuple[Rule, ...]:
        """Return the comparisons that records of a differentially private method bring with them."""
        return OUTSIDE[:1] if self.intended_use == "inside" else ()  # for outside it is asked of all

    def to_bytes(self) -> bytes:
        """Return the canonical JSON, defaults filled in: the content of `policy/policy.json`."""
        return canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return the sha256 of the canonical JSON."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def gates(self) -> tuple[str, ...]:
        """Return the id of every gate that a decision under it can have."""
        given = self.dp_substitute
        instead = () if given is None else given.required
        audits = (audit_gate(name) for name in (*self.required, *instead, *self.measured))
        attacks = (f"dp-consistent-{name}" for name in ATTACKS) if self.dp is not None or given is not None else ()
        rules = (rule.id for rule in (*self.all_rules(), *_dp_rules(given)))
        promised = (audit_gate(ACCOUNTING), *(rule.id for rule in self.rules_of_a_promise()))
        return tuple(dict.fromkeys((*audits, *rules, *attacks, *promised)))


def decide(evidence: Evidence, policy: Policy) -> Decision:
    """Return whether `policy` lets a dataset with this `evidence` leave.

        allowed  <=>  there is a gate, and every gate is PASS

    An audit that must be measured is a gate where it was not; where it was, its verdict is an outcome that gates
    nothing. So a policy that only measures has no gate, and refuses.

    Where a policy says what stands in for the audits of parents (`dp_substitute`), and no record has any, those
    audits must have been measured and not have failed, and what stands in for them is a gate each; see `why_not`.

    Laws: a policy without gates is refused; a missing, failed or too small measurement is no pass; adding a gate,
    worsening a number or counting a further attempt never turns refused into allowed. Intervals and required verdicts
    must be as sure as their attempt asks for, whatever confidence a run was set to. A policy for outside has the
    gates of `OUTSIDE`, which it cannot leave out; and whatever the policy asks, records of a differentially private
    method need an accounting that passed and noise that nobody can draw again, or the epsilon beside them is void.

    Random: none; reads nothing but its arguments.
    """
    sure = _sure(evidence, policy)
    excuse = _excuse(evidence, policy)
    instead, beside = ((), ()) if excuse is None else (excuse.required, excuse.rules)
    is_promised = _promises(evidence)
    promised = tuple({ACCOUNTING} - {*policy.required, *instead}) if is_promised else ()
    rules = (*policy.all_rules(), *_dp_rules(excuse), *(policy.rules_of_a_promise() if is_promised else ()))
    outcomes = (
        *(
            stood_in_for(_required(evidence, name, sure), name, evidence, policy.dp_substitute)
            for name in policy.required
        ),
        *(_required(evidence, name, sure) for name in (*instead, *promised)),
        *(_measured(evidence, name) for name in policy.measured if name not in promised),
        *(replace(compared(evidence, rule, sure), gating=rule.id not in beside) for rule in rules),
        *(_consistent(evidence, name) for name in _attacks(evidence, budget_caps(evidence, policy))),
    )
    brought = {*(rule.id for rule in OUTSIDE), *(audit_gate(name) for name in promised)}
    if not any(outcome.gating and outcome.id not in brought for outcome in outcomes):
        reason = "a policy without gates of its own allows nothing"
        outcomes = (
            *outcomes,
            RuleOutcome(
                id="policy",
                metric="policy.gates",
                op=">=",
                limit=1.0,
                value=0.0,
                verdict="FAIL",
                reason=reason,
                why="Nothing was asked, so nothing is known.",
            ),
        )
    return Decision(
        allowed=all(outcome.verdict == "PASS" for outcome in outcomes if outcome.gating),
        outcomes=outcomes,
        policy_name=policy.name,
        policy_version=policy.version,
        policy_digest=policy.digest(),
        evidence_digest=evidence.digest(),
    )


def _promises(evidence: Evidence) -> bool:
    """Return whether the records were made by a method that promises differential privacy."""
    method = evidence.metrics.get(METHOD)
    return method is not None and method.high > 0


def budget_caps(evidence: Evidence, policy: Policy) -> DpRule | DpSubstitute | None:
    """Return the bounds of the privacy budget that a release rests on; None where it rests on none."""
    return policy.dp if policy.dp is not None else _excuse(evidence, policy)


def _excuse(evidence: Evidence, policy: Policy) -> DpSubstitute | None:
    given = policy.dp_substitute
    return None if given is None or why_not(evidence, given) else given


def parse_policy(data: bytes, name: str) -> Policy:
    """Return the policy of a YAML text.

    Raises:
        PolicyError: with every mistake listed.
    """
    read = parse_yaml(data, name, error=PolicyError, max_bytes=MAX_POLICY_BYTES)
    value = {str(key): item for key, item in read.items()}
    try:
        return Policy.model_validate(value)
    except ValidationError as error:
        found = problems(error)
        plural = "mistake" if len(found) == 1 else "mistakes"
        raise PolicyError(f"{name}: the policy has {len(found)} {plural}", problems=found) from None


def _sure(evidence: Evidence, policy: Policy) -> float:
    """Return how sure the numbers of this attempt must be."""
    number = evidence.metrics.get(ATTEMPTS)
    return policy.confidence if number is None else confidence_of(max(1.0, number.high), policy.confidence)


def _required(evidence: Evidence, name: str, sure: float) -> RuleOutcome:
    state = evidence.audits.get(name)
    verdict = _verdict(state)
    unsure = None if state is None or verdict != "PASS" else unsure_of("its verdict", state.confidence, sure)
    reason = "the audit was not run" if state is None else f"the audit was {state.status}: {state.verdict}"
    if unsure is not None:
        verdict, reason = "INSUFFICIENT", f"the audit passed, but {unsure}"
    return RuleOutcome(
        id=audit_gate(name),
        metric=f"{name}.passed",
        op=">=",
        limit=1.0,
        value=None if state is None else float(verdict == "PASS"),
        verdict=verdict,
        reason=reason,
        why="The audit's own verdict must be pass.",
    )


def _measured(evidence: Evidence, name: str) -> RuleOutcome:
    state = evidence.audits.get(name)
    why = "The audit must have been measured; its verdict and numbers are shown and do not gate."
    if state is None or state.status != "measured":
        return RuleOutcome(
            id=audit_gate(name),
            metric=f"{name}.measured",
            op=">=",
            limit=1.0,
            value=None if state is None else 0.0,
            verdict="INSUFFICIENT",
            why=why,
            reason="the audit was not run" if state is None else f"the audit was {state.status}",
        )
    verdict = _verdict(state)
    return RuleOutcome(
        id=audit_gate(name),
        metric=f"{name}.passed",
        op=">=",
        limit=1.0,
        value=float(verdict == "PASS"),
        verdict=verdict,
        reason=f"measured; the audit's verdict is {state.verdict}, and gates nothing here",
        why=why,
        gating=False,
    )


def _verdict(state: AuditState | None) -> Outcome:
    if state is None or state.status != "measured" or state.verdict == "insufficient":
        return "INSUFFICIENT"
    return "PASS" if state.verdict == "pass" else "FAIL"


def _selftest_rule(name: str) -> Rule:
    return Rule(
        id=f"selftest-{name.replace('_', '-')}",
        metric=f"selftest.{name}_wrong",
        bound="value",
        op="<=",
        limit=0,
        min_n=1,
        why="An audit that calls known leaks of these persons clean, or clean tables leaks, is no evidence.",
    )


def _dp_rules(dp: DpRule | DpSubstitute | None) -> tuple[Rule, ...]:
    if dp is None:
        return ()
    return (
        Rule(id="dp-epsilon", metric="accounting.epsilon", bound="high", op="<=", limit=dp.max_epsilon, why="budget"),
        Rule(id="dp-delta", metric="accounting.delta", bound="high", op="<=", limit=dp.max_delta, why="budget"),
    )


def _attacks(evidence: Evidence, dp: DpRule | DpSubstitute | None) -> tuple[str, ...]:
    """Return those of `ATTACKS` that are asked for."""
    if dp is None:
        return ()
    return tuple(name for name in ATTACKS if name == ATTACKS[0] or name in evidence.audits)


def _consistent(evidence: Evidence, name: str) -> RuleOutcome:
    """Return whether an attack proved more than the accounting claims, which shows that the mechanism is broken."""
    claim, proven = evidence.metrics.get("accounting.epsilon"), evidence.metrics.get(f"{name}.epsilon_lower_bound")
    both = claim is not None and proven is not None
    holds = claim is not None and proven is not None and proven.high <= claim.low
    return RuleOutcome(
        id=f"dp-consistent-{name}",
        metric=f"{name}.epsilon_lower_bound.high",
        op="<=",
        limit=0.0 if claim is None else claim.low,
        value=None if proven is None else proven.high,
        verdict="PASS" if holds else "FAIL" if both else "INSUFFICIENT",
        reason=(
            "what the attack proves lies within what is claimed"
            if holds
            else "the attack proves more than is claimed: the mechanism or its accounting is wrong"
            if both
            else "the claimed or the proven epsilon is missing"
        ),
        why="A budget that an attack contradicts is no budget.",
        estimate=proven,
    )
