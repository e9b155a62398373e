"""Independent policies: after the noise is drawn, no measurement on private records affects the decision.

If audits decide on a release, its existence reveals that they passed. The audits compare the synthetic records with
the train records without adding noise, so the differential-privacy guarantee does not cover this information. Under
`dp: {decision: independent}`, the gates read only numbers that follow from the configuration, the ledger, the log of
the mechanism and the synthetic table. All audits are still run, and only the owner sees their results.
"""

import re
from collections.abc import Iterator, Sequence

from audits.gate.dp_substitute import ACCOUNTING
from audits.gate.rule import Rule

INDEPENDENT = "independent"
# numbers that do not depend on private records, given the answers to the DP queries
_INDEPENDENT_METRIC = re.compile(
    rf"{ACCOUNTING}\..+|balance\.tv_distance|method\.private|records\.synthetic|secret\.private"
)


def is_independent_metric(name: str) -> bool:
    """Return whether a metric has the same value for all private records that give the same answers to DP queries."""
    return _INDEPENDENT_METRIC.fullmatch(name) is not None


def private_requirements(
    *, required: Sequence[str], measured: Sequence[str], selftest: Sequence[str], rules: Sequence[Rule]
) -> Iterator[str]:
    """Yield each entry of a policy that reads private records after the noise is drawn.

    A rule with `min_n` reads private records, because the n of an accounting metric is the number of persons.
    """
    for key, audits in (("required", required), ("measured", measured), ("selftest", selftest)):
        yield from (f"{key}: {audit}" for audit in audits if audit != ACCOUNTING or key == "selftest")
    for rule in rules:
        if not is_independent_metric(rule.metric):
            yield f"rules: {rule.id} ({rule.metric})"
        elif rule.min_n is not None:
            yield f"rules: {rule.id} (min_n)"
