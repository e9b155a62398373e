from itertools import chain

import pytest
from fictional_clinic.specialties import SHARES, SPECIALTIES


def test_six_specialties_of_unequal_size_share_no_condition():
    assert len(SPECIALTIES) == len(SHARES) == 6
    assert sum(SHARES) == pytest.approx(1)
    assert max(SHARES) > 4 * min(SHARES)
    names = [name for conditions in SPECIALTIES.values() for c in conditions for name in c.names]
    assert len(names) == len(set(names))


def test_every_part_of_a_condition_has_items():
    for c in chain.from_iterable(SPECIALTIES.values()):
        for part in (c.names, c.symptoms, c.signs, c.tests, c.drugs, c.plans):
            assert part, c.names
            assert all(item.strip() == item and item for item in part), c.names
