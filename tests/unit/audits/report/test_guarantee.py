"""The words of a privacy guarantee state the numbers of the claim and of the ledger."""

import math
from dataclasses import replace

import pytest

from audits.report import Guarantee

STATED = Guarantee(
    epsilon=3.0,
    delta=1e-5,
    outside=("Something is not covered.",),
    policy="strict-dp",
    is_independent=True,
    withholds=True,
    spent=(2.12, 1e-5),
    limit=3.0,
    further=1.98,
)


ALLOWS = "The policy strict-dp allows ε = 3 for all runs together"
LESS = "Several runs together usually cost less than the sum of their ε"


def words(guarantee):
    return dict(guarantee.lines)


def test_factor_and_exception_follow_from_epsilon_and_delta():
    found = words(STATED)
    assert "a factor of at most e^ε = 20.1, with ε = 3, whatever else the reader knows." in found["Promise"]
    assert "at most 20.1 to 1 (95.3%) and at least 1 to 20.1 (4.7%)" in found["Example"]
    assert "at most δ = 0.00001, which is 1 in 100,000" in found["Exception"]
    assert "1 in 250,000" in words(replace(STATED, delta=4e-6))["Exception"]
    assert f"e^ε = {math.exp(8):,.0f}" in words(replace(STATED, epsilon=8.0))["Promise"]
    assert "e^ε = 1.65" in words(replace(STATED, epsilon=0.5))["Promise"]


@pytest.mark.parametrize(
    ("spent", "limit", "further", "left"),
    [
        (2.12, 3.0, 1.9876, f"{ALLOWS}. {LESS}, so one more run of at most ε = 1.98 is possible."),
        (3.0, 3.0, 0.0099, f"{ALLOWS}, so no further run is possible."),
        (2.12, None, None, "The policy strict-dp sets no limit."),
    ],
)
def test_budget_is_that_of_the_ledger(spent, limit, further, left):
    found = words(replace(STATED, spent=(spent, 1e-5), limit=limit, further=further))
    assert found["Budget used"].startswith(f"ε = {spent:g} at δ = 0.00001 in all. Each use of the records")
    assert found["Budget left"] == left


def test_a_refused_run_has_spent_its_budget():
    found = words(replace(STATED, spent=None))
    assert "Budget left" not in found
    assert "counts as spent, although nothing was released" in found["Budget used"]


def test_what_decided_is_stated():
    assert "no test on private records affected the decision" in words(STATED)["Decision"]
    audited = words(replace(STATED, is_independent=False))["Decision"]
    sentence = "Tests that compare the texts with private records decided on the release; the gates below show them."
    assert audited == sentence
