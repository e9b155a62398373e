"""Find the rules of a policy that a run cannot meet, whatever its records are."""

from collections.abc import Iterator

from audits.gate.policy import Policy
from audits.gate.rule import Rule
from audits.runner.registry import AUDITS

# Metrics that no audit measures. Key: first part of the name, such as "secret" of "secret.private"; value: possible
# second parts, None for any.
NUMBERS: dict[str, frozenset[str] | None] = {
    "records": frozenset({"synthetic", "quarantined"}),
    "attempts": frozenset({"number"}),
    "secret": frozenset({"private"}),
    "method": frozenset({"private"}),
    "balance": frozenset({"tv_distance"}),
    "deidentify": frozenset({"recall"}),
    **dict.fromkeys(("utility", "input_checks", "dp", "selftest"), None),
}
AT_LEAST = {"attempts.number": 1.0}  # key: metric; value: its smallest possible value
# metrics with a smallest possible value: the value in `AT_LEAST`, else 0
NOT_NEGATIVE = {f"{source}.{name}" for source, names in NUMBERS.items() for name in names or ()}
NOT_NEGATIVE |= {"memorization.hard_hits", "memorization.copied_persons", "identifiers.hard_hits", "membership.auc"}
NOT_NEGATIVE |= {"membership.tpr_at_fpr_5pct", "utility.tstr_over_trtr", "utility.worst_class_ratio"}
NOT_NEGATIVE |= {"input_checks.problems"}
# metrics that are at most 1
SHARES = {"memorization.copied_persons", "membership.auc", "membership.tpr_at_fpr_5pct", "balance.tv_distance"}
SHARES |= {"deidentify.recall", "secret.private", "method.private"}


def rule_problems(policy: Policy, n_records: int) -> Iterator[str]:
    """Yield a line for each rule with an unknown metric or impossible limit, and each pair of contradictory rules."""
    rules = policy.all_rules()
    for rule in rules:
        if (why := _why_unmeetable(rule, n_records)) is not None:
            yield f"rule {rule.id} ({rule.metric} {rule.op} {rule.limit:g}): {why}"
    for one in (rule for rule in rules if rule.op == ">="):
        for other in rules:
            if (other.metric, other.bound, other.op) == (one.metric, one.bound, "<=") and other.limit < one.limit:
                yield f"rules {one.id} and {other.id} ({one.metric}): no number meets both limits; correct the policy"


def _why_unmeetable(rule: Rule, n_records: int) -> str | None:
    """Return why no run with `n_records` synthetic records can meet a rule; None if a run may meet it."""
    source, _, name = rule.metric.partition(".")
    if source in NUMBERS:
        names = NUMBERS[source]
        if names is not None and name not in names:
            measured = ", ".join(f"{source}.{one}" for one in sorted(names))
            return f"no run measures this number; a run measures {measured}"
    elif source not in AUDITS:
        return f"no run measures this number; the name of a number must begin with {', '.join((*NUMBERS, *AUDITS))}"
    smallest = AT_LEAST.get(rule.metric, 0.0)
    if rule.op == "<=" and rule.metric in NOT_NEGATIVE and rule.limit < smallest:
        return f"the number is never below {smallest:g}; correct the policy"
    if rule.op == ">=" and rule.metric in SHARES and rule.limit > 1:
        return "the number is never above 1; correct the policy"
    if rule.metric == "records.synthetic" and rule.op == "<=" and rule.limit < n_records:
        return f"interpolate.total requests {n_records} records; request at most {rule.limit:g}"
    return None
