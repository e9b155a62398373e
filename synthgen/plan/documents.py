"""Describe which documents of a hospital source are used."""

from collections.abc import Mapping
from typing import Any

MAX_LISTED_YEARS = 12  # with more years, only the first, the last and the most frequent one are shown


def documents_in_words(counts: Mapping[str, Any]) -> list[str]:
    """Return lines with the numbers of documents that are not used, by reason, and of notes by year."""
    profile = counts["profile"]
    years = profile["notes_by_year"]
    lines = [f"documents: {counts['in']} read, {counts['out']} notes of {profile['persons']} persons used"]
    lines += [f"  not used: {reason}: {n}" for reason, n in counts["dropped"].items()]
    lines += [f"  used with a remark: {reason}: {n}" for reason, n in counts["remarks"].items()]
    if len(years) > MAX_LISTED_YEARS:
        most = max(years, key=years.__getitem__)
        lines.append(f"  notes by year: from {min(years)} to {max(years)}, most in {most}")
    elif years:
        lines.append(f"  notes by year: {', '.join(f'{year}: {n}' for year, n in years.items())}")
    return lines
