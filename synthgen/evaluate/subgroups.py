"""Find the sex and the age band of real persons in their texts, to measure the utility for each subgroup."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from audits.gate.shown_utility import MIN_SUBGROUP_PERSONS
from synthgen.attributes import extract
from synthgen.core.types import Record

ATTRIBUTES = ("sex", "age_band")
Rows = NDArray[np.bool_]


def subgroups(records: Sequence[Record]) -> dict[tuple[str, str], Rows]:
    """Return (attribute, value) -> which records belong to this subgroup, bool (n,); the keys are sorted.

    A person belongs to a subgroup if the person's records state the attribute and all statements agree. A subgroup is
    omitted if it has too few persons, or if too few persons would be in no subgroup of the attribute.

    Privacy: reads the texts; the result is as private as the texts.
    """
    found: dict[tuple[str, str], set[str]] = defaultdict(set)  # stated values by (person, attribute)
    for record in records:
        for finding in extract(record.text):
            if finding.attribute in ATTRIBUTES:
                found[record.group, finding.attribute].add(finding.value)
    persons: dict[str, dict[str, set[str]]] = {attribute: defaultdict(set) for attribute in ATTRIBUTES}
    for (person, attribute), values in found.items():
        if len(values) == 1:
            persons[attribute][values.pop()].add(person)
    total = len({record.group for record in records})
    return {
        (attribute, value): np.array([record.group in persons[attribute][value] for record in records])
        for attribute in sorted(ATTRIBUTES)
        for value in _published({value: len(members) for value, members in persons[attribute].items()}, total)
    }


def _published(sizes: Mapping[str, int], total: int) -> list[str]:
    shown = {value: size for value, size in sizes.items() if size >= MIN_SUBGROUP_PERSONS}
    # A reader can compute the result of the persons outside the published subgroups from the result of all persons.
    # If too few persons are outside, the smallest subgroup is not published either (complementary suppression).
    while shown and 0 < total - sum(shown.values()) < MIN_SUBGROUP_PERSONS:
        del shown[min(shown, key=lambda value: (shown[value], value))]
    return sorted(shown)
