"""Judge recorded names and addresses that the synthetic table S contains in a form other than the recorded one.

A name or address is recorded if it was replaced in a real record. For example, the name Jane Abernathy is recorded,
and S contains "#JaneAbernathy".
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from audits.attacks.identifiers.locations import Place
from audits.attacks.identifiers.ownership import MIN_NAMES, Owners
from audits.attacks.identifiers.tables import People
from audits.core.stats import exceeds_control


class OtherForm(NamedTuple):
    """An occurrence of a recorded name or address in S."""

    owners: Owners  # persons who have the name or address, recorded or in their texts
    row: int  # row of S
    spans: Sequence[tuple[int, int]]  # characters [start, end) of each part of the occurrence in the normalised text


class OtherFormLeaks(NamedTuple):
    """The result of `judge_other_forms`."""

    places: Mapping[int, Sequence[Place]]  # places of the leaks, by row of S
    persons: set[int]  # train persons whom the leaks identify


def judge_other_forms(
    found: Iterable[OtherForm],
    by_chance: Iterable[int],
    people: People,
    kind: str,
    *,
    share: float | None = None,
    minimum: int = MIN_NAMES,
) -> OtherFormLeaks:
    """Return the occurrences that are leaks: all occurrences that identify train persons, or none.

    An occurrence identifies its owners if at most ten persons own it, all in train or all in control, and public text
    does not contain it. The persons found by chance are those in `by_chance`, and the control persons whom
    occurrences identify, because the generator never saw them. The occurrences are leaks if fewer than `minimum`
    persons are found by chance, or if they identify significantly more train persons (`exceeds_control`).

    Args:
        found: the occurrences in S.
        by_chance: further persons whose names or addresses occur by chance.
        people: train and control.
        kind: the kind to report.
        share: the share of train persons that is expected without a leak among the identified train persons and the
            persons found by chance; None for n_train / n_persons.
        minimum: see above; 0 if the comparison with train persons always decides.
    """
    places = defaultdict[int, list[Place]](list)
    of_train, found_by_chance = set[int](), set(by_chance)
    for form in found:
        train, control = form.owners.split(people.n_train, people.n_persons)
        if not train:
            found_by_chance.update(control)
        elif not control:
            of_train.update(train)
            places[form.row] += [Place(start, end, kind, train) for start, end in form.spans]
    share = people.n_train / people.n_persons if share is None else share
    if exceeds_control(len(of_train), len(found_by_chance), share, minimum=minimum):
        return OtherFormLeaks(places, of_train)
    return OtherFormLeaks({}, set())
