"""Disclosure control: reduce the precision of private numbers in every file that is published.

Unless the policy has `publish_exact_counts`, a number is rounded as follows:

    sample size n  down to 0, 1, 2, 5, 10, 20, 50, ..., or to the `min_n` of a rule of the policy
    interval       ends outward to a multiple of 0.01 (n below 100), 0.005 (n below 1,000) or 0.001, but not beyond a
                   limit of the policy; the width of an exact interval would reveal n
    count metric   to the interval from the first to the last count of its bucket: 1 to 9, 10 to 19, 20 to 49, ...
    other count    to a bucket such as `200-500`: 200 or more, but below 500; 0 stays, and all counts from 1 to
                   `min_histogram_bin` - 1 have one bucket, `1-9` by default
    share          in the details of an audit, to a multiple of 0.01

Under a policy that requires differential privacy (DP), only verdicts are published (`verdicts_only`). A number that
was measured on private records without noise is omitted or, if a rule reads it, replaced by the limit of the rule. An
independent policy (`audits.gate.independent`) omits verdicts about private records too.

A rule has the same outcome before and after rounding, unless the policy has both an upper and a lower limit for one
exact number. A second rounding changes nothing; so a verifier rounds again, and refuses evidence that changes.

Reference: minimum cell sizes of 5 and 10 are common in statistical disclosure control (Hundepool et al., 2012).
"""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from audits.gate.coarse import public_curve, public_histogram
from audits.gate.dp_substitute import ACCOUNTING, LINEAGE, PARENTS
from audits.gate.evidence import AUDIT_NAMES, WITHHELD, AuditState, Evidence, Metric, evidence_from
from audits.gate.independent import is_independent_metric
from audits.gate.policy import ATTACKS, Policy

FIELDS = set(Metric.model_fields)  # keys of a number with an interval in a JSON file
DETAIL_STEP = 0.01  # fractions in the details of an audit are rounded to multiples of this number
MAX_COUNT = 10**9  # the largest count that is published
MAX_MEASURED = 1000  # the largest absolute value of a published number that is not a count
_EDGES = (*(step * 10**power for power in range(9) for step in (1, 2, 5)), MAX_COUNT)  # lower ends of the buckets
# metrics about the release, policy or ledger, and not about source records; their exact numbers stay exact
_EXACT_METRIC = re.compile(r"(?:attempts|selftest|secret|method|ledger|accounting)\..*|records\.synthetic")
_IS_COUNT = re.compile(r".*(?:person|\.hard_hits$|\.longest_run$)")  # metrics whose value 1 is a count, not a share
# metrics that depend on private records at most through noisy results that the privacy budget covers
_NOT_PRIVATE = re.compile(
    r"attempts\.number|(?:secret|method)\.private|balance\.tv_distance|records\.synthetic|accounting\."
    r"(?:estimate|delta|unaccounted_reads|epsilon(?:_recomputed|_rdp|_prv|_spent)?)"
)
_EPSILON_LOWER_BOUNDS = {f"{name}.epsilon_lower_bound" for name in ATTACKS}
_ALWAYS_PUBLISHED = {LINEAGE, PARENTS, "records.quarantined"}  # metrics that are published even if no rule reads them
# keys of `audit.json` that are omitted (`seed`, `quarantined`) or changed
_TRANSFORMED = {"inputs", "seed", "results", "input_checks", "quarantined"}
_DP_REPORT_KEYS = {"schemaVersion", "tool", "inputs"}  # keys of a report that are published under DP
_DP_RESULT_KEYS = ("name", "confidence", "direction")  # keys of a result that are published unchanged under DP
_VERDICT_ONLY_REASON = "withheld: under differential privacy only the verdicts of gates are published"
# metrics whose n stays exact; without `accounting`, whose n is the number of persons
_EXACT_N = re.compile(r"(?:attempts|selftest|secret|method|ledger)\..*|records\.synthetic")
# keys of details in which an integer 1 is a share and not a count
_SHARE_KEY = re.compile(
    r"(?:^|_)(?:p|share|rate|auc|value|low|high|confidence|tau|margin|limit|ratio|error|chance|strength|epsilon)$"
)
_NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})++|\d++)(\.\d++)?+(\s?%)?(-[A-Za-z])?")  # "1,234", "0.5 %"


def floor_of(count: int, min_ns: Sequence[int] = ()) -> int:
    """Return the largest number up to `count` among 0, 1, 2, 5, 10, 20, 50, ... and the numbers in `min_ns`."""
    return max([_bucket_ends(count)[0], *(edge for edge in min_ns if edge <= count)])


def bucket(count: int) -> str:
    """Return the 1-2-5 bucket of a count: `1999 -> "1k-2k"`, `7 -> "0-10"`; the upper end is not in the bucket."""
    low, high = (0, 10) if count < 10 else _bucket_ends(count)
    return "-".join(f"{end // 1000}k" if end >= 1000 else str(end) for end in (low, high))


def cannot_hide_text(number: float) -> bool:
    """Return whether a number cannot hide text: it is an end of a bucket, or at most 1000 with at most 3 decimals."""
    is_end = any(number in {edge, edge - 1} for edge in _EDGES)
    return is_end or (abs(number) <= MAX_MEASURED and number == round(number * 1000) / 1000)


def is_bucket(text: str) -> bool:
    """Return whether this text is the `bucket` of a count from 0 to 10^9."""
    return text in {bucket(n) for n in (0, *_EDGES)}


def public_count(count: int, policy: Policy) -> int | str:
    """Return a count as published: 0 as 0, 1 to `min_histogram_bin` - 1 as one bucket, others as their `bucket`."""
    min_count = policy.disclosure.min_histogram_bin
    if policy.disclosure.publish_exact_counts or count == 0:
        return count
    if count < 0:
        return f"-{public_count(-count, policy)}"
    return f"1-{min_count - 1}" if count < min_count else bucket(count)


def is_public_count(value: int | str, policy: Policy) -> bool:
    """Return whether this value is the `public_count` of a count from 0 to 10^9."""
    if isinstance(value, int):
        return 0 <= value <= MAX_COUNT and public_count(value, policy) == value
    return value in {public_count(n, policy) for n in (1, policy.disclosure.min_histogram_bin, *_EDGES)}


def public_metric(name: str, metric: Metric, policy: Policy) -> Metric:
    """Return the public form of a metric; `name` has the form `audit.metric`.

    The public interval contains the exact interval, except if the metric is exact (low = high) and a rule reads its
    `value`. Then one number replaces the interval, and each rule on the metric keeps its outcome:
    - rules with `<=` only: the upper end of the rounded interval; rules with `>=` only: its lower end
    - rules with both operators on a count: a count in the rounded interval, between the same limits as before
    """
    if policy.disclosure.publish_exact_counts:
        return metric
    if policy.is_independent:
        metric = metric.model_copy(update={"confidence": _confidence(metric.confidence, policy)})
    # the first rounding can turn a fraction into a whole number, which the second rounding replaces by a bucket
    return _rounded(name, _rounded(name, metric, policy), policy)


def _rounded(name: str, metric: Metric, policy: Policy) -> Metric:
    """Return the metric rounded once; under `verdicts_only`, n becomes 1 or the largest `min_n` up to n."""
    rules = [rule for rule in policy.all_rules() if rule.metric == name]
    n = metric.n
    if not _EXACT_N.fullmatch(name):
        edges = [rule.min_n for rule in rules if rule.min_n is not None]
        n = max([1, *(e for e in edges if e <= n)]) if verdicts_only(policy) else floor_of(n, edges)
    is_exact = metric.low == metric.high
    if is_exact and _EXACT_METRIC.fullmatch(name):
        return metric.model_copy(update={"n": n})
    limits = [rule.limit for rule in rules]
    is_count = is_exact and metric.value.is_integer() and metric.value >= (1 if _IS_COUNT.match(name) else 2)
    if is_count:
        low, high = (1, 10) if metric.value < 10 else _bucket_ends(int(metric.value))
        bottom, top = float(low), float(high - 1)
        value = bottom
    else:
        step = step_of(n)
        bottom, top = _to_step(metric.low, step, ROUND_FLOOR), _to_step(metric.high, step, ROUND_CEILING)
        value = _to_step(metric.value, step, ROUND_HALF_EVEN)
    bottom = max([bottom, *(limit for limit in limits if limit <= metric.low)])
    top = min([top, *(limit for limit in limits if limit >= metric.high)])
    if metric.value in {bottom, top, *limits}:
        value = metric.value
    ops = {rule.op for rule in rules}
    if is_exact and any(rule.bound == "value" for rule in rules):
        if len(ops) == 1:
            bottom = top = value = top if ops == {"<="} else bottom
        elif is_count:
            between = bottom if bottom not in limits else math.floor(bottom) + 1.0
            bottom = top = value = metric.value if metric.value in limits else between
    return Metric(value=min(max(value, bottom), top), low=bottom, high=top, confidence=metric.confidence, n=n)


def _confidence(confidence: float, policy: Policy) -> float:
    # under an independent policy, a higher confidence would reveal the number of audits of the same control persons
    return min(confidence, policy.confidence) if policy.is_independent else confidence


def step_of(n: int) -> float:
    """Return the rounding step of a number with the public sample size n."""
    return 0.01 if n < 100 else 0.005 if n < 1000 else 0.001


def verdicts_only(policy: Policy) -> bool:
    """Return whether the policy forbids publishing numbers that were measured on private records without noise."""
    return policy.dp is not None and not policy.disclosure.publish_exact_counts


def is_withheld(metric: str, policy: Policy) -> bool:
    """Return whether `verdicts_only` withholds a number; `metric` includes the bound, as in `membership.auc.high`."""
    name = metric.rpartition(".")[0]
    return verdicts_only(policy) and name.split(".")[0] != ACCOUNTING and _NOT_PRIVATE.fullmatch(name) is None


def public_evidence(evidence: Evidence, policy: Policy) -> Evidence:
    """Return the evidence that a bundle (the released folder) may contain; a second call changes nothing.

    Privacy: metrics are rounded. Under DP, the result shows only which gates (conditions of the policy) passed, and
        which audits without a gate were measured. Under an independent policy, it depends on the source records only
        through the noisy results of the DP queries.
    """
    if verdicts_only(policy):
        return _verdicts(evidence, policy)
    metrics = {
        name: public_metric(name, metric, policy)
        for name, metric in evidence.metrics.items()
        if is_published(name, policy)
    }
    return evidence.model_copy(update={"metrics": metrics})


def is_published(name: str, policy: Policy) -> bool:
    """Return whether a bundle may contain a metric of this name; names chosen by a releaser could encode text."""
    rules = {rule.metric for rule in (*policy.all_rules(), *policy.dp_method_rules())}
    main = {f"{audit}.estimate" for audit in AUDIT_NAMES}
    return (
        name in {*rules, *main, *_EPSILON_LOWER_BOUNDS, *_ALWAYS_PUBLISHED}
        or _NOT_PRIVATE.fullmatch(name) is not None
    )


def _independent(evidence: Evidence, policy: Policy) -> Evidence:
    """Return the public evidence under an independent policy: without verdicts about private records."""
    metrics_with_rule = {rule.metric for rule in policy.all_rules()}
    metrics = {
        name: public_metric(name, metric, policy)
        for name, metric in evidence.metrics.items()
        if is_independent_metric(name) and (name in metrics_with_rule or _NOT_PRIVATE.fullmatch(name))
    }
    audits = {}
    if (state := evidence.audits.get(ACCOUNTING)) is not None:
        confidence = None if state.confidence is None else _confidence(state.confidence, policy)
        audits[ACCOUNTING] = state.model_copy(update={"confidence": confidence})
    digests = {name: digest for name, digest in evidence.digests.items() if name == "synthetic"}
    return evidence.model_copy(update={"metrics": metrics, "audits": audits, "digests": digests})


def _verdicts(evidence: Evidence, policy: Policy) -> Evidence:
    """Return the public evidence under a policy that requires DP.

    A metric in `_NOT_PRIVATE` is rounded. For any other metric that has a rule, see `_at_the_limit`. A lower bound on
    epsilon without a rule becomes 0 if it is at most the claim, else it stays exact. All other metrics are omitted.
    """
    if policy.is_independent:
        return _independent(evidence, policy)
    metrics = {}
    for name, metric in evidence.metrics.items():
        if _NOT_PRIVATE.fullmatch(name):
            metrics[name] = public_metric(name, metric, policy)
        elif any(rule.metric == name for rule in policy.all_rules()):
            metrics[name] = _at_the_limit(name, metric, policy)
        elif name in _EPSILON_LOWER_BOUNDS:
            claim = evidence.metrics.get("accounting.epsilon")
            is_within = claim is not None and metric.high <= claim.low
            zero = {"value": 0.0, "low": 0.0, "high": 0.0, "n": 1}
            metrics[name] = metric.model_copy(update=zero) if is_within else metric
    audit_bounds = [(rule.metric.split(".", 1)[0], rule.bound) for rule in policy.all_rules()]
    audits_with_rule = {name for name, _ in audit_bounds}
    # audits whose verdicts a gate reads; a rule that compares `value` also reads the verdict of its audit
    gating = {*policy.required, "accounting", *(name for name, bound in audit_bounds if bound == "value")}
    published = {*gating, *audits_with_rule, *policy.measured, *ATTACKS}
    states = {
        name: state if name in gating else _withheld(state, has_rule=name in audits_with_rule)
        for name, state in evidence.audits.items()
        if name in published
    }
    return evidence.model_copy(update={"metrics": metrics, "audits": states})


def _withheld(state: AuditState, *, has_rule: bool) -> AuditState:
    # if a rule reads the status of the audit, the status stays; otherwise, "measured" replaces "inconclusive", which
    # would reveal that the audit did not pass
    status = "measured" if state.status == "inconclusive" and not has_rule else state.status
    return state.model_copy(update={"verdict": WITHHELD, "status": status})


def _at_the_limit(name: str, metric: Metric, policy: Policy) -> Metric:
    """Return the metric with a limit of its rules as its number; if a rule does not hold, return it rounded."""
    rules = [rule for rule in policy.all_rules() if rule.metric == name]
    for rule in rules:
        value = float(getattr(metric, rule.bound))
        holds = value <= rule.limit if rule.op == "<=" else value >= rule.limit
        if not holds or (rule.min_n is not None and metric.n < rule.min_n):
            return public_metric(name, metric, policy)
    upper_limits, lower_limits = ([rule.limit for rule in rules if rule.op == op] for op in ("<=", ">="))
    # all rules hold, so every lower limit is at most every upper limit, and this number satisfies every rule
    number = min(upper_limits) if upper_limits else max(lower_limits)
    n = max([1, *(rule.min_n for rule in rules if rule.min_n is not None)])
    return Metric(value=number, low=number, high=number, confidence=metric.confidence, n=n)


def public_report(audit: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """Return the public form of an `audit.json`: metrics as in the public evidence, and other counts as buckets.

    Privacy: the digests of private tables and the seed are omitted, because they would confirm a correct guess of a
        table. The row numbers of quarantined rows are omitted too.
    """
    public = {key: value for key, value in audit.items() if key not in _TRANSFORMED}
    inputs = audit.get("inputs")
    if isinstance(inputs, Mapping) and "synthetic" in inputs:
        public["inputs"] = {"synthetic": inputs["synthetic"]}
    if verdicts_only(policy):
        public = {key: value for key, value in public.items() if key in _DP_REPORT_KEYS}
        return {**public, "results": _results_at_their_limits(audit, policy)}
    if "input_checks" in audit:
        public["input_checks"] = public_details(audit["input_checks"], policy)
    public["results"] = [_result(result, policy) for result in audit["results"]]
    return public


def _results_at_their_limits(audit: Mapping[str, Any], policy: Policy) -> list[dict[str, Any]]:
    """Return the public results under `verdicts_only`; only `accounting` has details and a reason of its own."""
    evidence = _verdicts(evidence_from(audit, {}), policy)
    results = []
    for result in audit["results"]:
        name = str(result["name"])
        if name == "accounting":
            results.append(_result(result, policy))
        elif name in evidence.audits:
            numbers = {key: metric.model_dump(mode="json") for key, metric in evidence.metrics.items()}
            results.append(
                {
                    **{key: result[key] for key in _DP_RESULT_KEYS if key in result},
                    **evidence.audits[name].model_dump(include={"verdict", "status"}),
                    **dict.fromkeys(("estimate", "control", "threshold")),
                    "metrics": {key: number for key, number in numbers.items() if key.startswith(f"{name}.")},
                    "details": {},
                    "reason": _VERDICT_ONLY_REASON,
                }
            )
    return results


def public_details(value: Any, policy: Policy, name: str = "", key: str = "") -> Any:
    """Return the public form of a JSON value, which may be nested.

    `key` is the last key of the value. `name` is the dotted path of its keys, beginning with the name of an audit;
    it is empty if there is no audit. A number with an interval is rounded as the metric `name`, or `key` if empty.
    """
    if isinstance(value, Mapping):
        if set(value) == FIELDS:
            return _number(name or key, value, policy)
        if "edges" in value and "train" in value:
            return public_histogram(value, policy.disclosure.min_histogram_bin, DETAIL_STEP)
        if {"fpr", "tpr"} <= set(value):
            return public_curve(value, DETAIL_STEP)
        return {k: public_details(v, policy, f"{name}.{k}" if name else "", str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [public_details(item, policy, name, key) for item in value]
    return _public_value(value, policy, key)


def _public_value(value: Any, policy: Policy, key: str) -> Any:
    if policy.disclosure.publish_exact_counts or value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return public_sentence(value, policy)
    if isinstance(value, int):
        return value if value == 1 and _SHARE_KEY.search(key) else public_count(value, policy)
    return _to_step(float(value), DETAIL_STEP, ROUND_HALF_EVEN)


def public_sentence(text: str, policy: Policy) -> str:
    """Return a sentence with its counts as buckets: `"300 rows, 1.27 %"` -> `"200-500 rows, 1.3 %"`.

    Percentages keep at most one decimal, and other fractions three. Whole percentages, a single digit before a hyphen
    and a letter (`5-gram`), and numbers directly after a letter (`top25`) do not change.
    """
    if policy.disclosure.publish_exact_counts:
        return text

    def rounded(match: re.Match[str]) -> str:
        digits, fraction, percent, word = match[1].replace(",", ""), match[2], match[3] or "", match[4] or ""
        if fraction is not None:
            places = 1 if percent else 3
            return f"{float(digits + fraction):.{places}f}".rstrip("0").rstrip(".") + percent + word
        if percent or (word and len(digits) == 1):  # 5 %, 5-gram
            return f"{digits}{percent}{word}"
        return f"{public_count(int(digits), policy)}{word}"

    return _NUMBER.sub(rounded, text)


def _result(result: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    name = str(result["name"])
    public = dict(result)
    if result.get("confidence") is not None:
        public["confidence"] = _confidence(result["confidence"], policy)
    for key in ("estimate", "control"):
        if result.get(key) is not None:
            public[key] = _number(f"{name}.{key}", result[key], policy)
    public["metrics"] = {
        key: _number(f"{name}.{key.removeprefix(f'{name}.')}", number, policy)
        for key, number in (result.get("metrics") or {}).items()
    }
    details = result.get("details") or {}
    public["details"] = public_details(details, policy, name)
    if name == "accounting":  # the claim and the noise are also in the signed statement, so they stay exact
        public["details"] |= {key: details[key] for key in ("claim", "mechanisms") if key in details}
    repeats_claim = name == "accounting" and result["verdict"] == "pass"  # the claim is public
    public["reason"] = str(result["reason"]) if repeats_claim else public_sentence(str(result["reason"]), policy)
    return public


def _number(name: str, fields: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    floats = {key: float(fields[key]) for key in FIELDS - {"n"}}
    metric = Metric.model_validate({**floats, "n": fields["n"]})
    return public_metric(name, metric, policy).model_dump(mode="json")


def _to_step(value: float, step: float, rounding: str) -> float:
    unit = Decimal(repr(step))  # decimal arithmetic leaves multiples of `step` unchanged
    return float((Decimal(repr(value)) / unit).to_integral_value(rounding) * unit) + 0.0  # no -0.0


def _bucket_ends(count: int) -> tuple[int, int]:
    if count < 1:
        return 0, 1
    scale = 10 ** (len(str(count)) - 1)
    low = next(step for step in (5, 2, 1) if count >= step * scale)
    return low * scale, {1: 2, 2: 5, 5: 10}[low] * scale
