import sys

import numpy as np
import pytest

from synthgen.core.neighbours import indexed
from synthgen.interpolate import neighbourhoods

pytest.importorskip("imblearn", reason="imbalanced-learn is not installed")


@pytest.mark.parametrize("n", [400, 2_003, 50_000])
@pytest.mark.parametrize("classes", [2, 4, 20])
def test_classes_fall_evenly_and_sum_to_n(bench, n, classes):
    sizes = bench.class_sizes(n, classes)
    assert (len(sizes), sizes.sum()) == (classes, n)
    assert (np.diff(sizes) <= 0).all()
    assert sizes[0] / sizes[-1] == pytest.approx(10, rel=0.15)


def test_rows_are_unit_vectors_that_vary_in_few_directions(bench):
    sizes = bench.class_sizes(1_500, 4)
    X, y = bench.made_up(sizes)
    assert (X.shape, X.dtype, np.bincount(y).tolist()) == ((1_500, bench.DIM), np.float32, sizes.tolist())
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1, atol=1e-5)
    variance = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2
    assert variance[:20].sum() > variance.sum() / 2


def test_real_rows_are_of_the_most_frequent_classes(bench):
    labels = np.repeat(["ant", "bee", "cow"], [30, 500, 400])
    vectors = np.arange(930.0)[:, None] * np.ones(3)
    X, y = bench.real(vectors, labels, np.array([310, 31]))
    assert sorted(y) == ["bee"] * 310 + ["cow"] * 31
    assert (labels[X[:, 0].astype(int)] == y).all()
    assert bench.real(vectors, labels, np.array([310, 100, 31])) is None


def test_energy_distance_and_growth_agree_with_a_reference(bench):
    rng = np.random.default_rng(3)
    clouds = [rng.normal(size=(m, 4)) for m in (5, 7, 6)]

    def mean(a, b):
        return np.mean([[np.linalg.norm(x - y) for y in b] for x in a])

    expected = [[2 * mean(a, b) - mean(a, a) - mean(b, b) for b in clouds] for a in clouds]
    np.testing.assert_allclose(bench.energies(clouds), expected, atol=1e-7)
    assert bench.exponent({10: 3.0, 100: 300.0}) == pytest.approx(2)


def test_different_points_are_distinguished(bench, monkeypatch, capsys):
    X, y = bench.made_up(bench.class_sizes(1_500, 2))
    assert bench.same_points("smote", X, y, points=300) > 0.05
    monkeypatch.setitem(bench.THEIRS, "smote", bench.RandomOverSampler)
    assert bench.same_points("smote", X, y, points=300) <= 2 / 924  # the smallest p: the split and its mirror
    assert "their reruns" in capsys.readouterr().out


@pytest.mark.slow
def test_quick_runs_on_files_too(tmp_path, run_script):
    rng = np.random.default_rng(5)
    labels = np.repeat(["ant", "bee"], [400, 60])
    np.save(tmp_path / "x.npy", rng.normal(size=(460, 8)) + 0.1)
    np.save(tmp_path / "y.npy", labels)
    files = ["--vectors", tmp_path / "x.npy", "--labels", tmp_path / "y.npy"]
    printed = run_script("--quick", "--methods", "smote", "random-oversample", *files)
    for words in (
        "400 x 8, classes of 364 36",
        "800 rows of 2 classes: the file has too few",
        "same points: smallest p",
    ):
        assert words in printed


def test_our_methods_alone_report_their_searches(bench, monkeypatch, capsys):
    for module in (indexed, neighbourhoods):
        monkeypatch.setattr(module, "INDEXED_ROWS", 1_000)
    monkeypatch.setattr(sys, "argv", ["interpolate.py", "--alone", "1500", "--methods", "smote", "adasyn"])
    bench.main()
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "1500 x 384, classes of 1364 136"
    assert [line.split()[0] for line in shown[1:]] == ["smote", "among", "adasyn", "among", "among"]
    assert all(": ivf, recall " in line or ": exact, recall 1.000" in line for line in shown if "among" in line)


def test_rows_made_in_parts_are_unit_vectors_of_their_classes(bench):
    X, y = bench.many(21_000, 2)
    assert (X.shape, X.dtype, np.bincount(y).tolist()) == ((21_000, bench.DIM), np.float32, [19_091, 1_909])
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_quick_compares_every_method(bench, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["interpolate.py", "--quick"])
    bench.main()
    printed = capsys.readouterr().out
    for method in bench.THEIRS:
        assert f"{method:<18} 2 classes: ours grows as n^" in printed
        assert f"{method:<18} energy distance" in printed


def test_a_refusal_of_imbalanced_learn_is_reported(bench, capsys):
    X, y = bench.made_up(bench.class_sizes(2_000, 20))
    assert bench.compared("adasyn", X, y, 1) is None  # it rounds each record's share of the points down to zero
    assert "imbalanced-learn refuses: No samples" in capsys.readouterr().out
