from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ConfigError, DataError
from synthgen.core.seeds import SeedTree
from synthgen.interpolate.smote import Adasyn, BorderlineSmote, RandomOversample, Smote, danger_mask, in_proportion

SEEDS = SeedTree(20261120)


def test_random_oversample_repeats_parent_vectors(embed):
    x = embed(np.random.default_rng(1).normal(size=(5, 3)), "baabb", "ppppp", "vwxyz")
    latents = RandomOversample().fit(x).sample({"a": 9, "b": 40}, SeedTree(3))
    row = {id_: i for i, id_ in enumerate(x.ids)}
    for i, (parent,) in enumerate(latents.parent_ids):
        assert np.array_equal(latents.vectors[i], x.vectors[row[parent]])
    assert {p for (p,) in latents.parent_ids} == set(x.ids)


@pytest.fixture
def five_points(embed):
    """Five records on a line at 0, 1, 3, 7, 15; the first two belong to one person."""
    line = [[0, 0, 2], [1, 0, 2], [3, 0, 2], [7, 0, 2], [15, 0, 2]]
    return embed(line, "aaaaa", "ppqrs", ("r0", "r1", "r2", "r3", "r4"))


def test_smote_neighbours_worked_example(five_points):
    sampler = Smote(k_neighbors=2).fit(five_points)
    assert sampler.fitted.states == {}  # the search starts on first use
    sampler.sample({"a": 1}, SeedTree(5))
    # r0 and r1 are one person, so their nearest are r2 and r3; 3 -> 1, 0; 7 -> 3, 1; 15 -> 7, 3
    assert sampler.fitted.states[0][1].tolist() == [[2, 3], [2, 3], [1, 0], [2, 1], [3, 2]]


def imbalanced_learn(name, x, **options):
    """Return the points that a sampler of imbalanced-learn makes of the rows of "a", and the sampler."""
    module = pytest.importorskip("imblearn.over_sampling", reason="imbalanced-learn is not installed")
    sampler = getattr(module, name)(**options)
    return sampler.fit_resample(x.vectors, np.array(x.labels))[0][len(x.ids) :], sampler


def test_smote_point_worked_example(five_points):
    latents = Smote(k_neighbors=2).fit(five_points).sample({"a": 3}, SeedTree(5))
    place, stream = {"r0": 0.0, "r1": 1.0, "r2": 3.0, "r3": 7.0, "r4": 15.0}, SeedTree(5).child("a")
    i = stream.child("parent").generator().integers(0, 5, size=3)
    lam = stream.child("lambda").generator().random(3)
    for row in range(3):
        a, b = latents.parent_ids[row]
        assert a == f"r{i[row]}"
        x = place[a] + lam[row] * (place[b] - place[a])
        np.testing.assert_allclose(latents.vectors[row], [x, 0, 2], atol=1e-6)
        assert latents.weights[row] == pytest.approx((1 - lam[row], lam[row]), abs=1e-12)


def test_smote_weights_are_uniform_and_every_neighbour_is_used(five_points):
    latents = Smote(k_neighbors=2).fit(five_points).sample({"a": 4000}, SeedTree(6))
    lam = np.array([w[1] for w in latents.weights])
    # standard errors: mean .0046, variance 1/12 ± .0012
    assert abs(lam.mean() - 0.5) < 0.02
    assert abs(lam.var() - 1 / 12) < 0.005
    assert len(set(latents.parent_ids)) == 10


def test_smote_does_not_normalize_points(embed):
    x = embed(np.eye(7, 4) + np.array([[0, 0, 0, 1e-9]]), "aaaaaaa")
    latents = Smote(k_neighbors=3).fit(x).sample({"a": 50}, SeedTree(7))
    assert np.linalg.norm(latents.vectors, axis=1).min() < 0.95  # the segment is inside the sphere


def found(method, x, label):
    """Return the records in danger, each with the records that it is interpolated with."""
    sampler = method.fit(x)
    code = sampler.names.index(label)
    assert sampler.fitted.states == {}  # the search starts on first use
    sampler.sample({label: 1}, SEEDS)
    danger, pool = sampler.fitted.states[code]
    ids = np.array(sampler.x.ids)
    return {str(ids[i]): ids[row].tolist() for i, row in zip(danger, pool, strict=True)}


@pytest.mark.parametrize(
    ("k", "m", "kind", "persons", "partners"),
    [
        # neighbours in other classes, of 4: a0, a1, a2: 0; a3: 2 (a tie is safe); a4: 3; a5: 4 (noise)
        (2, 4, 1, {}, ["a3", "a1"]),
        (3, 5, 1, {}, ["a3", "a1", "a5"]),  # of 5: a3: 2 (b0, b1), a4: 4, a5: 5
        (1, 3, 1, {}, ["a3"]),  # of 3: a3: 1, a4: 2, a5: 3
        (2, 4, 2, {}, ["a3", "a1", "b0"]),  # kind 2 adds the nearest row of another class
        # rows of the same person are excluded: a4 has b1 √2, b2 2, b3 3, a1 4; a3 has a1, b1, a0, b2: a tie
        (2, 4, 2, dict.fromkeys(("a4", "b0", "a3"), "ann"), ["a1", "a5", "b1"]),
    ],
)
def test_borderline_records_in_danger_worked_examples(plane, k, m, kind, persons, partners):
    method = BorderlineSmote(k_neighbors=k, m_neighbors=m, kind=kind)
    assert found(method, plane(**persons), "a") == {"a4": partners}


@pytest.mark.parametrize(
    ("m", "danger"), [(3, [2]), (4, [3]), (5, [3, 4]), (6, [4, 5]), (7, [4, 5, 6]), (10, [6, 7, 8, 9])]
)
def test_in_danger_means_more_than_half_but_not_all(m, danger):
    other = np.arange(m)[None, :] < np.arange(m + 1)[:, None]  # row i has i neighbours in other classes
    assert np.flatnonzero(danger_mask(other)).tolist() == danger


def test_borderline_tie_counts_as_safe_unlike_in_imbalanced_learn(plane):
    x, options = plane(), {"sampling_strategy": {"a": 10}, "k_neighbors": 2, "random_state": 1}
    for m, theirs in ((4, ["a3", "a4"]), (3, ["a4"])):
        _, sampler = imbalanced_learn("BorderlineSMOTE", x, m_neighbors=m, **options)
        assert [x.ids[i] for i in sampler.in_danger_indices["a"]] == theirs
        assert sorted(found(BorderlineSmote(k_neighbors=2, m_neighbors=m), x, "a")) == ["a4"]


def test_borderline_point_worked_example(plane):
    x = plane()
    place = dict(zip(x.ids, x.vectors.astype(np.float64), strict=True))
    latents = BorderlineSmote(k_neighbors=2, m_neighbors=4, kind=2).fit(x).sample({"a": 60}, SEEDS)
    which = SEEDS.child("a", "neighbour").generator().integers(0, 3, size=60)
    u = SEEDS.child("a", "lambda").generator().random(60)
    for row in range(60):
        lam = u[row] / 2 if which[row] == 2 else u[row]
        end = ("a3", "a1", "b0")[which[row]]
        assert latents.parent_ids[row] == ("a4", end)
        assert latents.weights[row] == pytest.approx((1 - lam, lam), abs=1e-12)
        made = place["a4"] + lam * (place[end] - place["a4"])
        np.testing.assert_allclose(latents.vectors[row], made, atol=1e-6)


def test_borderline_kind_2_points_are_closer_to_their_own_class(crowd):
    x = crowd(n=31, n_other=43, d=3, seed=6)
    label = dict(zip(x.ids, x.labels, strict=True))
    latents = BorderlineSmote(k_neighbors=4, m_neighbors=7, kind=2).fit(x).sample({"a": 5000}, SEEDS)
    assert (set(latents.labels), {label[p[0]] for p in latents.parent_ids}) == ({"a"}, {"a"})
    lam = np.array([w[1] for w in latents.weights])
    crosses = np.array([label[p[1]] != "a" for p in latents.parent_ids])
    # standard errors: share .0057, means .0046 and .0046
    assert abs(crosses.mean() - 1 / 5) < 0.02
    assert lam[crosses].max() < 0.5
    assert abs(lam[crosses].mean() - 0.25) < 0.02
    assert abs(lam[~crosses].mean() - 0.5) < 0.02


def check_segments(x, latents, partners):
    """Check that each point lies on the segment of two persons, at most half way to a partner of another class."""
    row = {id_: i for i, id_ in enumerate(x.ids)}
    for vector, (a, b), (w, lam) in zip(latents.vectors, latents.parent_ids, latents.weights, strict=True):
        assert b in partners[a]
        assert x.groups[row[a]] != x.groups[row[b]]
        assert w + lam == pytest.approx(1)
        assert 0 <= lam < (1 if x.labels[row[b]] == "a" else 0.5)
        p, q = x.vectors[row[a]].astype(np.float64), x.vectors[row[b]].astype(np.float64)
        np.testing.assert_allclose(vector, p + lam * (q - p), atol=1e-5)


def different_sizes(low, high):
    sizes = st.tuples(st.integers(12, 29), st.integers(1, 5), st.integers(1, 4), st.integers(low, high))
    return sizes.filter(lambda sizes: len(set(sizes)) == 4)


def slow_found(x, k, m, kind, slow_order):
    out = {}
    for i in range(len(x.ids)):
        if x.labels[i] != "a":
            continue
        count = sum(x.labels[j] != "a" for j in slow_order(x, i, lambda _: True)[:m])
        if m / 2 < count < m:
            ends = slow_order(x, i, lambda j: x.labels[j] == "a")[:k]
            ends += slow_order(x, i, lambda j: x.labels[j] != "a")[:1] if kind == 2 else []
            out[x.ids[i]] = [x.ids[j] for j in ends]
    return out


@settings(max_examples=40)
@given(different_sizes(3, 11), st.integers(1, 41), st.sampled_from([1, 2]), st.integers(0, 2**31))
def test_borderline_points_lie_on_the_segment_of_their_parents(crowd, slow_order, sizes, count, kind, seed):
    n, d, k, m = sizes
    x = crowd(n=n, n_other=n + 7, d=d, seed=seed)
    expected = slow_found(x, k, m, kind, slow_order)
    sampler = BorderlineSmote(k_neighbors=k, m_neighbors=m, kind=kind).fit(x)
    if not expected:
        with pytest.raises(DataError, match="borderline-smote cannot make records of 1 class"):
            sampler.sample({"a": count}, SeedTree(seed))
        return
    latents = sampler.sample({"a": count}, SeedTree(seed))
    assert latents.vectors.shape == (count, d)
    assert found(BorderlineSmote(k_neighbors=k, m_neighbors=m, kind=kind), x, "a") == expected
    check_segments(x, latents, expected)


def test_borderline_rejects_classes_without_records_in_danger_or_enough_other_persons(plane):
    with pytest.raises(DataError, match="borderline-smote cannot make records of 1 class") as refused:
        BorderlineSmote(k_neighbors=2, m_neighbors=4).fit(plane()).sample({"b": 3}, SEEDS)
    (problem,) = refused.value.problems  # no row of class b has more than 2 of class a among 4 neighbours
    assert (
        "none of the 6 records of the class is in danger: 6 records have at most half of their 4 neighbours"
        in problem
    )
    assert "use smote" in problem
    with pytest.raises(DataError) as refused:
        BorderlineSmote(k_neighbors=2, m_neighbors=11).fit(plane(a0="ann", a4="ann")).sample({"a": 3}, SEEDS)
    (problem,) = refused.value.problems
    assert problem == "'a': a record of the class needs 11 records of other persons, but only 10 exist"


def test_borderline_reports_all_invalid_options():
    with pytest.raises(ConfigError) as refused:
        BorderlineSmote(m_neighbors=2, kind=3)
    few, unknown = refused.value.problems
    assert few == "m_neighbors: must be greater than or equal to 3, got 2"
    assert unknown == "kind: must be 1 or 2, got 3"
    assert BorderlineSmote(m_neighbors=3, kind=2).min_groups == 6


def distances(x, energy, name, options, n_runs, n_points, *methods):
    """Return the largest distance of one imbalanced-learn run to the rest, and each method's distance to all runs."""
    options = {**options, "sampling_strategy": {"a": 37 + n_points}}
    reruns = [imbalanced_learn(name, x, random_state=seed, **options)[0] for seed in range(n_runs)]
    spread = max(energy(one, np.concatenate(reruns[:i] + reruns[i + 1 :])) for i, one in enumerate(reruns))
    made = (method.fit(x).sample({"a": n_points}, SEEDS).vectors for method in methods)
    return spread, *(energy(points, np.concatenate(reruns)) for points in made)


@pytest.mark.parametrize("kind", [1, 2])
def test_borderline_points_are_distributed_as_in_imbalanced_learn_for_kind_1(two_clouds, energy, kind):
    options = {"k_neighbors": 4, "m_neighbors": 9}
    methods = (BorderlineSmote(**options, kind=kind), Smote(k_neighbors=4))
    options["kind"] = f"borderline-{kind}"
    spread, same, other = distances(two_clouds(), energy, "BorderlineSMOTE", options, 6, 900, *methods)
    assert (same < spread) == (kind == 1)  # kind 2 is defined differently
    assert other > 2 * spread  # the distribution of SMOTE is detected as different


def counts(latents):
    """Return how many points start at each record."""
    starts = [parents[0] for parents in latents.parent_ids]
    return {id_: starts.count(id_) for id_ in sorted(set(starts))}


def test_adasyn_fit_worked_example(plane):
    sampler = Adasyn(k_neighbors=3).fit(plane())
    assert sampler.fitted.states == {}  # the search starts on first use
    sampler.sample({"a": 1}, SEEDS)
    hard, delta, partners = sampler.fitted.states[0]
    # of the 3 nearest of any class: a3 has a4, a1, b0 (the tie goes to a1); a4 has b0, b1, a3; a5 has b4, b3, b5
    assert (hard.tolist(), delta.tolist()) == ([3, 4, 5], [1, 2, 3])
    # of the 3 nearest of class a: a3 has a4 1.5, a1 2.5, a0 3.5; a4 has a3, a1 4, a5 4.5; a5 has a4, a3 6, a1 8.5
    assert partners.tolist() == [[4, 1, 0], [3, 1, 5], [4, 3, 1]]


@pytest.mark.parametrize("seed", range(5))
def test_adasyn_counts_worked_example(plane, seed):
    # r = 0, 0, 0, 1/3, 2/3, 1; Σ r = 2; r̂ = 1/6, 2/6, 3/6 for a3, a4, a5
    sampler = Adasyn(k_neighbors=3).fit(plane())
    assert counts(sampler.sample({"a": 12}, SeedTree(seed))) == {"a3": 2, "a4": 4, "a5": 6}
    assert counts(sampler.sample({"a": 600}, SeedTree(seed))) == {"a3": 100, "a4": 200, "a5": 300}
    # 10/6, 20/6, 30/6 are rounded so that the total is 10
    some = counts(sampler.sample({"a": 10}, SeedTree(seed)))
    assert sum(some.values()) == 10
    assert all(some[name] in allowed for name, allowed in {"a3": {1, 2}, "a4": {3, 4}, "a5": {4, 5, 6}}.items())


def test_in_proportion_worked_example():
    # times (t − φ) / w of number 0: .5, 1.5; number 1: .375, .875, 1.375; number 2: .0833, .4167, .75, 1.0833
    for m in (6, 9):
        order = in_proportion(np.array([1, 2, 3]), m, np.array([0.5, 0.25, 0.75]))
        assert order.tolist() == [2, 1, 2, 0, 2, 1, 2, 1, 2][:m]


def test_adasyn_meets_the_total_unlike_imbalanced_learn(plane, two_clouds):
    x, near = two_clouds(), plane()
    made, _ = imbalanced_learn("ADASYN", x, sampling_strategy={"a": 37 + 101}, n_neighbors=5, random_state=1)
    assert len(made) != 101
    assert len(Adasyn(k_neighbors=5).fit(x).sample({"a": 101}, SEEDS)) == 101
    with pytest.raises(ValueError, match="No samples will be generated"):  # 1/6, 2/6 and 3/6 round to 0
        imbalanced_learn("ADASYN", near, sampling_strategy={"a": 6 + 1}, n_neighbors=3, random_state=1)
    assert len(Adasyn(k_neighbors=3).fit(near).sample({"a": 1}, SEEDS)) == 1


def slow_in_proportion(share, m, phase):
    had, out = [0] * len(share), []
    for _ in range(m):
        times = [(had[i] + 1 - phase[i]) / share[i] for i in range(len(share))]
        out.append(times.index(min(times)))
        had[out[-1]] += 1
    return out


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=13), st.integers(0, 57), st.integers(1, 5), st.integers(0, 2**31)
)
def test_in_proportion_equals_a_step_by_step_computation_and_meets_whole_shares(share, m, times, seed):
    phase = np.random.default_rng(seed).random(len(share))
    order = in_proportion(np.array(share), m, phase)
    assert order.tolist() == slow_in_proportion(share, m, phase)
    assert in_proportion(np.array(share), m + 17, phase)[:m].tolist() == order.tolist()
    whole = in_proportion(np.array(share), times * sum(share), phase)
    assert np.bincount(whole).tolist() == [times * w for w in share]


@pytest.mark.parametrize("m", [3, 11, 40, 77])
def test_in_proportion_prefixes_are_in_proportion_on_average(m):
    share, rng = np.repeat([1, 2, 3, 5], [9, 8, 7, 6]), np.random.default_rng(4)
    got = np.array([np.bincount(in_proportion(share, m, rng.random(30)), minlength=30) for _ in range(3000)])
    expected = m * share / share.sum()
    assert np.abs(got - expected).max() < 2  # with independent draws, it would be 5 or more
    sums = np.array([got[:, share == w].sum(axis=1).mean() for w in (1, 2, 3, 5)])
    np.testing.assert_allclose(sums, [expected[share == w].sum() for w in (1, 2, 3, 5)], atol=0.1)


def slow_delta(x, k, slow_order):
    """Return, by record of "a", the number Δ of neighbours in other classes (if above 0), and the partners."""
    out = {}
    for i in range(len(x.ids)):
        delta = sum(x.labels[j] != "a" for j in slow_order(x, i, lambda _: True)[:k])
        if x.labels[i] == "a" and delta > 0:
            out[x.ids[i]] = delta, [x.ids[j] for j in slow_order(x, i, lambda j: x.labels[j] == "a")[:k]]
    return out


@settings(max_examples=40)
@given(different_sizes(1, 41), st.integers(0, 2**31))
def test_adasyn_points_lie_on_the_segment_of_their_parents(crowd, slow_order, sizes, seed):
    n, d, k, m = sizes
    x = crowd(n=n, n_other=n + 7, d=d, seed=seed)
    expected, sampler = slow_delta(x, k, slow_order), Adasyn(k_neighbors=k).fit(x)
    if not expected:
        with pytest.raises(DataError, match="adasyn cannot make records of 1 class"):
            sampler.sample({"a": m}, SeedTree(seed))
        return
    latents = sampler.sample({"a": m}, SeedTree(seed))
    assert latents.vectors.shape == (m, d)
    hard, delta, _ = sampler.fitted.states[0]
    assert {sampler.x.ids[i]: w for i, w in zip(hard, delta, strict=True)} == {a: w for a, (w, _) in expected.items()}
    check_segments(x, latents, {a: partners for a, (_, partners) in expected.items()})


def test_adasyn_rejects_classes_far_from_all_others(plane):
    near = plane()
    x = replace(near, vectors=near.vectors + np.array([[0, 0]] * 6 + [[99, 0]] * 6, dtype=np.float32))
    with pytest.raises(DataError, match="adasyn cannot make records of 2 classes") as refused:
        Adasyn(k_neighbors=3).fit(x).sample({"a": 4, "b": 3}, SEEDS)
    for problem in refused.value.problems:
        assert (
            "none of the 6 records of the class has a record of another class among its 3 nearest records" in problem
        )
        assert "use smote" in problem


def test_adasyn_points_are_distributed_as_in_imbalanced_learn(two_clouds, energy):
    methods = (Adasyn(k_neighbors=4), Smote(k_neighbors=4))
    spread, same, other = distances(two_clouds(), energy, "ADASYN", {"n_neighbors": 4}, 8, 300, *methods)
    assert same < spread < other  # the distribution of SMOTE is detected as different
