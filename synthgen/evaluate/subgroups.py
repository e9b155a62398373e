"""Find the sex and the age band of real persons in their texts, so that utility can be measured for each subgroup."""

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
    """Return the mask of each published subgroup, bool (n,), by attribute and value, sorted.

    A person belongs to a subgroup if the person's records state the attribute and all statements agree. Only large
    subgroups are published, see `_published`.

    Privacy: reads the texts; the masks are as private as the texts.
    """
    found: dict[tuple[str, str], set[str]] = defaultdict(set)  # values of (person, attribute)
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
    """Return the values of one attribute whose subgroups may be published, sorted.

    A subgroup needs at least `MIN_SUBGROUP_PERSONS` persons. From the published results for all persons, a reader can
    compute those of the persons outside the published subgroups. These must therefore also be none or at least
    `MIN_SUBGROUP_PERSONS` persons; otherwise, the smallest subgroup is removed too (complementary suppression).
    `sizes` is the number of persons by value, `total` the number of all persons.
    """
    shown = {value: size for value, size in sizes.items() if size >= MIN_SUBGROUP_PERSONS}
    while shown and 0 < total - sum(shown.values()) < MIN_SUBGROUP_PERSONS:
        del shown[min(shown, key=lambda value: (shown[value], value))]
    return sorted(shown)
