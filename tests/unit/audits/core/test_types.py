import itertools
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import InputError
from audits.core.types import AuditResult, Estimate, Table, persons


def estimate(**changes):
    return Estimate(**{"value": 0.5, "low": 0.25, "high": 0.75, "confidence": 0.95, "n": 40, **changes})


def test_estimates_are_finite_and_lie_in_their_interval():
    for field, number in itertools.product(("value", "low", "high"), (math.nan, math.inf, -math.inf)):
        with pytest.raises(ValueError, match="must be finite"):
            estimate(**{field: number})
    for changes in ({"value": 0.2}, {"value": 0.8}, {"low": 0.9, "high": 0.1}):
        with pytest.raises(ValueError, match="must lie in its interval"):
            estimate(**changes)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
def test_ordered_finite_numbers_make_a_frozen_estimate(numbers):
    low, value, high = sorted(numbers)
    found = estimate(low=low, value=value, high=high)
    assert found.value == value
    with pytest.raises(FrozenInstanceError):
        found.high = 0.6


def test_a_pass_requires_a_confidence_of_95_percent():
    fields = {"name": "a", "status": "measured", "direction": "lower_is_safer", "reason": ""}
    AuditResult(**fields, verdict="pass", estimate=estimate())
    low = estimate(confidence=0.9499)
    AuditResult(**fields, verdict="fail", estimate=low)
    with pytest.raises(InputError, match="the verdict `pass` requires a confidence"):
        AuditResult(**fields, verdict="pass", estimate=low)


def test_the_repr_of_a_table_shows_only_counts():
    texts, groups = ("zebra one", "zebra two", "zebra three"), ("zebra-ann", "zebra-bo", "zebra-ann")
    vectors = {"zebra-vectors": np.zeros((3, 2), np.float32)}
    table = Table(texts=texts, labels=("zebra-class",) * 3, groups=groups, has_groups=True, vectors=vectors)
    assert repr(table) == str(table) == "Table(3 records, 2 persons)"
    assert len(table) == 3


@given(st.lists(st.text(max_size=3), max_size=30))
def test_persons_are_numbered_by_first_appearance(groups):
    names, index = persons(groups)
    assert [names[i] for i in index] == groups
    assert names == list(dict.fromkeys(groups))
    assert (index.shape, index.dtype) == ((len(groups),), np.int64)
