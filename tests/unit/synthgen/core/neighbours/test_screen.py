import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.neighbours import screen

KINDS = [torch.bfloat16, torch.float32]


def small_tiles(monkeypatch, kind):
    values = {"TILE_ROWS": 3, "TILE_COLUMNS": 12, "SPAN": 2, "ALIGNED": 1, "fastest_precision": lambda _: kind}
    for name, value in values.items():
        monkeypatch.setattr(screen, name, value)


def missed(vectors, person, asked, k):
    """Return how many true neighbours of other persons are not among the pairs, and the share of pairs found."""
    exact = np.square(vectors[asked].astype(np.float64)[:, None] - vectors[None]).sum(axis=2)
    exact[person[asked][:, None] == person[None]] = np.inf
    found, start = np.zeros(exact.shape, dtype=bool), 0
    for i, columns in screen.Screen(vectors, person).pairs(asked, k):
        assert (np.diff(i) >= 0).all()
        assert (person[asked[start + i]] != person[columns]).all()
        assert not found[start + i, columns].any()
        found[start + i, columns] = True
        start += min(screen.TILE_ROWS, len(asked) - start)
    kth = np.sort(exact, axis=1)[:, k - 1 : k]
    return int((~found & (exact <= kth)).sum()), found.mean()


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=30, deadline=None)
@given(
    st.integers(19, 60),
    st.integers(1, 9),
    st.integers(1, 3),
    st.sampled_from([0.0, 1.0, 50.0, 5e5]),
    st.integers(0, 999),
)
def test_screen_finds_all_neighbours(kind, n, d, k, offset, seed):
    rng = np.random.default_rng(seed)
    vectors = (rng.integers(-3, 4, size=(n, d)) / 3 + offset).astype(np.float32)
    person = rng.integers(0, n // 2, size=n)
    asked = rng.permutation(n)[: n - 2]
    with pytest.MonkeyPatch.context() as patch:
        small_tiles(patch, kind)
        assert missed(vectors, person, asked, k)[0] == 0


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_screen_selects_few_other_rows(kind, monkeypatch):
    monkeypatch.setattr(screen, "fastest_precision", lambda _: kind)
    vectors = np.random.default_rng(1).normal(size=(2500, 40)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    none, share = missed(vectors, np.arange(2500), np.arange(300), 5)
    assert none == 0
    assert share * 2500 < 5 + 10


def test_screen_finds_all_neighbours_if_one_person_has_most_rows(monkeypatch):
    small_tiles(monkeypatch, torch.bfloat16)
    vectors = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    person = np.array([0] * 46 + [1, 2, 3, 4])
    assert missed(vectors, person, np.arange(50), 3)[0] == 0


@pytest.mark.parametrize("by_numpy", [True, False])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_products_are_written_into_columns_of_the_buffer(kind, by_numpy, monkeypatch):
    monkeypatch.setattr(screen, "numpy_is_faster", lambda: by_numpy)
    rng = np.random.default_rng(3)
    q, x = (torch.from_numpy(rng.integers(-3, 4, size=(n, 7)).astype(np.float32)).to(kind) for n in (5, 11))
    buffer = torch.full((5, 20), 9.0, dtype=kind)
    screen.multiply(q, x, buffer[:, 4:15])
    assert torch.equal(buffer[:, 4:15].float(), q.float() @ x.float().T)
    assert (buffer[:, :4] == 9).all()
    assert (buffer[:, 15:] == 9).all()


def test_pairs_do_not_depend_on_the_size_of_the_buffer(monkeypatch):
    vectors = np.random.default_rng(7).normal(size=(900, 5)).astype(np.float32)
    found = []
    for rows, buffer in ((512, 1 << 27), (512, 1), (64, 1 << 27)):
        monkeypatch.setattr(screen, "TILE_ROWS", rows)
        monkeypatch.setattr(screen, "BUFFER", buffer)
        blocks = list(screen.Screen(vectors, np.arange(900)).pairs(np.arange(200), 3))
        found.append((len(blocks), np.concatenate([columns for _, columns in blocks])))
    assert [n for n, _ in found] == [1, 4, 4]
    assert all(np.array_equal(np.sort(columns), np.sort(found[0][1])) for _, columns in found)


def test_fastest_returns_a_supported_precision():
    assert screen.fastest_precision("cpu") in KINDS
