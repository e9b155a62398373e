"""Plot train vectors with and without synthetic vectors in two dimensions, by UMAP and by t-SNE."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from studies.drawing import LOOKS, file_name, sheet, write_figure
from synthgen.core.errors import DataError, DependencyError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32

# with more points, the points overlap at print size, and the maps take minutes instead of seconds
MAX_POINTS_PER_CLASS = 400
_MIN_POINTS = 10  # with fewer points there are no neighbourhoods to preserve
_UMAP_NEIGHBOURS = 15
_TSNE_PERPLEXITY = 30.0
# styles of the real points of a class without (_MANY) and with (_FEW) synthetic points, and of synthetic points
_MANY: dict[str, Any] = {"s": 7, "linewidths": 0, "alpha": 0.55, "zorder": 2}
_FEW: dict[str, Any] = {"s": 16, "edgecolors": "black", "linewidths": 0.5, "zorder": 4}
_SYNTHETIC: dict[str, Any] = {"s": 12, "facecolors": "white", "linewidths": 0.6, "zorder": 3}  # hollow, not filled

Plane = NDArray[np.float32]


def write_projections(  # noqa: PLR0913, PLR0917 - two sets of points, and where they go
    real: Float32,
    labels: Sequence[str],
    synthetic: Float32,
    synthetic_labels: Sequence[str],
    title: str,
    folder: Path,
    seed: int,
) -> list[Path]:
    """Draw real train vectors without (left) and with (right) the synthetic vectors; return the files.

    For each class, at most MAX_POINTS_PER_CLASS real and as many synthetic vectors are chosen at random. A map is
    fitted once, on the real and synthetic vectors together, so a real point has the same position in both panels. The
    files are umap-TITLE and tsne-TITLE, as SVG and PNG.

    Args:
        real: float32 (n, d), the train vectors.
        labels: (n) their classes.
        synthetic: float32 (m, d), m at least 1.
        synthetic_labels: (m) their classes, all of them classes of real vectors.
        title: title of the figure, such as "sst2, smote, n = 64".
        folder: folder of the files.
        seed: seed of the choice of vectors and of the maps.

    Raises:
        DataError: if the arrays do not fit together or have too few points.
        DependencyError: if umap-learn is not installed.

    Privacy: each real point is one train record, so draw these figures only of public data or inside the institution.

    Reference: McInnes, Healy & Melville (2018), arXiv:1802.03426 (UMAP); van der Maaten & Hinton, JMLR 9 (2008)
    (t-SNE). Both maps are initialised with principal components: Kobak & Linderman, Nature Biotechnology 39 (2021).
    """
    _check(real, labels, synthetic, synthetic_labels)
    umap = _umap()  # imported here, so that a missing umap-learn is reported before any map is computed
    stream = SeedTree(seed).child("study", "projections", title)
    rng = stream.child("points").generator()
    kept, made = _thin(labels, rng), _thin(synthetic_labels, rng)
    vectors = np.concatenate([real[kept], synthetic[made]]).astype(np.float32)
    if len(vectors) < _MIN_POINTS:
        raise DataError(f"{len(vectors)} vectors are too few for a map; it needs {_MIN_POINTS}")
    map_seed = int(stream.child("map").generator().integers(2**32))
    classes = [labels[i] for i in kept] + [synthetic_labels[i] for i in made]
    with threadpool_limits(1):  # one thread adds numbers in a fixed order, so the same seed gives the same map
        planes = {"UMAP": _umap_plane(umap, vectors, map_seed), "t-SNE": _tsne_plane(vectors, map_seed)}
    paths: list[Path] = []
    for name, plane in planes.items():
        paths += _draw(name, plane, classes, len(kept), title, folder)
    return paths


def _check(real: Float32, labels: Sequence[str], synthetic: Float32, synthetic_labels: Sequence[str]) -> None:
    problems = []
    if real.ndim != 2 or synthetic.ndim != 2 or real.shape[1:] != synthetic.shape[1:]:
        problems.append("real and synthetic vectors are not two matrices of the same width")
    elif real.shape[1] < 2:
        problems.append("vectors have fewer than two dimensions")
    if len(real) != len(labels) or len(synthetic) != len(synthetic_labels):
        problems.append("vectors and labels differ in number")
    if not len(synthetic):
        problems.append("there are no synthetic vectors")
    if not (np.isfinite(real).all() and np.isfinite(synthetic).all()):
        problems.append("vectors are not finite")
    if not set(synthetic_labels) <= set(labels):
        problems.append("a class has synthetic vectors only")
    if problems:
        raise DataError("the vectors cannot be mapped", problems=problems)


def _umap() -> Any:
    try:
        with warnings.catch_warnings():
            # umap-learn warns at import if TensorFlow is missing; only its neural variant, not used here, needs it
            warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
            import umap
    except ModuleNotFoundError as error:
        raise DependencyError(
            "the UMAP figures need umap-learn, which is not installed", hint="pip install umap-learn"
        ) from error
    return umap


def _umap_plane(umap: Any, vectors: Float32, seed: int) -> Plane:
    neighbours = min(_UMAP_NEIGHBOURS, len(vectors) - 1)
    model = umap.UMAP(n_neighbors=neighbours, init="pca", random_state=seed, n_jobs=1)
    return np.asarray(model.fit_transform(vectors), dtype=np.float32)


def _tsne_plane(vectors: Float32, seed: int) -> Plane:
    from sklearn.manifold import TSNE

    perplexity = min(_TSNE_PERPLEXITY, (len(vectors) - 1) / 3)  # a point has about 3 · perplexity neighbours
    model = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    return np.asarray(model.fit_transform(vectors), dtype=np.float32)


def _thin(labels: Sequence[str], rng: np.random.Generator) -> list[int]:
    column = np.array(labels, dtype=object)
    kept: list[int] = []
    for label in sorted(set(labels)):
        rows = np.flatnonzero(column == label)
        kept += rng.permutation(rows)[:MAX_POINTS_PER_CLASS].tolist()
    return sorted(kept)


def _draw(name: str, plane: Plane, classes: Sequence[str], n_real: int, title: str, folder: Path) -> list[Path]:
    column = np.array(classes, dtype=object)
    is_real = np.arange(len(classes)) < n_real
    names = sorted(set(classes))
    with sheet(3.6, 1, 2, sharex=True, sharey=True) as (figure, panels):
        for i, label in enumerate(names):
            real, made = (plane[(column == label) & side] for side in (is_real, ~is_real))
            # the few real points of an augmented class are drawn on top so that they are visible
            style = _FEW if len(made) else _MANY
            for panel in panels:
                panel.scatter(*real.T, color=_color(i), marker=_mark(i), label=label, rasterized=True, **style)
        for i, label in enumerate(names):  # after the real points, so that the legend begins with the real points
            made = plane[(column == label) & ~is_real]
            if len(made):
                style = {"marker": _mark(i), "edgecolors": _color(i), **_SYNTHETIC}
                panels[1].scatter(*made.T, label=f"{label}, synthetic", rasterized=True, **style)
        for panel, heading in zip(panels, ("train", "train and synthetic"), strict=True):
            panel.set_title(heading, loc="left")
            panel.set_xticks([])  # the coordinates of UMAP and t-SNE have no unit
            panel.set_yticks([])
        figure.suptitle(f"{title} ({name})", fontweight="bold", fontsize=9, x=0.01, ha="left")
        handles, shown = panels[1].get_legend_handles_labels()
        figure.legend(handles, shown, loc="outside lower center", ncols=min(len(shown), 4), markerscale=1.6)
        return write_figure(figure, folder, file_name(name.replace("-", ""), title))


def _color(i: int) -> str:
    return LOOKS[i % len(LOOKS)].color


def _mark(i: int) -> str:
    """Return the marker of class i; from the ninth class on, the colours repeat, each with another marker."""
    return LOOKS[(i + i // len(LOOKS)) % len(LOOKS)].marker
