"""The SMOTExT study's figures: accuracy over the number of synthetic records, and accuracy against membership AUC."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from studies.drawing import LOOKS, Look, sheet, write_figure
from studies.smotext.protocol import LABEL_ONLY, REAL
from studies.smotext.summary import HEADS, over_seeds

Row = dict[str, Any]

# the variants in the figure `accuracy`, because more than four lines cannot be distinguished in grey
CURVES = ("smotext", "smotext-filtered", "eda", LABEL_ONLY)
ARMS = {"synthetic": "synthetic alone", "real+synthetic": "real + synthetic"}
_REAL_STYLE = {"color": "#7f7f7f", "linestyle": (0, (4, 1.5)), "linewidth": 1.2}
_COLUMNS = 2
_BANDS = "mean over seeds, band: 95 % interval"


def write_smotext_figures(measures: pa.Table, folder: Path) -> list[Path]:
    """Draw the measures of all trials and return the files, SVG and PNG of each figure.

    `accuracy` has a row of panels for each dataset, with one panel for each classifier and each of `ARMS` (whether
    the classifier is trained on synthetic records alone or together with real records). Each panel has a line and a
    band (95 % interval) for each variant in `CURVES`, and a grey line for real records alone.

    `privacy-utility` has a panel for each dataset, in which each variant is a point: x is the membership AUC by
    character 4-grams, and y is the accuracy of TF-IDF trained on synthetic records alone.

    Raises:
        DataError: if a measure occurs twice.
    """
    rows = over_seeds(measures).to_pylist()
    return _curves(rows, folder) + _trade(rows, folder)


def _curves(rows: Sequence[Row], folder: Path) -> list[Path]:
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    places = [(by, arm) for by in HEADS for arm in ARMS]
    sizes = sorted({r["n"] for r in rows if r["measure"] == "accuracy" and r["n"] > 0})  # all panels share the x axis
    with sheet(0.9 + 1.75 * len(datasets), len(datasets), len(places), sharex=True, sharey="row") as (figure, panels):
        for k, panel in enumerate(panels):
            dataset, (by, arm) = datasets[k // len(places)], places[k % len(places)]
            own = [r for r in rows if (r["dataset"], r["by"], r["measure"]) == (dataset, by, "accuracy")]
            for real in (r["mean"] for r in own if r["variant"] == REAL):
                panel.axhline(real, **_REAL_STYLE, label="real alone")
            for variant, look in zip(CURVES, LOOKS, strict=False):
                _line(panel, [r for r in own if (r["variant"], r["arm"]) == (variant, arm)], look, variant)
            panel.set_title(f"{dataset}\n{HEADS[by]}, {ARMS[arm]}", loc="left", fontsize=7)
            panel.set_xscale("log")
            panel.set_xticks(sizes)
            panel.xaxis.set_major_formatter("{x:g}")
            panel.minorticks_off()
            panel.tick_params(axis="x", rotation=45)
            panel.set_ylim(*_reach([r for r in rows if (r["dataset"], r["measure"]) == (dataset, "accuracy")]))
            panel.grid(visible=True, axis="y")
            panel.set_axisbelow(True)
        figure.supylabel("accuracy on the test split", fontsize=8)
        for panel in panels[-len(places) :]:
            panel.set_xlabel("synthetic records", fontsize=7)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), handlelength=3.4, title=_BANDS)
        return write_figure(figure, folder, "accuracy")


def _reach(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the limits of an axis that shows all means; bands can extend beyond these limits."""
    means = [r["mean"] for r in rows]
    spare = 0.1 * (max(means) - min(means)) + 0.01
    return min(means) - spare, max(means) + spare


def _line(panel: Any, rows: Sequence[Row], look: Look, label: str) -> None:
    own = sorted((r for r in rows if r["mean"] is not None), key=lambda r: r["n"])
    n = [r["n"] for r in own]
    low, high = ([math.nan if r[end] is None else r[end] for r in own] for end in ("low", "high"))
    panel.fill_between(n, low, high, color=look.color, alpha=0.1, linewidth=0)
    style = {"color": look.color, "marker": look.marker, "linestyle": look.dash}
    panel.plot(n, [r["mean"] for r in own], **style, markeredgecolor="white", markeredgewidth=0.4, label=label)


def _trade(rows: Sequence[Row], folder: Path) -> list[Path]:
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    most = {name: max(row["n"] for row in rows if row["dataset"] == name) for name in datasets}
    at = {
        (r["dataset"], r["variant"], r["arm"], r["by"], r["measure"]): r["mean"]
        for r in rows
        if r["n"] in {0, most[r["dataset"]]}
    }
    variants = list(dict.fromkeys(v for _, v, _, by, m in at if (by, m) == ("characters", "membership_auc")))
    n_columns = min(_COLUMNS, len(datasets))
    n_rows = math.ceil(len(datasets) / n_columns)
    with sheet(0.8 + 2.4 * n_rows, n_rows, n_columns) as (figure, panels):
        for panel, dataset in zip(panels, datasets, strict=False):
            real = at.get((dataset, REAL, REAL, "tfidf-linear", "accuracy"), np.nan)
            panel.axhline(real, **_REAL_STYLE, label="real alone")
            panel.axvline(0.5, color="black", linewidth=0.7)
            for variant, look in zip(variants, LOOKS, strict=False):
                x = at.get((dataset, variant, "synthetic", "characters", "membership_auc"), np.nan)
                y = at.get((dataset, variant, "synthetic", "tfidf-linear", "accuracy"), np.nan)
                panel.plot([x], [y], linestyle="", marker=look.marker, color=look.color, markersize=7, label=variant)
            panel.set_title(dataset, loc="left", fontweight="bold")
            panel.set_xlabel("membership AUC by characters (0.5: chance)")
            panel.set_ylabel("TF-IDF, synthetic alone")
            panel.grid(visible=True)
            panel.set_axisbelow(True)
        for panel in panels[len(datasets) :]:
            panel.set_axis_off()
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, handlelength=2)
        return write_figure(figure, folder, "privacy-utility")
