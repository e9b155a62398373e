"""Suggest what a user can change if a gate is not met: a configuration parameter or a command."""

from collections.abc import Iterator

from audits.gate.outcome import Decision, RuleOutcome

_LESS_LEAKAGE = (
    "set interpolate.method: mixture with parents: 4, request fewer records per person, or use dp-gaussian"
)
_MORE_SIGNAL = (
    "raise decode.candidates and interpolate.total, or lower filter.class_agreement if few texts are accepted"
)
# by the source of the number that a gate compares, which is the part of the metric's name before the first dot
REMEDIES = {
    "memorization": _LESS_LEAKAGE,
    "identifiers": "name the columns with names in source.names, list other identifiers in deidentify.sample to see "
    "what the engine misses, and run `synthgen models pull rampart`",
    "membership": _LESS_LEAKAGE,
    "neighbours": _LESS_LEAKAGE,
    "linkage": _LESS_LEAKAGE,
    "parent_recovery": "use interpolate.method: dp-gaussian with dp.epsilon; external policies accept it in place of "
    "this audit",
    "input_checks": "correct the problem that the reason names: set source.dedupe for repetitions, set source.group "
    "for persons on both sides, use a random split for tables that differ",
    "utility": _MORE_SIGNAL,
    "balance": "lower filter.class_agreement, raise decode.candidates, or request fewer records of the class with "
    "too few (interpolate.balance)",
    "records": "request more records (interpolate.total), or relax the filter that rejects most",
    "attempts": "use control persons who were not audited before",
    "secret": "remove `secret: public`",
    "selftest": "run `audits selftest` on the two tables to see which case of the calibration suite failed",
    "deidentify": "mark more identifiers in deidentify.sample, or use deidentify.engine: rules+ner",
    "dp": "lower dp.epsilon or dp.delta, or use a policy that allows them",
    "accounting": "read the reason: the log, the claim and the replay must agree",
}
MORE_EVIDENCE = "add persons, or add records if the reason counts records"
ANOTHER_ATTEMPT = (
    "Each further run that is audited on the same control persons counts as an attempt and must reach a higher "
    "confidence; `synthgen plan` and changes of the policy do not count."
)


def with_remedies(decision: Decision) -> Iterator[str]:
    """Yield a line for each gate that is not met: what was measured, the limit, what to change, and its explanation.

    The rows and words concerned are in the private report only.
    """
    for gate in decision.gates:
        if gate.verdict != "PASS":
            measured = "" if gate.estimate is None else f" (n = {gate.estimate.n})"
            found = f"{gate.id}: {gate.verdict}: {gate.metric}{measured}: {gate.reason}"
            yield f"{found}; to change it, {_remedy(gate)}; see `audits explain {_source(gate)}`"


def _source(gate: RuleOutcome) -> str:
    return gate.metric.partition(".")[0]


def _remedy(gate: RuleOutcome) -> str:
    remedy = REMEDIES.get(_source(gate), "read the explanation")
    return f"{MORE_EVIDENCE}; or {remedy}" if gate.verdict == "INSUFFICIENT" else remedy
