"""Independent policies: after noise is drawn, no measurement on private records affects the decision to release.

If audits decide on a release, the release reveals that they passed. Differential privacy (DP) does not cover this
information, because audits compare synthetic with train records without adding noise. Under an independent policy
(`dp: {decision: independent}`), the gates (conditions of the policy) read only numbers that follow from the
configuration, the ledger, the log of the DP mechanisms and the synthetic table. All audits are still run, but only
the institution sees the results.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from audits.gate.dp_substitute import ACCOUNTING
from audits.gate.rule import Rule

INDEPENDENT = "independent"
_INDEPENDENT_METRIC = re.compile(
    rf"{ACCOUNTING}\..+|balance\.tv_distance|method\.private|records\.synthetic|secret\.private"
)


def is_independent_metric(name: str) -> bool:
    """Return whether a metric depends on private records only through the noisy results of the DP queries."""
    return _INDEPENDENT_METRIC.fullmatch(name) is not None


def private_requirements(audits: Mapping[str, Sequence[str]], rules: Sequence[Rule]) -> Iterator[str]:
    """Yield each entry of a policy that makes a gate read private records after the noise is drawn.

    `audits` has the policy's lists of audits by key: `required`, `measured` and `selftest`. A rule with `min_n` is
    also such an entry: it reads the sample size of a metric, and the sample size of the metrics of `accounting` is
    the number of train persons.
    """
    for key, names in audits.items():
        yield from (f"{key}: {name}" for name in names if name != ACCOUNTING or key == "selftest")
    for rule in rules:
        if not is_independent_metric(rule.metric):
            yield f"rules: {rule.id} ({rule.metric})"
        elif rule.min_n is not None:
            yield f"rules: {rule.id} (min_n)"
