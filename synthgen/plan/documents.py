"""Describe what was read from a hospital source."""

from collections.abc import Mapping
from typing import Any

MOST_YEARS = 12  # that are listed one by one


def documents_in_words(counts: Mapping[str, Any]) -> list[str]:
    """Return what was read from a hospital source, as lines: numbers, reasons and years."""
    profile = counts["profile"]
    years = profile["notes_by_year"]
    lines = [f"documents: {counts['in']} read, {counts['out']} notes of {profile['persons']} persons used"]
    lines += [f"  not used: {reason}: {n}" for reason, n in counts["dropped"].items()]
    lines += [f"  used, but: {reason}: {n}" for reason, n in counts["remarks"].items()]
    if len(years) > MOST_YEARS:
        lines.append(
            f"  notes by year: from {min(years)} to {max(years)}, most in {max(years, key=years.__getitem__)}"
        )
    elif years:
        lines.append(f"  notes by year: {', '.join(f'{year}: {n}' for year, n in years.items())}")
    return lines
