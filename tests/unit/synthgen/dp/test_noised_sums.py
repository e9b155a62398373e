from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.dp.noised_sums import (
    MARGIN,
    UNIT,
    DeclaredQueries,
    PrivateMechanism,
    Query,
    SecureNoise,
    StreamNoise,
    exact_sum,
    refuse_reproducible,
)

ROWS = arrays(np.float64, (7, 5), elements=st.floats(-1e9, 1e9))


@settings(max_examples=60, deadline=None)
@given(ROWS, st.floats(1e-3, 1e3))
def test_no_person_contributes_more_than_the_clip_norm(rows, clip):
    whole = exact_sum([rows], clip)
    for i in range(len(rows)):
        own = whole - exact_sum([np.delete(rows, i, axis=0)], clip)
        assert (own * own).sum() <= UNIT * UNIT
        assert np.array_equal(own, exact_sum([rows[[i]]], clip))


def test_sum_is_that_of_the_clipped_rows_for_any_blocks():
    rows = np.random.default_rng(0).normal(size=(50, 4)) * (np.arange(200).reshape(50, 4) % 3 > 0)
    rows[:, 2] = 0  # no person has a value here
    clipped = rows * np.minimum(1, 0.5 / np.linalg.norm(rows, axis=1))[:, None]
    for blocks in ([rows], [rows[:20], rows[20:]]):
        total = exact_sum(blocks, 0.5)
        assert np.allclose(total * 0.5 / UNIT, clipped.sum(axis=0), atol=1e-5)


def test_noise_has_slightly_more_than_the_accounted_scale():
    query = Query(name="any", noise_multiplier=3.0, clip=0.5)
    answer = PrivateMechanism(StreamNoise(SeedTree(1)))([np.zeros((1, 20_000))], query)
    assert np.std(answer) == pytest.approx(1.5, rel=0.03)
    scales = []

    class Recorded:
        def integers(self, n, scale):
            scales.append(scale)
            return np.zeros(n, dtype=np.int64)

    PrivateMechanism(Recorded())([np.zeros((1, 3))], Query(name="any", noise_multiplier=2.0))
    assert scales == [pytest.approx(2.0 * UNIT * (1 + MARGIN), rel=1e-12)]
    assert MARGIN >= 1e-4


NOT_FINITE = [[np.array([[0.0, value], [1.0, 1.0]])] for value in (np.nan, np.inf, -np.inf)]


@pytest.mark.parametrize(("rows", "message"), [*((rows, "not finite") for rows in NOT_FINITE), ([], "no persons")])
def test_invalid_rows_are_rejected(rows, message):
    with pytest.raises(InternalError, match=message):
        PrivateMechanism(StreamNoise(SeedTree(1)))(rows, Query(name="any", noise_multiplier=1.0))


@pytest.mark.parametrize("noise", [SecureNoise(), StreamNoise(SeedTree(1).child("noise"))])
def test_noise_is_gaussian_in_whole_numbers(noise):
    drawn = noise.integers(4000, 1e6)
    assert drawn.dtype == np.int64
    assert stats.kstest(drawn / 1e6, "norm").pvalue > 1e-6


def test_secure_noise_is_not_reproducible_and_a_stream_continues():
    assert not np.array_equal(SecureNoise().integers(50, 1e6), SecureNoise().integers(50, 1e6))
    stream, again = StreamNoise(SeedTree(1)), StreamNoise(SeedTree(1))
    first = stream.integers(50, 1e6)
    assert np.array_equal(first, again.integers(50, 1e6))
    assert not np.array_equal(first, stream.integers(50, 1e6))


def test_noise_of_a_private_run_is_secure_and_not_seeded(monkeypatch):
    refuse_reproducible(SecureNoise())

    class Inherited(SecureNoise):
        pass

    for noise in (StreamNoise(SeedTree(1, secret=b"s" * 32)), Inherited()):
        with pytest.raises(InternalError, match="reproducible"):
            refuse_reproducible(noise)
    monkeypatch.setattr(SecureNoise, "integers", lambda _, n, scale: StreamNoise(SeedTree(1)).integers(n, scale))
    with pytest.raises(InternalError, match="reproducible"):
        refuse_reproducible(SecureNoise())


DECLARED = {"a": Query(name="a", noise_multiplier=2.0, steps=2), "b": Query(name="b", noise_multiplier=3.0, clip=0.5)}
ROW = np.zeros((4, 3))


DIFFERS = "the noise, the steps or the clip norm differ from the declared query"


def declared(mechanism=lambda people, _query: exact_sum(people, 1.0)):
    return DeclaredQueries(declared=DECLARED, n_persons=7, mechanism=mechanism)


def test_declared_queries_are_answered_by_the_mechanism():
    asked = declared()
    for query in (DECLARED["b"], DECLARED["a"], DECLARED["a"]):
        assert np.array_equal(asked([ROW + 0.1, ROW[:3]], query), exact_sum([ROW + 0.1], 1.0))
    asked.refuse_incomplete()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "c"}, "c: the query is not declared"),
        ({"clip": 0.7}, f"b: {DIFFERS}"),
        ({"noise_multiplier": 2.9}, f"b: {DIFFERS}"),
        ({"steps": 2}, f"b: {DIFFERS}"),
    ],
)
def test_an_undeclared_query_is_refused_and_never_forgotten(changes, problem):
    called = []
    asked = declared(lambda *_: called.append(1))
    with pytest.raises(InternalError, match="differ from the declared") as refused:
        asked([ROW, ROW[:3]], replace(DECLARED["b"], **changes))
    assert problem in refused.value.problems[0]
    assert called == []
    for query in (DECLARED["b"], DECLARED["a"], DECLARED["a"]):
        with suppress(InternalError):
            asked([ROW, ROW[:3]], query)
    with pytest.raises(InternalError) as refused:  # also if the first error was caught
        asked.refuse_incomplete()
    assert problem in refused.value.problems[0]


def test_a_missing_or_additional_step_is_refused():
    asked, rows = declared(), [ROW, ROW[:3]]
    asked(rows, DECLARED["a"])
    with pytest.raises(InternalError) as refused:
        asked.refuse_incomplete()
    wanted = ("a: requested steps: 1, declared steps: 2", "b: requested steps: 0, declared steps: 1")
    assert refused.value.problems == wanted
    asked(rows, DECLARED["a"])
    with pytest.raises(InternalError) as refused:
        asked(rows, DECLARED["a"])
    assert refused.value.problems == ("a: more than the 2 declared steps were requested",)


def test_another_number_of_rows_than_persons_is_refused_before_the_noise():
    for rows in ([ROW, ROW], [ROW], [ROW, ROW[:3], ROW[:1]]):
        asked = declared(PrivateMechanism(None))  # no noise is drawn
        with pytest.raises(InternalError) as refused:
            asked(rows, DECLARED["b"])
        problem = "b: the number of rows is not the number of persons"
        assert refused.value.problems == (problem,)
        asked.mechanism = lambda *_: ROW
        for _ in range(2):
            asked([ROW, ROW[:3]], DECLARED["a"])
        with pytest.raises(InternalError) as refused:  # also if all steps were answered and the error was caught
            asked.refuse_incomplete()
        assert refused.value.problems == (problem,)
