"""The study's tables: what synthetic text alone teaches, in per cent of real, by persons, epsilon and mechanism."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

from studies.dp.trial import MECHANISMS

Trial = Mapping[str, Any]
HEAD, WORDS = "encoder-logistic", "tfidf-linear"
_ORDER = tuple(MECHANISMS)


def results_page(trials: Sequence[Trial]) -> str:
    """Return the page: a table for each set, means over seeds."""
    parts = ["# What differential privacy costs", "", _INTRODUCTION]
    for name in sorted({trial["asked"]["data"] for trial in trials}):
        parts += ["", f"## {name}", "", *_table([trial for trial in trials if trial["asked"]["data"] == name])]
    return "\n".join(parts) + "\n"


def _table(trials: Sequence[Trial]) -> list[str]:
    """Return a table of one set."""
    rows = defaultdict(list)
    for trial in trials:
        asked = trial["asked"]
        rows[asked["persons"], _ORDER.index(asked["mechanism"]), asked["epsilon"]].append(trial)
    lines = [
        "| persons | learned | ε | encoder head | TF-IDF | real: head, TF-IDF | manner gap | membership AUC |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (persons, place, epsilon), same in sorted(rows.items()):
        head, words = (_per_cent(same, name) for name in (HEAD, WORDS))
        real = ", ".join(f"{mean(t['scores'][name]['real'] for t in same):.3f}" for name in (HEAD, WORDS))
        gaps = [t["manner_gap"] for t in same if t["manner_gap"] is not None]
        gap = f"{mean(gaps):.2f}" if gaps else "too few"
        shown = _epsilon(_ORDER[place], epsilon)
        lines.append(
            f"| {persons:,} | {_ORDER[place]} | {shown} | {head} | {words} | {real} | {gap} | {_membership(same)} |"
        )
    return lines


def _per_cent(trials: Iterable[Trial], name: str) -> str:
    return f"{mean(100 * t['scores'][name]['synthetic'] / t['scores'][name]['real'] for t in trials):.1f} %"


def _epsilon(mechanism: str, epsilon: float) -> str:
    if mechanism == "smote":
        return "none"
    if mechanism == "labels alone":
        return "0"
    return "∞" if epsilon >= 100 else f"{epsilon:g}"


def _membership(trials: Sequence[Trial]) -> str:
    known = [t["membership"] for t in trials if t["membership"] is not None]
    if not known:
        return "too few"
    value, low, high = (mean(m[end] for m in known) for end in ("value", "low", "high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


_INTRODUCTION = """Made by `synthgen study dp`. As many synthetic records of every class, written from what the
persons of train were asked under a budget; classifiers taught by them alone and tested on persons nobody asked, in
per cent of the macro-F1 of the same classifiers taught by all real records of train. ε is for one person, δ 10⁻⁵.
ε = 0: noise drowned every answer, and the texts know the classes' names. smote: no guarantee at all. Membership: AUC
of the audit, with its interval. The noise of these runs is of a public stream."""
