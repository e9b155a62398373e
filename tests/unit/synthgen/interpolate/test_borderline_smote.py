import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ConfigError, DataError
from synthgen.core.seeds import SeedTree
from synthgen.interpolate.borderline_smote import BorderlineSmote, in_danger
from synthgen.interpolate.smote import Smote

SEEDS = SeedTree(20261120)


def found(method, x, label):
    """Return the records in danger, each with those it is interpolated with."""
    sampler = method.fit(x)
    code = sampler.names.index(label)
    assert sampler.fitted.found == {}  # nothing is searched before it is asked for
    sampler.sample({label: 1}, SEEDS)
    danger, pool = sampler.fitted.found[code]
    ids = np.array(sampler.x.ids)
    return {str(ids[i]): ids[row].tolist() for i, row in zip(danger, pool, strict=True)}


def test_danger_by_hand(plane):
    # of 4 neighbours are of other classes: a0, a1, a2 none, a3 2, a4 3, a5 4; a tie is safe, all four is noise
    assert found(BorderlineSmote(k_neighbors=2, m_neighbors=4), plane(), "a") == {"a4": ["a3", "a1"]}
    # of 5: a3 2 (b0, b1), a4 4, a5 5
    assert found(BorderlineSmote(k_neighbors=3, m_neighbors=5), plane(), "a") == {"a4": ["a3", "a1", "a5"]}
    # of 3: a3 1, a4 2, a5 3
    assert found(BorderlineSmote(k_neighbors=1, m_neighbors=3), plane(), "a") == {"a4": ["a3"]}


def test_kind_2_adds_the_one_nearest_of_another_class(plane):
    assert found(BorderlineSmote(k_neighbors=2, m_neighbors=4, kind=2), plane(), "a") == {"a4": ["a3", "a1", "b0"]}


def test_rows_of_one_person_are_neighbours_in_neither_search(plane):
    x = plane(a4="ann", b0="ann", a3="ann")
    # a4 now has b1 √2, b2 2, b3 3, a1 4: three of four; a3 has a1, b1, a0, b2: a tie
    assert found(BorderlineSmote(k_neighbors=2, m_neighbors=4, kind=2), x, "a") == {"a4": ["a1", "a5", "b1"]}


@pytest.mark.parametrize(
    ("m", "danger"), [(3, [2]), (4, [3]), (5, [3, 4]), (6, [4, 5]), (7, [4, 5, 6]), (10, [6, 7, 8, 9])]
)
def test_more_than_half_but_not_all(m, danger):
    other = np.arange(m)[None, :] < np.arange(m + 1)[:, None]  # row i has i of other classes
    assert np.flatnonzero(in_danger(other)).tolist() == danger


def test_imbalanced_learn_takes_the_tie_for_danger_and_we_do_not(plane):
    imblearn = pytest.importorskip("imblearn.over_sampling", reason="imbalanced-learn is not installed")
    x = plane()
    for m, theirs in ((4, ["a3", "a4"]), (3, ["a4"])):
        sampler = imblearn.BorderlineSMOTE(sampling_strategy={"a": 10}, k_neighbors=2, m_neighbors=m, random_state=1)
        sampler.fit_resample(x.vectors, np.array(x.labels))
        assert [x.ids[i] for i in sampler.in_danger_indices["a"]] == theirs
        assert sorted(found(BorderlineSmote(k_neighbors=2, m_neighbors=m), x, "a")) == ["a4"]


def test_a_point_by_hand(plane):
    x = plane()
    place = dict(zip(x.ids, x.vectors.astype(np.float64), strict=True))
    latents = BorderlineSmote(k_neighbors=2, m_neighbors=4, kind=2).fit(x).sample({"a": 60}, SEEDS)
    stream = SEEDS.child("a")
    which = stream.child("neighbour").generator().integers(0, 3, size=60)
    u = stream.child("lambda").generator().random(60)
    for row in range(60):
        lam = u[row] / 2 if which[row] == 2 else u[row]
        end = ("a3", "a1", "b0")[which[row]]
        assert latents.parent_ids[row] == ("a4", end)
        assert latents.weights[row] == pytest.approx((1 - lam, lam), abs=1e-12)
        made = place["a4"] + lam * (place[end] - place["a4"])
        np.testing.assert_allclose(latents.vectors[row], made, atol=1e-6)


def test_kind_2_stays_nearer_to_its_own_class(crowd):
    x = crowd(n=31, n_other=43, d=3, seed=6)
    label = dict(zip(x.ids, x.labels, strict=True))
    latents = BorderlineSmote(k_neighbors=4, m_neighbors=7, kind=2).fit(x).sample({"a": 5000}, SEEDS)
    assert set(latents.labels) == {"a"}
    assert {label[p[0]] for p in latents.parent_ids} == {"a"}
    lam = np.array([w[1] for w in latents.weights])
    crosses = np.array([label[p[1]] != "a" for p in latents.parent_ids])
    # standard errors: share .0057, means .0046 and .0046
    assert abs(crosses.mean() - 1 / 5) < 0.02
    assert lam[crosses].max() < 0.5
    assert abs(lam[crosses].mean() - 0.25) < 0.02
    assert abs(lam[~crosses].mean() - 0.5) < 0.02


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
@given(
    st.tuples(st.integers(12, 29), st.integers(1, 5), st.integers(1, 4), st.integers(3, 11)).filter(
        lambda sizes: len(set(sizes)) == 4
    ),
    st.integers(1, 41),
    st.sampled_from([1, 2]),
    st.integers(0, 2**31),
)
def test_every_point_lies_on_the_segment_of_its_parents(crowd, slow_order, sizes, count, kind, seed):
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
    row = {id_: i for i, id_ in enumerate(x.ids)}
    for vector, (a, b), (w, lam) in zip(latents.vectors, latents.parent_ids, latents.weights, strict=True):
        assert b in expected[a]
        assert x.groups[row[a]] != x.groups[row[b]]
        assert w + lam == pytest.approx(1)
        assert 0 <= lam < (1 if x.labels[row[b]] == "a" else 0.5)
        p, q = x.vectors[row[a]].astype(np.float64), x.vectors[row[b]].astype(np.float64)
        np.testing.assert_allclose(vector, p + lam * (q - p), atol=1e-5)


def test_no_record_in_danger_is_refused_with_the_way_out(plane):
    with pytest.raises(DataError, match="borderline-smote cannot make records of 1 class") as refused:
        BorderlineSmote(k_neighbors=2, m_neighbors=4).fit(plane()).sample({"b": 3}, SEEDS)
    # of four neighbours, none of class b has more than two of class a
    (problem,) = refused.value.problems
    assert "none of its 6 records is in danger: of 4 neighbours, 6 records have at most half" in problem
    assert "use smote" in problem


def test_too_few_neighbours_in_all_are_refused_with_numbers(plane):
    with pytest.raises(DataError) as refused:
        BorderlineSmote(k_neighbors=2, m_neighbors=11).fit(plane(a0="ann", a4="ann")).sample({"a": 3}, SEEDS)
    assert refused.value.problems == (
        "'a': 10 records of other persons, of any class, around one of its records, needs 11",
    )


def test_every_impossible_option_is_named():
    with pytest.raises(ConfigError) as refused:
        BorderlineSmote(m_neighbors=2, kind=3)
    assert refused.value.problems == (
        "m_neighbors: Input should be greater than or equal to 3, got 2",
        "kind: Input should be 1 or 2, got 3",
    )
    assert BorderlineSmote(m_neighbors=3, kind=2).min_groups == 6


@pytest.mark.parametrize("kind", [1, 2])
def test_the_cloud_of_imbalanced_learn_where_the_definitions_agree(two_clouds, energy, kind):
    imblearn = pytest.importorskip("imblearn.over_sampling", reason="imbalanced-learn is not installed")
    x = two_clouds()
    y = np.array(x.labels)

    def theirs(seed):
        sampler = imblearn.BorderlineSMOTE(
            sampling_strategy={"a": 37 + 900},
            k_neighbors=4,
            m_neighbors=9,
            kind=f"borderline-{kind}",
            random_state=seed,
        )
        return sampler.fit_resample(x.vectors, y)[0][len(y) :]

    reruns = [theirs(seed) for seed in range(6)]
    spread = max(energy(one, np.concatenate(reruns[:i] + reruns[i + 1 :])) for i, one in enumerate(reruns))
    together = np.concatenate(reruns)

    def distance(method):
        return energy(method.fit(x).sample({"a": 900}, SEEDS).vectors, together)

    ours = distance(BorderlineSmote(k_neighbors=4, m_neighbors=9, kind=kind))
    assert (ours < spread) == (kind == 1)  # kind 2 is defined otherwise
    assert distance(Smote(k_neighbors=4)) > 2 * spread  # a cloud that is not the same is seen
