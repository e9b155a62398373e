"""Implement `audits explain`: print a page of `audits/explain`.

Each page explains an audit, or another source of numbers, such as `balance` (the class sizes). A gate of a policy
compares one number with a limit. The page on the source of the number also explains the gate.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from audits.cli.console import AsJson
from audits.core.errors import InputError

_ALIASES = {"dp_epsilon": "dp", "dp_delta": "dp"}  # name that a user can type -> name of the page
_PREFIXES = ("audit_", "dp_consistent_")  # prefixes of the ids of gates
_HELP = "an audit (name or letter A to I), another source of numbers (such as balance), or a gate of a policy"


def explain(audit: Annotated[str, typer.Argument(help=_HELP)], *, as_json: AsJson = False) -> None:
    """Explain an audit, another source of numbers (such as balance), or a gate of a policy.

    The explanation states what is measured, what the results mean, and what to change.
    """
    from audits.runner.registry import AUDITS

    folder = Path(__file__).parents[1] / "explain"
    pages = {page.stem: page for page in sorted(folder.glob("*.md"))}
    letters = dict(zip("abcdefghi", AUDITS, strict=True))
    given = audit.lower().replace("-", "_")
    name = letters.get(given) or _ALIASES.get(given) or _page_name(given)
    if name not in pages:
        name = _pages_of_gates().get(given, "")
    if name not in pages:
        hint = f"Known names: {', '.join(pages)}, and the gates of the shipped policies."
        raise InputError(f"there is no explanation of {audit!r}", hint=hint)
    page = pages[name].read_text(encoding="utf-8")
    sys.stdout.write(json.dumps({"name": name, "markdown": page}, indent=1) + "\n" if as_json else page)


def _page_name(name: str) -> str:
    """Return the name of the page of a gate or number: `audit_linkage` -> `linkage`, `balance.value` -> `balance`."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.partition(".")[0]


def _pages_of_gates() -> dict[str, str]:
    """Return the name of the page of each gate, by gate id with `_` in place of `-`.

    The gates are those of the shipped policies, and the gate on quarantined rows.
    """
    from audits.gate.rule import NO_QUARANTINED_ROW
    from audits.gate.shipped import load_policy, shipped_policies

    policies = [load_policy(file.stem) for file in shipped_policies().glob("*.yaml")]
    rules = [rule for policy in policies for rule in (*policy.all_rules(), *policy.dp_method_rules())]
    return {rule.id.replace("-", "_"): rule.metric.partition(".")[0] for rule in (*rules, NO_QUARANTINED_ROW)}
