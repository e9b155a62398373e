"""Draw accuracy over n (the train records of each minority class), and each method's gain over no augmentation."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from studies.drawing import LOOKS, Look, file_name, sheet, write_figure
from studies.feature_augmentation.summary import NONE, RANDOM, summarise

Row = dict[str, Any]

# the methods in `learning-curves` if there are more than _MAX_CURVES; `gains-DATASET` has a panel for each method
_HEADLINE = (NONE, RANDOM, "smote", "vae")
_COLUMNS = 2
_COLUMNS_OF_GAINS = 4
_MAX_CURVES = 4  # more overlapping bands cannot be distinguished in grey
_BANDS = "mean over folds, band: 95 % interval"
_OWN = "the method named, band: 95 % interval"
_GAIN = Look("#0072B2", "o", "-")
_RANDOM_STYLE = {"color": "#7f7f7f", "linestyle": (0, (4, 1.5)), "linewidth": 1.2}


def write_learning_curves(cells: pa.Table, folder: Path) -> list[Path]:
    """Draw accuracy over n and return the files, SVG and PNG of each figure.

    `learning-curves` has a panel per dataset, with a line and a band (95 % interval) for each of up to four methods.
    `gains-DATASET` has a panel for each method except `none` (no augmentation). The panel shows the method's paired
    difference to `none`, and in grey the difference of random oversampling to `none`. A method has no point at an n
    at which it refused the rows of every fold.

    Raises:
        DataError: if the cells are incomplete; see `by_place`.
    """
    rows: list[Row] = [row for row in summarise(cells).to_pylist() if row["measure"] == "accuracy"]
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    paths = _curves(rows, datasets, folder)
    for dataset in datasets:
        paths += _gains([row for row in rows if row["dataset"] == dataset], dataset, folder)
    return paths


def _curves(rows: Sequence[Row], datasets: Sequence[str], folder: Path) -> list[Path]:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    if len(methods) > _MAX_CURVES:
        methods = [m for m in _HEADLINE if m in methods] or methods[:_MAX_CURVES]
    looks = dict(zip(methods, LOOKS, strict=False))
    n_columns = min(_COLUMNS, len(datasets))
    n_rows = math.ceil(len(datasets) / n_columns)
    with sheet(0.5 + 2.7 * n_rows, n_rows, n_columns) as (figure, panels):
        for panel, dataset in zip(panels, datasets, strict=False):
            for method, look in looks.items():
                own = [row for row in rows if (row["dataset"], row["method"]) == (dataset, method)]
                _line(panel, own, ("mean", "low", "high"), look, label=method)
            panel.set_title(dataset, loc="left", fontweight="bold")
            panel.set_ylabel("accuracy on the balanced test set")
            _n_axis(panel, [row["n"] for row in rows if row["dataset"] == dataset])
        for panel in panels[len(datasets) :]:
            panel.set_axis_off()
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), handlelength=3.4, title=_BANDS)
        return write_figure(figure, folder, "learning-curves")


def _gains(rows: Sequence[Row], dataset: str, folder: Path) -> list[Path]:
    compared = {row["method"] for row in rows if row["diff_none"] is not None}
    methods = [m for m in dict.fromkeys(row["method"] for row in rows) if m in compared]
    if not methods:
        return []  # the method `none` has no results to compare with
    n_columns = min(_COLUMNS_OF_GAINS, len(methods))
    n_rows = math.ceil(len(methods) / n_columns)
    keys = ("diff_none", "diff_none_low", "diff_none_high")
    random_n, random_gain, _, _ = _points([row for row in rows if row["method"] == RANDOM], keys)
    with sheet(0.7 + 1.7 * n_rows, n_rows, n_columns, sharex=True, sharey=True) as (figure, panels):
        for panel, method in zip(panels, methods, strict=False):
            panel.axhline(0, color="black", linewidth=0.7)
            if method != RANDOM:
                panel.plot(random_n, random_gain, **_RANDOM_STYLE, label=RANDOM)
            _line(panel, [row for row in rows if row["method"] == method], keys, _GAIN, label=_OWN)
            panel.set_title(method, loc="left")
            _n_axis(panel, [row["n"] for row in rows], every=2)
            panel.set_xlabel("n", labelpad=1)
            panel.tick_params(labelbottom=True)  # a panel above an empty place of the last row needs tick labels too
        for panel in panels[len(methods) :]:
            panel.set_axis_off()
        figure.supylabel("accuracy minus that of none", fontsize=8)
        title = f"{dataset}: gain over none, by n, the records of each minority class"
        figure.suptitle(title, fontweight="bold", fontsize=9, x=0.01, ha="left")
        handles, labels = panels[len(methods) - 1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), handlelength=3.4)
        return write_figure(figure, folder, file_name("gains", dataset))


def _points(rows: Sequence[Row], keys: tuple[str, str, str]) -> tuple[Any, Any, Any, Any]:
    """Return n, value, low and high (k) of the k rows with a value; without an interval, low and high are NaN."""
    own = [row for row in rows if row[keys[0]] is not None]
    value, low, high = (np.array([math.nan if row[key] is None else row[key] for row in own]) for key in keys)
    return np.array([row["n"] for row in own]), value, low, high


def _line(panel: Any, rows: Sequence[Row], keys: tuple[str, str, str], look: Look, label: str = "") -> None:
    x, y, low, high = _points(rows, keys)
    panel.fill_between(x, low, high, color=look.color, alpha=0.13, linewidth=0)
    for end in (low, high):  # edges distinguish overlapping bands
        panel.plot(x, end, color=look.color, linestyle=look.dash, linewidth=0.5, alpha=0.7)
    style = {"color": look.color, "marker": look.marker, "linestyle": look.dash}
    panel.plot(x, y, **style, markeredgecolor="white", markeredgewidth=0.4, label=label)


def _n_axis(panel: Any, all_n: Sequence[int], every: int = 1) -> None:
    panel.set_xscale("log", base=2)
    panel.set_xticks(sorted(set(all_n))[::every])
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter("")
    panel.set_xlabel("n, records of each minority class")
    panel.grid(visible=True, axis="y")
    panel.set_axisbelow(True)
