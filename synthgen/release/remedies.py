"""Suggest which parameter to change, or which command to run, if a gate (a condition of the policy) is not met."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from audits.gate.outcome import Decision, RuleOutcome
from audits.gate.policy import Policy

_LESS_LEAKAGE = (
    "set interpolate.method: mixture and interpolate.parents: 4, request fewer records per person, or set "
    "interpolate.method: dp-gaussian"
)
_MORE_SIGNAL = (
    "raise decode.candidates and interpolate.total, or lower filter.class_agreement if few texts are accepted"
)
REMEDIES = {  # first part of the name of a metric -> what to change
    "memorization": _LESS_LEAKAGE,
    "identifiers": "list in source.names the columns that contain names of persons, mark other identifiers in "
    "deidentify.sample to see what the engine misses, and run `synthgen models pull rampart`",
    "membership": _LESS_LEAKAGE,
    "neighbours": _LESS_LEAKAGE,
    "linkage": _LESS_LEAKAGE,
    "parent_recovery": "use interpolate.method: dp-gaussian with dp.epsilon; a policy with `dp_substitute` accepts a "
    "DP budget in place of this audit",
    "input_checks": "correct the problem that the reason names: set source.dedupe for repetitions, set source.group "
    "for persons in both train and control, use a random split if train and control differ",
    "utility": _MORE_SIGNAL,
    "balance": "lower filter.class_agreement, raise decode.candidates, or set interpolate.balance to request fewer "
    "records of the class that has fewer records than requested",
    "records": "request more records (interpolate.total), or relax the filter that rejects the most texts",
    "attempts": "use control persons who were not audited before",
    "secret": "remove `secret: public`",
    "selftest": "run `audits selftest` on train and control to see which case of the calibration suite failed",
    "deidentify": "mark more identifiers in deidentify.sample, or use deidentify.engine: rules+ner",
    "dp": "lower dp.epsilon or dp.delta, or use a policy that allows the present values",
    "accounting": "correct the problem that the reason states; the mechanism log must match the claimed budget "
    "and the replay",
}
UNITS = {  # unit of a metric, by the last part of the metric's name, such as `auc` in `membership.auc`
    "passed": "1 = passed, 0 = not passed",
    "measured": "1 = measured, 0 = not measured",
    "problems": "problems of the tables",
    "foreign_rows": "share of synthetic records",
    "quarantined_rows": "synthetic records",
    "hard_hits": "copies or identifiers found",
    "tau": "share of persons",
    "copied_persons": "share of persons",
    "auc": "AUC, 0.5 = guessing",
    "tpr_at_fpr_5pct": "share of members",
    "epsilon_lower_bound": "ε",
    "margin": "largest allowed difference between a share and the share expected by chance",
    "limit": "largest allowed additional risk, from 0 to 1",
    "lineage": "1 = parents known, 0 = not known",
    "tstr_over_trtr": "ratio of macro-F1",
    "worst_class_ratio": "ratio of recall",
    "tv_distance": "share of records",
    "synthetic": "records",
    "number": "audits of the same control persons",
    "private": "1 = secret, 0 = public",
    "epsilon": "ε",
    "delta": "δ",
    "recall": "share of identifiers",
    "gates": "conditions of the policy",
}
# remedy if there is too little data for a verdict
MORE_EVIDENCE = "add persons to the source (or records, if the reason states a number of records)"
SUITE_NOT_RUN = "meet all other conditions of the policy first; only then does a run execute the calibration suite"
ANOTHER_ATTEMPT = (
    "Each further run that is audited on the same control persons counts as an attempt and must reach a higher "
    "confidence; `synthgen plan` and changes of the policy do not count."
)

NEW_NOISE = (
    "A run that draws new noise also reserves privacy budget again, and spent privacy budget cannot be recovered."
)


def with_remedies(decision: Decision, audit_reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each gate that is not met: the unit and sample size of its metric, the reason, a remedy.

    `audit_reasons` maps the name of each audit that did not pass to the reason of its verdict.
    """
    for gate in decision.gates:
        if gate.verdict != "PASS":
            # a gate on the metric `AUDIT.passed` requires the audit to pass
            audit = gate.metric.removesuffix(".passed")
            reason = f"{gate.reason}: {audit_reasons[audit]}" if audit in audit_reasons else gate.reason
            found = f"{gate.id}: {gate.verdict}: {gate.metric}{_unit_and_n(gate)}: {reason}"
            yield f"{found}; to meet this condition, {_remedy(gate)}; see `audits explain {_first_part(gate)}`"


def another_attempt(policy: Policy, *, is_dp: bool) -> str:
    """Return sentences on what a further run costs; `is_dp` states whether this run has a privacy budget."""
    attempt = "This policy sets no condition on the number of attempts." if policy.is_independent else ANOTHER_ATTEMPT
    return f"{attempt} {NEW_NOISE}" if is_dp else attempt


def review_advice(workspace: Path, *, has_file: bool) -> str:
    """Return a sentence on how to see the affected rows; `has_file`: whether the run has a configuration file."""
    call = "call `synthgen.release.review.page.write_review(run)`"
    how = f"run `synthgen review {shlex.quote(str(workspace))}`" if has_file else call
    return f"To see the rows and words that the audits found, {how}, which writes review.private.html."


def _unit_and_n(gate: RuleOutcome) -> str:
    name = gate.metric.removesuffix(".value").removesuffix(".low").removesuffix(".high").rpartition(".")[2]
    unit = "wrong cases of the calibration suite" if name.endswith("_wrong") else UNITS.get(name)
    parts = [] if unit is None else [f"unit: {unit}"]
    if gate.estimate is not None:
        parts.append(f"n = {gate.estimate.n}")
    return f" ({'; '.join(parts)})" if parts else ""


def _first_part(gate: RuleOutcome) -> str:
    return gate.metric.partition(".")[0]


def _remedy(gate: RuleOutcome) -> str:
    if _first_part(gate) == "selftest" and gate.value is None:
        return SUITE_NOT_RUN
    remedy = REMEDIES.get(_first_part(gate), "read the explanation")
    return f"{MORE_EVIDENCE}; or {remedy}" if gate.verdict == "INSUFFICIENT" else remedy
