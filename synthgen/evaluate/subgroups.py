"""Find real persons' sex and age band in their texts, to measure the utility of synthetic data for each subgroup."""

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
    """Return for each subgroup (attribute, value), in sorted order, which of the n records belong to it, bool (n,).

    A person belongs to the subgroup (attribute, value) if the person's records state this value of the attribute and
    no other value. A subgroup of fewer than `MIN_SUBGROUP_PERSONS` persons is omitted. The result of the persons
    outside the remaining subgroups of an attribute can be computed from the other results. Therefore, while at least
    one but fewer than `MIN_SUBGROUP_PERSONS` persons are outside, the smallest remaining subgroup is also omitted.

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
        for value in _reported({value: len(members) for value, members in persons[attribute].items()}, total)
    }


def _reported(sizes: Mapping[str, int], total: int) -> list[str]:
    reported = {value: size for value, size in sizes.items() if size >= MIN_SUBGROUP_PERSONS}
    # complementary suppression; see `subgroups`
    while reported and 0 < total - sum(reported.values()) < MIN_SUBGROUP_PERSONS:
        del reported[min(reported, key=lambda value: (reported[value], value))]
    return sorted(reported)
