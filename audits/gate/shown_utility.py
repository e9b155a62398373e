"""Select the numbers of an `evaluation.json` (the utility of a synthetic table) that are published.

The result has the form of `audits.verify.published.Utility`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from audits.gate.disclosure import public_details
from audits.gate.policy import Policy

MIN_STEP_RECORDS = 10  # smallest rounding step, in records, of a published share of real records
# Smallest number of persons in a published subgroup. The result of the persons outside all published subgroups of an
# attribute could be computed from the others, so they must also be at least this many, or none; `synthgen evaluate`
# omits further subgroups until this holds.
MIN_SUBGROUP_PERSONS = 50
_FIELDS = ("value", "low", "high", "n")  # keys of a published score


def shown_utility(utility: Mapping[str, Any], policy: Policy, released: Collection[str]) -> dict[str, Any]:
    """Return the published numbers of an `evaluation.json`; only classes in `released` have scores of their own."""
    public = public_details(utility, policy)

    def score(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return None if given is None else {key: given[key] for key in _FIELDS}

    def scores(given: Mapping[str, Any]) -> dict[str, Any]:
        classes = {y: {"f1": score(one.get("f1"))} for y, one in given.get("per_class", {}).items() if y in released}
        kept = {key: score(given[key]) for key in ("accuracy", "macro_f1", "weighted_f1") if key in given}
        return kept | ({"per_class": classes} if classes else {})

    def hundredths(shares: Mapping[str, float]) -> dict[str, float]:
        return {kind: round(share * 100) / 100 for kind, share in shares.items()}

    return {
        "classifiers": {
            name: {source: scores(given) for source, given in by_source.items()}
            for name, by_source in public.get("classifiers", {}).items()
        },
        "style": {table: hundredths(shares) for table, shares in utility.get("style", {}).items()},
        "subgroups": _subgroups(public.get("subgroups", {}), score),
        "style_gap": score(public.get("metrics", {}).get("style.gap")),
        "coherence": _contradictory(utility.get("coherence", {})),
    }


def _contradictory(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return for each table the rounded share of texts that contradict themselves, by kind of contradiction.

    The shares of the real table are omitted if one rounding step, 1/20 of the real records, is fewer than
    `MIN_STEP_RECORDS` records.
    """
    steps = {"synthetic": 100, "real": 20}  # key: table; value: number of rounding steps from 0 to 1
    return {
        table: {rule: round(share["value"] * steps[table]) / steps[table] for rule, share in found["shares"].items()}
        for table, found in tables.items()
        if table == "synthetic" or found["n"] >= steps[table] * MIN_STEP_RECORDS
    }


def _subgroups(
    given: Mapping[str, Any], score: Callable[[Mapping[str, Any]], dict[str, Any] | None]
) -> dict[str, dict[str, Any]]:
    def is_large(by_classifier: Mapping[str, Any]) -> bool:
        return all(one["n"] >= MIN_SUBGROUP_PERSONS for tables in by_classifier.values() for one in tables.values())

    def accuracies(by_classifier: Mapping[str, Any]) -> dict[str, Any]:
        return {name: {t: score(tables[t]) for t in ("real", "synthetic")} for name, tables in by_classifier.items()}

    return {
        attribute: {value: accuracies(found) for value, found in by_value.items() if is_large(found)}
        for attribute, by_value in given.items()
    }
