"""Draw the two plots of the report as inline SVG: histograms of distances, and a ROC curve.

Equal inputs give equal bytes. Colours are CSS variables of the page, so a plot is legible in light mode, dark mode
and print. Lines also differ in their dash pattern, which is visible without colours.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from audits.gate.coarse import Bin

_WIDTH, _HEIGHT = 500, 330  # size of a plot in SVG units
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 488, 30, 280  # SVG coordinates at which the axes begin and end
_TRAIN, _CONTROL, _INK = "var(--train)", "var(--control)", "currentColor"  # colours; ink: axes and text
Points = Sequence[tuple[float, float]]
Scale = Callable[[float], float]  # maps a number of the plot to its SVG coordinate


def histogram_svg(name: str, bins: Sequence[Bin], title: str, description: str) -> Markup:
    """Return a plot with two outlines: histograms of the distances to train records and to control records.

    The heights are shares per unit of distance, so the area below each outline is 1.
    """
    heights = {role: _density(bins, role) for role in ("train", "control")}
    top = max([*heights["train"], *heights["control"]]) or 1.0
    low, high = bins[0].low, bins[-1].high
    x, y = _linear(low, high, _LEFT, _RIGHT), _linear(0, top, _BOTTOM, _TOP)
    body = [
        *_axes("distance", "share per unit of distance"),
        *_ticks([low + (high - low) * i / 4 for i in range(5)], x, [top * i / 4 for i in range(5)], y),
    ]
    for role, color, dash in (("train", _TRAIN, ""), ("control", _CONTROL, "6 3")):
        steps = [(x(edge), y(h)) for b, h in zip(bins, heights[role], strict=True) for edge in (b.low, b.high)]
        outline = [(x(low), y(0)), *steps, (x(high), y(0))]
        if role == "train":
            body.append(f'<path d="{_path(outline)}Z" style="fill: {color}; fill-opacity: 0.2; stroke: none"/>')
        body.append(_line(outline, color, dash))
    return _svg(name, title, description, [*body, *_legend((("train", _TRAIN, ""), ("control", _CONTROL, "6 3")))])


def roc_svg(name: str, roc: Mapping[str, Any], title: str, description: str) -> Markup:
    """Return a plot of the ROC curve on logarithmic axes, with the diagonal that guessing would give.

    If `roc` has the keys `low` and `high` (interval of each true positive rate), the area between them is filled. A
    rate of 0 is drawn at the lowest power of ten of the axes.
    """
    rates = [*roc["fpr"], *roc["tpr"]]
    power = math.floor(math.log10(min([0.01, *(rate for rate in rates if rate > 0)])))
    floor = 10.0**power
    x, y = (_linear(power, 0, *ends) for ends in ((_LEFT, _RIGHT), (_BOTTOM, _TOP)))

    def points(key: str) -> list[tuple[float, float]]:
        pairs = zip(roc["fpr"], roc[key], strict=True)
        return [(x(math.log10(max(f, floor))), y(math.log10(max(t, floor)))) for f, t in pairs]

    powers = range(power, 1)
    labels = [10.0**p for p in powers]
    body = [
        *_axes("false positive rate (control)", "true positive rate (train)"),
        *_ticks(labels, lambda v: x(math.log10(v)), labels, lambda v: y(math.log10(v))),
    ]
    legend = [("guessing", _INK, "2 3"), ("attack", _TRAIN, "")]
    if roc.get("low") is not None and roc.get("high") is not None:
        band = [*points("low"), *reversed(points("high"))]
        body.append(f'<path d="{_path(band)}Z" style="fill: {_TRAIN}; fill-opacity: 0.2; stroke: none"/>')
        legend.append(("interval", _TRAIN, ""))
    body += [_line([(_LEFT, _BOTTOM), (_RIGHT, _TOP)], _INK, "2 3"), _line(points("tpr"), _TRAIN, "")]
    return _svg(name, title, description, [*body, *_legend(legend)])


def _density(bins: Sequence[Bin], role: str) -> list[float]:
    total = sum(getattr(bin_, role) for bin_ in bins)
    return [getattr(bin_, role) / total / (bin_.high - bin_.low) if total > 0 else 0.0 for bin_ in bins]


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _path(points: Points) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _line(points: Points, color: str, dash: str) -> str:
    dashes = f"; stroke-dasharray: {dash}" if dash else ""
    return f'<path d="{_path(points)}" style="fill: none; stroke: {color}; stroke-width: 1.8{dashes}"/>'


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="currentColor"{attributes}>{escape(text)}</text>'


def _axes(below: str, beside: str) -> list[str]:
    """Return the two axes; `below` names the horizontal axis, and `beside` the vertical axis."""
    middle = (_TOP + _BOTTOM) / 2
    turned = f' text-anchor="middle" transform="rotate(-90 14 {middle:.1f})"'
    return [
        _line([(_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], _INK, ""),
        _text((_LEFT + _RIGHT) / 2, _HEIGHT - 8, below, ' text-anchor="middle"'),
        _text(14, middle, beside, turned),
    ]


def _ticks(x_values: Sequence[float], x: Scale, y_values: Sequence[float], y: Scale) -> list[str]:
    below = (_text(x(value), _BOTTOM + 18, f"{value:.3g}", ' text-anchor="middle"') for value in x_values)
    beside = (_text(_LEFT - 6, y(value) + 4, f"{value:.3g}", ' text-anchor="end"') for value in y_values)
    return [*below, *beside]


def _legend(entries: Sequence[tuple[str, str, str]]) -> list[str]:
    made = []
    for i, (words, color, dash) in enumerate(entries):
        x = _LEFT + 20 + 120 * i
        made += [_line([(x, 14), (x + 24, 14)], color, dash), _text(x + 30, 18, words)]
    return made


def _svg(name: str, title: str, description: str, body: Sequence[str]) -> Markup:
    head = Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc"><title id="{}-title">{}</title>'
        '<desc id="{}-desc">{}</desc>'
    ).format(_WIDTH, _HEIGHT, name, name, name, title, name, description)
    return head + Markup("".join([*body, "</svg>"]))  # noqa: S704 - `_text` escapes every text
