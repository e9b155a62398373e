"""Before any audit runs, find the gates of a policy that cannot pass because an input is missing.

A gate compares a metric with a limit. An example of a metric is `membership.auc.high`, the upper end of the interval
of the AUC in the audit `membership`. The part before the first dot is the source: an audit, or another source such as
`attempts` (the ledger, which counts the audits of the same control persons).
"""

from collections.abc import Collection

from audits.core.types import AuditInputs
from audits.gate.evidence import Evidence
from audits.gate.policy import Policy, decide
from audits.runner.registry import AUDITS, NEEDS, applicable_audits

OPTIONS = {  # source of numbers that is not an audit -> option that supplies its numbers
    "attempts": "--ledger",
    "balance": "--utility",
    "secret": "--streams-are-secret",
    "selftest": "--selftest",
    "style": "--utility",
    "utility": "--utility",
}
# required input of an audit (see `NEEDS`) -> option that supplies this input
INPUT_OPTIONS = {
    "canaries": "--canaries and --canary-build",
    "mechanism": "--mechanism",
    "previous": "--previous and --previous-train",
}
# metrics of `parent_recovery` that require `--lineage` (the train rows from which each synthetic row was made)
LINEAGE_METRICS = {
    *("lineage", "records_with_parents", "parent_recall", "pair_recall", "parent_recall_ratio", "max_weight"),
    *("min_effective_parents", "min_row_persons", "max_person_share", "max_person_rows", "min_class_persons"),
}
ALWAYS = {"input_checks", "records"}  # sources whose numbers every run has, without an option


def impossible_gates(
    policy: Policy, inputs: AuditInputs, audits: Collection[str] | None, numbers: set[str]
) -> tuple[str, ...]:
    """Return a line for each gate that cannot pass, with the option that supplies the missing input.

    `audits` names the audits that will run; None means every audit whose inputs are given. `numbers` names the
    metrics that options supply, such as `attempts.number`.
    """
    run = applicable_audits(inputs) if audits is None else tuple(audits)
    lines = []
    # some gates apply only to certain evidence; for empty evidence, `decide` returns the gates that always apply
    for gate in decide(Evidence(metrics={}, audits={}), policy).gates:
        source, name_and_bound = gate.metric.split(".", 1)  # for example "membership" and "auc.high"
        name = name_and_bound.rsplit(".", 1)[0]
        needed = ""
        if source in AUDITS and source not in run:
            option = INPUT_OPTIONS[NEEDS[source]] if source in NEEDS else ""
            needed = f"the audit {source} does not run" + (f"; it requires {option}" if option else "")
        elif source == "parent_recovery" and name in LINEAGE_METRICS and inputs.lineage is None:
            needed = "requires --lineage"
        elif (source, name) == ("membership", "mirror_auc") and inputs.mirror is None:
            needed = "requires --mirror"
        elif source not in AUDITS and source not in ALWAYS and f"{source}.{name}" not in numbers:
            option = OPTIONS.get(source, "")
            supplied = f"requires {option}, which supplies the number {source}.{name}"
            needed = supplied if option else "no option supplies this number"
        if needed:
            lines.append(f"{gate.id}: INSUFFICIENT: {needed}")
    return tuple(lines)
