"""State the decision on a release in words: the headline of the page, and whether the table may be passed on."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audits.gate.rule import STATED
from audits.report.content import GateRow, ReportContent
from audits.report.glossary import LEAKS, TOPICS
from audits.report.numbers import count, listed, several

_GUESSABLE = (
    "The secret of the run is not private (for example, it is a published seed).",
    "Whoever knows the seed and the source could compute which records were used.",
    "Do not pass the table on; make it again with a secret of your own.",
)
_LIMITS_AND_THRESHOLDS = (
    "The limits of the policy determine whether the table may be released. Each attack also has a threshold, which"
    " affects only the result of the attack."
)
_BAD = '"Bad result" means that a test of the attack exceeded its threshold.'
_MAX_NAMED = 6  # largest number of topics in one sentence
_THRESHOLDS = {"tau", "margin", "limit"}  # last parts of names of metrics that state a threshold, not a result


def headline(content: ReportContent) -> str:
    """Return one line with the decision and the number of rules that are met or not met."""
    rules, policy = len(content.gates), f'the policy "{content.policy_name}"'
    if content.verdict == "refused":
        unmet = sum(gate.verdict != "PASS" for gate in content.gates)
        return f"Refused: {unmet} of {several(rules, 'rule')} of {policy} {'is' if unmet == 1 else 'are'} not met"
    use = "Cleared for internal use only" if content.intended_use == "inside" else "Released"
    met = f"{use}: {f'all {rules} rules of {policy} are' if rules > 1 else f'the rule of {policy} is'} met"
    n = len(not_passed(content))
    return f"{met}; {several(n, 'attack')} did not pass, which the policy allows" if n else met


def not_passed(content: ReportContent) -> list[GateRow]:
    """Return the audits that do not affect the decision and whose published verdict is FAIL or INSUFFICIENT."""
    return [
        row for row in content.without_gate if row.verdict in {"FAIL", "INSUFFICIENT"} and _source_name(row) in LEAKS
    ]


def leaving(content: ReportContent) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return the answer to "May the table leave the institution?": a few words, sentences, and entries of a list."""
    policy, secret = f'The policy "{content.policy_name}"', _GUESSABLE if content.is_guessable else ()
    if content.verdict == "refused":
        return "No.", (*_refusal(content), *secret), ()
    items = tuple(_result(row, content) for row in not_passed(content))
    limits = _limit_sentences(content) if items else ()
    if content.intended_use == "inside":
        return "No.", (f"{policy} allows use inside the institution only.", *secret, *limits), items
    if content.is_guessable:
        return "No.", (*secret, *limits), items
    signed = "the required approvals are in the bundle and " if content.approvals else ""
    condition = f"if {signed}the command synthgen verify reports VERIFIED."
    return "Yes,", (condition, f"{policy} is for use outside.", *limits), items


def _refusal(content: ReportContent) -> Iterator[str]:
    policy = f'The policy "{content.policy_name}"'
    if not content.gates:
        yield f"{policy} has no rule, so it allows no release."
        return
    yield f"{policy} refused it."
    failed = [gate for gate in content.gates if gate.verdict == "FAIL"]
    undecided = [gate for gate in content.gates if gate.verdict == "INSUFFICIENT"]
    if failed:
        yield f"{several(len(failed), 'rule')} failed: {_topics(failed)}."
    if undecided:
        groups = defaultdict[str, list[GateRow]](list)
        for gate in undecided:
            groups[_reason(gate, content)].append(gate)
        largest_first = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
        parts = [f"{_count_and_verb(len(gates), why)} ({_topics(gates, ', ')})" for why, gates in largest_first]
        yield f"{several(len(undecided), 'rule')} could not be decided: {listed(parts, '; ')}."
    yield "The records stay in the workspace and may not be used inside the institution either."


def _count_and_verb(n: int, what: str) -> str:  # (3, "have no result") -> "3 have no result"; 1 -> "1 has no result"
    return f"{count(n)} {what}" if n > 1 else f"1 {what.replace('have ', 'has ').replace('were ', 'was ')}"


def _reason(gate: GateRow, content: ReportContent) -> str:
    """Return why a gate (rule) could not be decided, such as "were not measured" for "3 were not measured"."""
    # the cause is recognised by words in `gate.reason`, a sentence from `audits.gate`
    if gate.is_withheld:
        return "have no published number"
    audit = _audit(gate, content)
    is_underpowered = gate.metric.split(".")[1] in _THRESHOLDS and audit.get("status") == "measured"
    if gate.reason.startswith("based on ") or (is_underpowered and audit["verdict"] != "pass" and gate.value is None):
        return f"have too few {'people or texts' if content.source.has_persons else 'records'}"
    if "inconclusive" in gate.reason:
        return "have no clear result"
    if gate.value is None or "not run" in gate.reason or "not measur" in gate.reason.replace("_", " "):
        return "were not measured"
    return "have too low a confidence" if "confidence" in gate.reason else "have no clear result"


def _topics(gates: Sequence[GateRow], between: str = "; ") -> str:
    names = [*dict.fromkeys(_topic(gate) for gate in gates)]
    more = len(names) - _MAX_NAMED
    return listed([*names[:_MAX_NAMED], f"{more} more"] if more > 0 else names, between)


def _topic(row: GateRow) -> str:
    return LEAKS.get(_source_name(row)) or TOPICS.get(_source_name(row), "other checks")


def _source_name(row: GateRow) -> str:
    # the source of the gate's number: the name of an audit, or another source such as `records`
    return row.metric.partition(".")[0]


def _limited(content: ReportContent) -> set[str]:
    """Return the names of the audits with a gate on a result, not only on a threshold or status."""
    metrics = [gate.metric.split(".")[:2] for gate in content.gates]
    not_results = _THRESHOLDS | {"measured"}
    return {a for a, key in metrics if a in LEAKS and f"{a}.{key}" not in STATED and key not in not_results}


def _limit_sentences(content: ReportContent) -> tuple[str, ...]:
    limited = _limited(content)
    has_unlimited = any(
        _source_name(row) in LEAKS and _source_name(row) not in limited for row in content.without_gate
    )
    named = [words for name, words in LEAKS.items() if name in limited]
    lines = [_LIMITS_AND_THRESHOLDS]
    if named:
        lines.append(f"The policy limits the results of these attacks: {listed(named, '; ')}.")
    if has_unlimited:
        lines.append(f"The policy sets no limit for {'the other attacks' if named else 'the results of attacks'}.")
    lines += [_BAD] if any(row.verdict == "FAIL" for row in not_passed(content)) else []
    where = content.intended_use
    return (*lines, f"The policy allows use {where} the institution although these attacks did not pass:")


def _result(row: GateRow, content: ReportContent) -> str:
    audit = _audit(row, content)
    if row.verdict == "INSUFFICIENT":
        beyond = "the true value may lie below or above its threshold"
        why = beyond if _reaches_beyond(audit) else "there is too little evidence"
        return f"{LEAKS[_source_name(row)]}: no clear result{f', because {why}' if audit else ''}"
    is_limited = _source_name(row) in _limited(content)
    limit = "within the limit of the policy" if is_limited else "and the policy sets no limit for this attack"
    elsewhere = "; the main number could come from guessing, but another test of this attack exceeded its threshold"
    return f"{LEAKS[_source_name(row)]}: bad result, {limit}{elsewhere if _includes_guessing(audit) else ''}"


def _audit(row: GateRow, content: ReportContent) -> Mapping[str, Any]:
    return next((audit for audit in content.audits if audit["name"] == _source_name(row)), {})


def _includes_guessing(audit: Mapping[str, Any]) -> bool:
    # an attacker who guesses is expected to score midway between the lower and the upper threshold
    estimate, thresholds = audit.get("estimate"), audit.get("threshold")
    if estimate is None or not isinstance(thresholds, list | tuple):
        return False
    return bool(estimate["low"] <= sum(thresholds) / 2 <= estimate["high"])


def _reaches_beyond(audit: Mapping[str, Any]) -> bool:
    """Return whether the interval of the audit's main number reaches beyond a threshold of the audit."""
    estimate, threshold = audit.get("estimate"), audit.get("threshold")
    if estimate is None or threshold is None:
        return False
    # the main number of an audit with a single threshold, such as a difference of two shares, is never below -1
    low, high = threshold if isinstance(threshold, list | tuple) else (-1.0, threshold)
    return bool(estimate["low"] < low or estimate["high"] > high)
