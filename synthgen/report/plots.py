"""Draw the two plots of the report with matplotlib, as inline SVG whose bytes depend only on the numbers.

Colours are CSS variables of the page, so one picture works in light mode, dark mode and print. Every series also has
its own dash, so a reader needs no colour.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from audits.gate.coarse import Bin
from synthgen.core.errors import InternalError

# matplotlib needs real colours; `_inline` replaces these by the page's variables
_INK, _TRAIN, _CONTROL = "#0a0b0c", "#0072b2", "#d55e00"
_SWAPS = {_INK: "currentColor", _TRAIN: "var(--train)", _CONTROL: "var(--control)"}
_SIZE_INCHES = (5.0, 3.3)
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
}


def _density(counts: Sequence[float], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of records per unit of distance, so that samples of unequal size are comparable."""
    values = np.asarray(counts, dtype=float)
    total = values.sum()
    return values / widths / total if total > 0 else np.zeros(len(values))


def histogram_svg(name: str, bins: Sequence[Bin], title: str, description: str) -> Markup:
    """Return the histograms of the distances of train and control as two outlines over one axis."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    edges = [b.low for b in bins] + [bins[-1].high]
    widths = np.diff(edges)
    train, control = (_density([getattr(b, role) for b in bins], widths) for role in ("train", "control"))
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.stairs(train, edges, fill=True, color=_TRAIN, alpha=0.2)
        axes.stairs(train, edges, color=_TRAIN, linewidth=1.8, label="train")
        axes.stairs(control, edges, color=_CONTROL, linestyle="--", linewidth=1.8, label="control")
        axes.set_xlabel("distance")
        axes.set_ylabel("share per unit of distance")
        axes.set_ylim(bottom=0)
        axes.legend(loc="best")
        return _inline(figure, name, title, description)


def roc_svg(name: str, roc: Mapping[str, Any], title: str, description: str) -> Markup:
    """Return the ROC curve on two logarithmic axes, with the diagonal of guessing and, if given, its interval."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    fpr = np.asarray(roc["fpr"], dtype=float)
    tpr = np.asarray(roc["tpr"], dtype=float)
    positive = np.concatenate([fpr[fpr > 0], tpr[tpr > 0], [1.0]])
    floor = 10.0 ** np.floor(np.log10(min(float(positive.min()), 0.01)))
    line = np.geomspace(floor, 1, 64)
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.set_yscale("log")
        if "low" in roc and "high" in roc:
            # a logarithmic axis has no 0, so zeros are drawn at the floor
            low, high = (np.maximum(np.asarray(roc[k], dtype=float), floor) for k in ("low", "high"))
            axes.fill_between(
                np.maximum(fpr, floor), low, high, color=_TRAIN, alpha=0.2, linewidth=0, label="interval"
            )
        axes.plot(line, line, color=_INK, linestyle=":", linewidth=1.2, label="guessing")
        axes.plot(np.maximum(fpr, floor), np.maximum(tpr, floor), color=_TRAIN, label="attack")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")  # plain numbers, because powers need math markup, which is off
            axis.set_minor_formatter("")
        axes.set_xlim(floor, 1)
        axes.set_ylim(floor, 1.15)
        axes.set_xlabel("false positive rate (control)")
        axes.set_ylabel("true positive rate (train)")
        axes.legend(loc="lower right")
        return _inline(figure, name, title, description)


def _inline(figure: Any, name: str, title: str, description: str) -> Markup:
    """Return a figure as an SVG element with its own title and description, without prolog, metadata and date."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # ids such as axes_1 would be duplicates in a page with two plots
    for color, variable in _SWAPS.items():
        svg = svg.replace(color, variable)
    view = re.search(r'viewBox="([^"]*)"', svg)
    if view is None:
        raise InternalError("matplotlib wrote an SVG without a viewBox")
    head = Markup(
        '<svg viewBox="{}" aria-labelledby="{}-title {}-desc"><title id="{}-title">{}</title>'
        '<desc id="{}-desc">{}</desc>'
    ).format(view.group(1), name, name, name, title, name, description)
    # matplotlib escapes its own text
    return head + Markup(svg[svg.index(">") + 1 :].strip())  # noqa: S704 - see above
