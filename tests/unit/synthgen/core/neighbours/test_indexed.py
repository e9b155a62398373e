import numpy as np
import pytest

from synthgen.core.neighbours import IndexedSearch, NeighbourSearch, indexed, is_worth_an_index

N, D, K = 3001, 24, 4


def clustered(n=N, d=D, seed=1):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, d)) * 3
    rows = centres[rng.integers(0, 12, size=n)] + rng.normal(size=(n, 6)) @ rng.normal(size=(6, d))
    return (rows + rng.normal(size=(n, d)) / 4).astype(np.float32)


@pytest.fixture(scope="module")
def vectors():
    return clustered()


def test_an_index_is_used_for_many_rows_of_which_enough_are_searched():
    assert is_worth_an_index(50_000, 6_250)
    assert not is_worth_an_index(50_000, 6_249)
    assert not is_worth_an_index(49_999, 49_999)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("d", [D, 23, 6])  # with few or an odd number of columns, the lists store the rows themselves
def test_most_neighbours_are_those_of_the_exact_search_and_distances_are_exact(metric, d):
    exact = NeighbourSearch(clustered(d=d), np.arange(N) // 2, metric)
    search = IndexedSearch(exact)
    rows = np.arange(0, N, 7)
    (near, distance), (near_exact, distance_exact) = search.nearest(K, rows), exact.nearest(K, rows)
    same = near == near_exact
    assert (distance[same] == distance_exact[same]).all()
    assert (distance >= distance_exact).all()
    assert (np.diff(distance, axis=1) >= 0).all()
    report = search.reports[K]
    assert (report.engine, report.rows, report.k, report.sample) == ("ivf", N, K, 1000)
    recall = float((distance <= distance_exact[:, -1:]).mean())
    assert report.recall == pytest.approx(recall, abs=0.03)
    assert report.recall >= indexed.MIN_RECALL


def test_rows_of_the_same_person_are_excluded_even_if_all_candidates_are_of_one_person(vectors):
    groups = np.arange(N)
    groups[:400] = 5000  # one person with more equal vectors than a row has candidates
    rows = vectors.copy()
    rows[:400] = vectors[0]
    search, exact = IndexedSearch(NeighbourSearch(rows, groups)), NeighbourSearch(rows, groups)
    near, distance = search.nearest(K)
    assert (groups[near] != groups[:, None]).all()
    assert (np.diff(np.sort(near, axis=1), axis=1) > 0).all()
    found = distance[:400] <= exact.nearest(K, np.arange(400))[1][:, -1:]
    assert found.mean() >= indexed.MIN_RECALL


def test_neighbours_do_not_depend_on_the_number_of_cores_or_on_the_rows_that_are_searched(vectors, monkeypatch):
    results = []
    monkeypatch.setattr(indexed, "BLOCK_ROWS", 300)
    for cores in (1, 3):
        monkeypatch.setattr(indexed, "usable_cores", lambda cores=cores: cores)
        results.append(IndexedSearch(NeighbourSearch(vectors, np.arange(N))).nearest(K))
    assert np.array_equal(results[0][0], results[1][0])
    some = IndexedSearch(NeighbourSearch(vectors, np.arange(N))).nearest(K, np.array([40, 7, 2999]))
    assert np.array_equal(some[0], results[0][0][[40, 7, 2999]])
    assert np.array_equal(some[1], results[0][1][[40, 7, 2999]])


def test_a_low_recall_raises_the_level_and_ends_in_the_exact_search(vectors, monkeypatch):
    monkeypatch.setattr(indexed, "MIN_CANDIDATES", 1)
    exact = NeighbourSearch(vectors, np.arange(N))
    monkeypatch.setattr(indexed, "LEVELS", ((1, 1), (2, 1), (32, 20)))
    search = IndexedSearch(exact)
    search.nearest(K)
    assert (search.reports[K].engine, search.reports[K].lists) == ("ivf", 32)
    monkeypatch.setattr(indexed, "LEVELS", ((1, 1), (1, 2)))
    search = IndexedSearch(exact)
    near, distance = search.nearest(K)
    report = search.reports[K]
    assert (report.engine, report.recall, report.sample, report.lists) == ("exact", 1.0, 0, 0)
    assert np.array_equal(near, exact.nearest(K)[0])
    assert np.array_equal(distance, exact.nearest(K)[1])
