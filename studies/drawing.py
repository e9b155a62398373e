"""The style of the figures of the studies, and functions that write them as SVG and PNG.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish. Every series also has its own
marker and line style, for printing in grey. A figure is 17 cm wide, with letters of at least 7 points.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE_INCHES = 17 / 2.54
_DPI = 300
_RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "synthgen study",  # a constant, so that the same data give the same bytes
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "grid.linewidth": 0.4,
    "grid.color": "#d9d9d9",
}


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, marker and line style of one series; two series of a figure differ in all three."""

    color: str
    marker: str
    dash: str | tuple[int, tuple[float, ...]]


# the looks of the series of a figure, in order; the first four can be distinguished even by shade of grey alone
LOOKS = (
    Look("#000000", "o", "-"),
    Look("#E69F00", "s", (0, (4, 1.5))),
    Look("#0072B2", "^", "-."),
    Look("#D55E00", "X", ":"),
    Look("#CC79A7", "D", (0, (1, 1))),
    Look("#009E73", "v", (0, (6, 1.5, 1, 1.5, 1, 1.5))),
    Look("#56B4E9", "P", (0, (8, 2))),
    Look("#F0E442", "*", (0, (2, 2))),
)


@contextmanager
def sheet(height_inches: float, rows: int, columns: int, **options: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Yield a figure of page width and its panels, row by row, with the style of the studies.

    `options` are those of matplotlib's `subplots`, such as sharey.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_RC):
        figure = Figure(figsize=(PAGE_INCHES, height_inches), layout="constrained")
        yield figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def write_figure(figure: Any, folder: Path, name: str) -> list[Path]:
    """Write a figure as SVG and PNG and return the two paths; call this function inside `sheet`.

    The files contain no date and no software version, so that the same data give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.svg", folder / f"{name}.png"]
    figure.savefig(paths[0], dpi=_DPI, metadata={"Date": None})  # dpi of rasterised parts
    figure.savefig(paths[1], dpi=_DPI, metadata={"Software": None})
    return paths


def file_name(*words: str) -> str:
    """Return the words as one file name of lower-case letters, digits, underscores and dashes."""
    return "-".join(re.findall(r"\w+", " ".join(words).lower()))
