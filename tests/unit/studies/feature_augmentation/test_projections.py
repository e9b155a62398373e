import sys
from collections import Counter

import numpy as np
import pytest

from studies.feature_augmentation import projections
from studies.feature_augmentation.projections import write_projections
from synthgen.core.errors import DataError, DependencyError


def two_classes(n_many, n_few, n_made, d=7, seed=2):
    rng = np.random.default_rng(seed)
    real = rng.standard_normal((n_many + n_few, d)).astype(np.float32)
    real[n_many:] += 4
    made = rng.standard_normal((n_made, d)).astype(np.float32) + 4
    return real, ["many"] * n_many + ["few"] * n_few, made.astype(np.float32), ["few"] * n_made


@pytest.fixture
def no_umap(monkeypatch):
    """Replace UMAP by principal components, because compiling UMAP takes longer than all these tests."""

    class Pca:
        def __init__(self, **_):
            pass

        def fit_transform(self, x):
            return (x - x.mean(axis=0)) @ np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:2].T

    monkeypatch.setattr(projections, "_umap", lambda: type("umap", (), {"UMAP": Pca}))


@pytest.mark.usefixtures("no_umap")
def test_four_files_with_classes_and_panels_named(tmp_path):
    paths = write_projections(*two_classes(40, 9, 17), "set_1, smote, n = 9", tmp_path / "new", 5)
    assert [p.name for p in paths] == [
        f"{name}-set_1-smote-n-9.{kind}" for name in ("umap", "tsne") for kind in ("svg", "png")
    ]
    for svg, name in ((paths[0], "UMAP"), (paths[2], "t-SNE")):
        text = svg.read_text(encoding="utf-8")
        for words in (f"set_1, smote, n = 9 ({name})", "train and synthetic", ">many<", ">few<", ">few, synthetic<"):
            assert words in text
        assert "many, synthetic" not in text


@pytest.mark.usefixtures("no_umap")
def test_the_left_panel_shows_no_synthetic_point(tmp_path, monkeypatch):
    drawn, whole = [], projections.write_figure
    monkeypatch.setattr(projections, "write_figure", lambda figure, *a: drawn.append(figure) or whole(figure, *a))
    write_projections(*two_classes(40, 9, 17), "t", tmp_path, 5)
    for figure in drawn:
        left, right = ([len(c.get_offsets()) for c in panel.collections] for panel in figure.axes)
        assert left == [9, 40]
        assert right == [9, 40, 17]
        for one, other in zip(figure.axes[0].collections, figure.axes[1].collections, strict=False):
            assert np.array_equal(one.get_offsets(), other.get_offsets())  # both panels show the same map


@pytest.mark.usefixtures("no_umap")
def test_the_seed_decides_the_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(projections, "MAX_POINTS_PER_CLASS", 12)
    data = two_classes(40, 9, 17)
    one, again, other = (
        write_projections(*data, "t", tmp_path / n, s) for n, s in (("a", 5), ("b", 5), ("c", 2**40))
    )
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in again]
    assert one[3].read_bytes() != other[3].read_bytes()


def test_large_classes_are_thinned_and_small_ones_kept_whole():
    labels = ["a"] * 450 + ["b"] * 30 + ["c"] * 401
    kept = projections._thin(labels, np.random.default_rng(1))
    assert Counter(labels[i] for i in kept) == {"a": 400, "b": 30, "c": 400}
    assert kept == sorted(set(kept))
    assert kept != projections._thin(labels, np.random.default_rng(2))


def test_marks_stay_unique_after_the_colours_repeat():
    assert len({(projections._color(i), projections._mark(i)) for i in range(64)}) == 64


@pytest.mark.usefixtures("no_umap")
def test_all_invalid_inputs_are_listed(tmp_path):
    real, labels, made, made_labels = two_classes(40, 9, 17)
    for message, given in (
        ("same width", (real[:, :-1], labels, made, made_labels)),
        ("fewer than two dimensions", (real[:, :1], labels, made[:, :1], made_labels)),
        ("no synthetic", (real, labels, made[:0], [])),
        ("9 vectors are too few", two_classes(4, 2, 3)),
    ):
        with pytest.raises(DataError, match=message):
            write_projections(*given, "t", tmp_path, 5)
    made[3, 2] = np.nan
    with pytest.raises(DataError) as caught:
        write_projections(real, labels[1:], made, ["secret"] * 17, "t", None, 5)
    assert caught.value.problems == (
        "vectors and labels differ in number",
        "vectors are not finite",
        "a class has synthetic vectors only",
    )


def test_a_missing_umap_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(DependencyError, match="pip install umap-learn"):
        write_projections(*two_classes(40, 9, 17), "t", tmp_path, 5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow  # umap-learn is compiled when it is first used
def test_umap_maps_repeatably_and_without_a_warning():
    real, _, _, _ = two_classes(40, 9, 17)
    vectors = np.concatenate([real, real[[-1] * 12]])  # copies, as random oversampling makes them
    one, again, other = (projections._umap_plane(projections._umap(), vectors, seed) for seed in (5, 5, 2**32 - 1))
    assert one.shape == (61, 2)
    assert np.isfinite(one).all()
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
