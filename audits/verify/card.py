"""Write the dataset card: the README.md of a bundle (the folder of a released dataset).

The card begins with a YAML header (front matter), which dataset hubs read. The bytes of the card are signed, so they
must not depend on the version of a library such as huggingface_hub.
"""

import json
import re
from collections.abc import Sequence

from audits.gate.disclosure import verdicts_only
from audits.gate.outcome import RuleOutcome
from audits.gate.policy import Policy, decide
from audits.report import GateRow, Guarantee, gate_rows
from audits.verify.contents import JSONL, PARQUET
from audits.verify.published import BundleParts
from audits.verify.statement import Privacy

# (n, name): the size category that dataset hubs use for datasets with fewer than n records
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>&~:.@$-])")  # characters with a meaning in Markdown or HTML


def card(parts: BundleParts) -> bytes:
    """Return the card in UTF-8; all free text from data and configuration is escaped, and no record is included."""
    policy, stated = parts.policy, parts.predicate
    decision = decide(parts.evidence, policy)
    lines = [
        *("---", *_front_matter(parts), "---", ""),
        f"# {escape(stated.dataset.name)}\n",
        f"> **{escape(policy.statement)}**\n",
        f"Every record is synthetic. Release `{stated.release_id}`, policy `{policy.name}` version {policy.version}.",
        "",
        "## Verify before use\n",
        "```\nsynthgen verify . --trust trust.json\n```\n",
        "Obtain the trust root from the data owner, never from this folder. Do not use a copy that does not verify.",
        "",
        "## Classes\n",
        "| class | records |\n|---|---:|",
        *(f"| {escape(label)} | {count} |" for label, count in sorted(parts.classes.items())),
        "",
        *_guarantee_section(guarantee_of(stated.privacy, policy)),
        "## Gates\n",
        "| gate | number | found | limit | verdict |\n|---|---|---:|---:|---|",
        *(_gate_line(row) for row in gate_rows(decision.gates, policy)),
        "",
        *_verdict_section(decision.without_gate, policy.name),
        "The numbers that are published, with their intervals, are in `report/report.html`.\n",
        "## Limitations\n",
        *(f"- {escape(limit)}" for limit in stated.limitations),
        "\n## Uses\n",
        "Use the dataset to train classifiers, and test these on real text. What its texts state may be false.\n",
    ]
    return "\n".join(lines).encode()


def _verdict_section(outcomes: Sequence[RuleOutcome], policy: str) -> list[str]:
    if not outcomes:
        return []
    return [
        "## Verdicts that do not affect the decision\n",
        f"The policy `{policy}` requires that these audits run. The release does not depend on their verdicts.",
        "Rules about their numbers, if the policy has any, are gates. Another policy may refuse the release if a",
        "verdict is not PASS.",
        "WITHHELD: the verdict is not published.\n",
        "| audit | verdict |\n|---|---|",
        *(f"| {outcome.id.removeprefix('audit-')} | **{outcome.verdict}** |" for outcome in outcomes),
        "",
    ]


def guarantee_of(privacy: Privacy, policy: Policy) -> Guarantee | None:
    """Return the guarantee that the signed statement of a release claims; None without differential privacy."""
    if privacy.epsilon is None or privacy.delta is None:
        return None
    from audits.attacks.accounting.accountants import further_epsilon  # imports scipy, which takes 0.5 s

    budget, limits = privacy.budget, policy.dp or policy.dp_substitute
    further = None  # the largest epsilon that one more run may have under the limit of the policy
    if budget is not None and limits is not None:
        further = further_epsilon(budget.spent_after, limit=limits.max_epsilon, delta=budget.delta)
    return Guarantee(
        epsilon=privacy.epsilon,
        delta=privacy.delta,
        outside=privacy.non_private_steps,
        policy=policy.name,
        is_independent=policy.is_independent,
        withholds=verdicts_only(policy),
        spent=None if budget is None else (budget.spent_after, budget.delta),
        limit=None if limits is None else limits.max_epsilon,
        further=further,
    )


def _guarantee_section(found: Guarantee | None) -> list[str]:
    if found is None:
        return []
    lines = (f"- **{escape(term)}:** {escape(sentence)}" for term, sentence in found.lines)
    outside = (f"- {escape(sentence)}" for sentence in found.outside)
    return ["## Privacy guarantee", "", *lines, "", "Not covered by the guarantee:", "", *outside, ""]


def _gate_line(row: GateRow) -> str:
    value = "–" if row.value is None else f"{row.value:.4g}"
    return f"| {row.id} | {escape(row.metric)} | {value} | {escape(row.op)} {row.limit:g} | {row.verdict} |"


def escape(text: str) -> str:
    """Return a text as one line, escaped so that Markdown and HTML display its characters unchanged."""

    def escaped(match: re.Match[str]) -> str:
        return f"&#{ord(match[0])};" if match[0] in "<>&|`" else f"\\{match[0]}"

    return _MARKUP.sub(escaped, "".join(char if char.isprintable() else " " for char in text))


def _front_matter(parts: BundleParts) -> list[str]:
    dataset = parts.predicate.dataset
    size = next((name for limit, name in _SIZES if dataset.records < limit), "n>1M")
    data = PARQUET if PARQUET in parts.data else JSONL
    # JSON values are valid YAML; `json.dumps` escapes quotes, so a quote in a text cannot end the string early
    fields = {
        "license": dataset.license,
        "language": list(dataset.language),
        "task_categories": ["text-classification"],
        "size_categories": [size],
        "tags": ["synthetic"],
        "source_datasets": [],
        "pretty_name": dataset.name,
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": data}]}],
    }
    return [f"{key}: {json.dumps(value)}" for key, value in fields.items()]
