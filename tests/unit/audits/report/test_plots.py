import re

import pytest

from audits.gate.coarse import Bin
from audits.report.plots import histogram_svg, roc_svg

BINS = (Bin(0.0, 0.1, 0, 20), Bin(0.1, 0.4, 30, 11), Bin(0.4, 0.5, 44, 0))
BARE = {"fpr": [0.0, 0.01, 0.2, 1.0], "tpr": [0.02, 0.05, 0.4, 1.0]}
ROC = BARE | {"low": [0.0, 0.03, 0.3, 1.0], "high": [0.1, 0.1, 0.5, 1.0]}


@pytest.mark.parametrize("svg", [histogram_svg("h", BINS, "a<b", "c&d"), roc_svg("r", ROC, "a<b", "c&d")])
def test_svg_is_inline_and_has_no_fixed_colours_or_dates(svg):
    assert (svg.startswith("<svg viewBox="), svg.endswith("</svg>")) == (True, True)
    present, absent = (">a&lt;b</title>", ">c&amp;d</desc>", "currentColor", "<text"), ("metadata", "http")
    assert [part for part in present if part not in svg] == []
    assert [part for part in (*absent, "mathdefault") if part in svg] == []  # no tick label is typeset as mathematics
    assert not re.search(r"#(0a0b0c|0072b2|d55e00)", svg)


def test_train_and_control_have_different_dashes():
    svg = histogram_svg("h", BINS, "t", "d")
    outlines = re.findall(r'style="(fill: none;[^"]*var\(--(?:train|control)\)[^"]*)"', svg)
    dashed = {role: {"stroke-dasharray" in o for o in outlines if role in o} for role in ("train", "control")}
    assert dashed == {"train": {False}, "control": {True}}


def test_two_plots_share_no_ids():
    ids = [set(re.findall(r'id="([^"]+)"', roc_svg(name, ROC, "t", "d"))) for name in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_interval_is_drawn_only_if_it_is_given():
    assert [">interval<" in roc_svg("r", curve, "t", "d") for curve in (ROC, BARE)] == [True, False]


def test_empty_curve_and_empty_histogram_are_drawn():
    assert ">attack<" in roc_svg("r", {"fpr": [0.0, 1.0], "tpr": [0.0, 1.0]}, "t", "d")
    assert ">control<" in histogram_svg("h", (Bin(0, 1, 50, 0),), "t", "d")
