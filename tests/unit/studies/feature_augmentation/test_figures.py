import re

import pyarrow as pa
import pytest

from studies.feature_augmentation.figures import write_learning_curves


def test_one_panel_per_dataset_and_one_gain_per_method(made_up, tmp_path, svg_texts):
    paths = write_learning_curves(made_up(["a", "b", "c"], [8, 16, 32], 1, 4), tmp_path)
    names = ["learning-curves", "gains-a", "gains-b", "gains-c"]
    assert [p.name for p in paths] == [f"{name}.{kind}" for name in names for kind in ("svg", "png")]
    assert all(p.stat().st_size > 1000 for p in paths)
    curves, gains = svg_texts(paths[0]), svg_texts(paths[2])
    assert {"a", "b", "c", "none", "random-oversample", "smote", "vae", "8", "16", "32"} <= set(curves)
    assert "adasyn" not in curves  # more lines could not be distinguished
    assert {"smote", "vae", "adasyn", "accuracy minus that of none"} <= set(gains)
    assert "none" not in gains


def test_lines_differ_in_more_than_colour(made_up, tmp_path):
    cells = made_up(["a"], [8, 16], 1, 3)
    svg = write_learning_curves(cells, tmp_path)[0].read_text(encoding="utf-8")
    lines = re.findall(r'<path d="[^"]*" clip-path="[^"]*" style="([^"]*stroke-width: 1.4[^"]*)"', svg)
    assert len(lines) == 4
    assert len({re.search(r"stroke-dasharray: ([^;]*)|$", style).group(1) for style in lines}) == 4
    assert len({re.search(r"stroke: (#\w+)|$", style).group(1) for style in lines}) == 4


@pytest.mark.parametrize(
    ("sizes", "folds", "refused"),
    [([8], 1, ()), ([8, 16], 1, ()), ([8, 16], 3, {("vae", 8)}), ([8, 16], 3, {("vae", 8), ("vae", 16)})],
)
def test_gaps_and_missing_intervals_are_not_drawn(made_up, tmp_path, svg_texts, sizes, folds, refused):
    gains = svg_texts(write_learning_curves(made_up(["a"], sizes, 1, folds, refused), tmp_path)[2])
    assert ("smote" in gains, "vae" in gains) == (True, len(refused) < 2)


def test_panels_keep_the_order_of_the_methods(made_up, tmp_path, svg_texts):
    gains = svg_texts(write_learning_curves(made_up(["a"], [8, 16], 1, 3, {("smote", 8)}), tmp_path)[2])
    methods = ["random-oversample", "smote", "vae", "adasyn"]
    assert [t for t in gains if t in methods][: len(methods)] == methods


def test_few_methods_are_all_drawn_and_without_none_there_is_no_gain(made_up, tmp_path, svg_texts):
    cells = made_up(["a"], [8, 16], 1, 3)
    few = cells.filter(pa.array([m in {"adasyn", "vae"} for m in cells["method"].to_pylist()]))
    paths = write_learning_curves(few, tmp_path)
    assert [p.name for p in paths] == ["learning-curves.svg", "learning-curves.png"]
    assert {"adasyn", "vae"} <= set(svg_texts(paths[0]))
