import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.interpolate.adasyn import Adasyn, in_proportion
from synthgen.interpolate.smote import Smote

SEEDS = SeedTree(20261120)


def counts(latents):
    """Return how many points start at each record."""
    starts = [parents[0] for parents in latents.parent_ids]
    return {id_: starts.count(id_) for id_ in sorted(set(starts))}


def test_difficulties_by_hand(plane):
    sampler = Adasyn(k_neighbors=3).fit(plane())
    assert sampler.fitted.found == {}  # nothing is searched before it is asked for
    sampler.sample({"a": 1}, SEEDS)
    hard, delta, partners = sampler.fitted.found[0]
    # of the 3 nearest of any class: a3 has a4, a1, b0 (the tie goes to a1); a4 has b0, b1, a3; a5 has b4, b3, b5
    assert hard.tolist() == [3, 4, 5]
    assert delta.tolist() == [1, 2, 3]
    # of the 3 nearest of class a: a3 has a4 1.5, a1 2.5, a0 3.5; a4 has a3, a1 4, a5 4.5; a5 has a4, a3 6, a1 8.5
    assert partners.tolist() == [[4, 1, 0], [3, 1, 5], [4, 3, 1]]


@pytest.mark.parametrize("seed", range(5))
def test_counts_by_hand(plane, seed):
    # r = 0, 0, 0, 1/3, 2/3, 1; Σ r = 2; r̂ = 1/6, 2/6, 3/6 for a3, a4, a5
    sampler = Adasyn(k_neighbors=3).fit(plane())
    assert counts(sampler.sample({"a": 12}, SeedTree(seed))) == {"a3": 2, "a4": 4, "a5": 6}
    assert counts(sampler.sample({"a": 600}, SeedTree(seed))) == {"a3": 100, "a4": 200, "a5": 300}
    # 10/6, 20/6, 30/6: whatever is rounded, the total is 10
    some = counts(sampler.sample({"a": 10}, SeedTree(seed)))
    assert sum(some.values()) == 10
    assert some["a3"] in {1, 2}
    assert some["a4"] in {3, 4}
    assert some["a5"] in {4, 5, 6}


def test_the_order_by_hand():
    # times (t − φ) / w: 0: .5; 1: .375, .875; 2: .0833, .4167, .75; then 1.5, 1.375, 1.0833
    phase = np.array([0.5, 0.25, 0.75])
    assert in_proportion(np.array([1, 2, 3]), 6, phase).tolist() == [2, 1, 2, 0, 2, 1]
    assert in_proportion(np.array([1, 2, 3]), 9, phase).tolist() == [2, 1, 2, 0, 2, 1, 2, 1, 2]


def test_imbalanced_learn_rounds_to_another_total_and_we_do_not(plane, two_clouds):
    imblearn = pytest.importorskip("imblearn.over_sampling", reason="imbalanced-learn is not installed")
    x = two_clouds()
    sampler = imblearn.ADASYN(sampling_strategy={"a": 37 + 101}, n_neighbors=5, random_state=1)
    made = sampler.fit_resample(x.vectors, np.array(x.labels))[0]
    assert len(made) - len(x.ids) != 101
    assert len(Adasyn(k_neighbors=5).fit(x).sample({"a": 101}, SEEDS)) == 101
    x = plane()  # 1/6, 2/6, 3/6 of one point round to nothing
    sampler = imblearn.ADASYN(sampling_strategy={"a": 6 + 1}, n_neighbors=3, random_state=1)
    with pytest.raises(ValueError, match="No samples will be generated"):
        sampler.fit_resample(x.vectors, np.array(x.labels))
    assert len(Adasyn(k_neighbors=3).fit(x).sample({"a": 1}, SEEDS)) == 1


def slow_in_proportion(share, m, phase):
    had, out = [0] * len(share), []
    for _ in range(m):
        times = [(had[i] + 1 - phase[i]) / share[i] for i in range(len(share))]
        out.append(times.index(min(times)))
        had[out[-1]] += 1
    return out


@given(st.lists(st.integers(1, 9), min_size=1, max_size=13), st.integers(0, 57), st.integers(0, 2**31))
def test_the_order_is_the_slow_one(share, m, seed):
    phase = np.random.default_rng(seed).random(len(share))
    order = in_proportion(np.array(share), m, phase)
    assert order.tolist() == slow_in_proportion(share, m, phase)
    assert in_proportion(np.array(share), m + 17, phase)[:m].tolist() == order.tolist()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=13), st.integers(1, 5), st.integers(0, 2**31))
def test_whole_shares_are_met_exactly(share, times, seed):
    phase = np.random.default_rng(seed).random(len(share))
    order = in_proportion(np.array(share), times * sum(share), phase)
    assert np.bincount(order).tolist() == [times * w for w in share]


@pytest.mark.parametrize("m", [3, 11, 40, 77])
def test_every_start_is_in_proportion_on_average_and_much_steadier_than_single_draws(m):
    share = np.repeat([1, 2, 3, 5], [9, 8, 7, 6])
    rng = np.random.default_rng(4)
    got = np.array([np.bincount(in_proportion(share, m, rng.random(30)), minlength=30) for _ in range(3000)])
    expected = m * share / share.sum()
    assert np.abs(got - expected).max() < 2  # a single draw each would be off by 5 and more
    sums = np.array([got[:, share == w].sum(axis=1).mean() for w in (1, 2, 3, 5)])
    np.testing.assert_allclose(sums, [expected[share == w].sum() for w in (1, 2, 3, 5)], atol=0.1)


def slow_delta(x, k, slow_order):
    """Return the Δ of every record of "a" that has one, and its partners."""
    out = {}
    for i in range(len(x.ids)):
        delta = sum(x.labels[j] != "a" for j in slow_order(x, i, lambda _: True)[:k])
        if x.labels[i] == "a" and delta > 0:
            out[x.ids[i]] = delta, [x.ids[j] for j in slow_order(x, i, lambda j: x.labels[j] == "a")[:k]]
    return out


@settings(max_examples=40)
@given(
    st.tuples(st.integers(12, 29), st.integers(1, 5), st.integers(1, 4), st.integers(1, 41)).filter(
        lambda sizes: len(set(sizes)) == 4
    ),
    st.integers(0, 2**31),
)
def test_every_point_lies_on_the_segment_of_its_parents(crowd, slow_order, sizes, seed):
    n, d, k, m = sizes
    x = crowd(n=n, n_other=n + 7, d=d, seed=seed)
    expected = slow_delta(x, k, slow_order)
    sampler = Adasyn(k_neighbors=k).fit(x)
    if not expected:
        with pytest.raises(DataError, match="adasyn cannot make records of 1 class"):
            sampler.sample({"a": m}, SeedTree(seed))
        return
    latents = sampler.sample({"a": m}, SeedTree(seed))
    assert latents.vectors.shape == (m, d)
    hard, delta, _ = sampler.fitted.found[0]
    assert {sampler.x.ids[i]: w for i, w in zip(hard, delta, strict=True)} == {a: w for a, (w, _) in expected.items()}
    row = {id_: i for i, id_ in enumerate(x.ids)}
    for vector, (a, b), (w, lam) in zip(latents.vectors, latents.parent_ids, latents.weights, strict=True):
        assert b in expected[a][1]
        assert x.groups[row[a]] != x.groups[row[b]]
        assert w + lam == pytest.approx(1)
        assert 0 <= lam < 1
        p, q = x.vectors[row[a]].astype(np.float64), x.vectors[row[b]].astype(np.float64)
        np.testing.assert_allclose(vector, p + lam * (q - p), atol=1e-5)


def test_a_class_far_from_all_others_is_refused_with_the_way_out(plane):
    near = plane()
    x = Embedded(
        vectors=near.vectors + np.array([[0, 0]] * 6 + [[99, 0]] * 6, dtype=np.float32),
        ids=near.ids,
        labels=near.labels,
        groups=near.groups,
        encoder="test",
        normalized=False,
    )
    with pytest.raises(DataError, match="adasyn cannot make records of 2 classes") as refused:
        Adasyn(k_neighbors=3).fit(x).sample({"a": 4, "b": 3}, SEEDS)
    for problem in refused.value.problems:
        assert "none of its 6 records has a record of another class among its 3 nearest" in problem
        assert "use smote" in problem


def test_the_same_cloud_as_imbalanced_learn(two_clouds, energy):
    imblearn = pytest.importorskip("imblearn.over_sampling", reason="imbalanced-learn is not installed")
    x = two_clouds()
    y = np.array(x.labels)

    def theirs(seed):
        sampler = imblearn.ADASYN(sampling_strategy={"a": 37 + 300}, n_neighbors=4, random_state=seed)
        return sampler.fit_resample(x.vectors, y)[0][len(y) :]

    reruns = [theirs(seed) for seed in range(8)]
    spread = max(energy(one, np.concatenate(reruns[:i] + reruns[i + 1 :])) for i, one in enumerate(reruns))
    together = np.concatenate(reruns)

    def distance(method):
        return energy(method.fit(x).sample({"a": 300}, SEEDS).vectors, together)

    assert distance(Adasyn(k_neighbors=4)) < spread
    assert distance(Smote(k_neighbors=4)) > spread  # a cloud that is not the same is seen
