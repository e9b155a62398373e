"""Content in, page out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from audits.gate.coarse import Bin
from synthgen.core.errors import InternalError
from synthgen.core.terminal import printable
from synthgen.report import glossary
from synthgen.report.bars import balance_widths, interval_bar
from synthgen.report.content import ReportContent
from synthgen.report.plots import histogram_svg, roc_svg

MAX_REPORT_BYTES = 2_000_000
MAX_LABEL_CHARACTERS = 60
_SOURCES = ("real", "synthetic", "real+synthetic")
_SIGNS = {"<=": "≤", ">=": "≥"}


def render_report(content: ReportContent) -> str:
    """Return the report as one HTML page: no script, nothing fetched, the same bytes for the same content.

    Args:
        content: aggregates only; labels and words in it are escaped, never trusted.

    Raises:
        InternalError: if the page would be larger than `MAX_REPORT_BYTES`.

    Privacy: shows counts, estimates and histograms with no bin below ten records; no text, no vector, no score
        of one record. The names of the classes are shown.
    """
    rejected = {k: v for k, v in content.filters.items() if k not in {"candidates", "kept"}}
    turned = [n for n in rejected.values() if isinstance(n, int)]
    environment = Environment(
        loader=PackageLoader("synthgen.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, label=label, count=count)
    page = environment.get_template("report.html").render(
        c=content,
        gates=[(gate, interval_bar(gate)) for gate in content.gates],
        beside=content.measured,
        withheld=content.promise != "" and not content.private,
        balance=list(zip(content.balance, balance_widths(content.balance), strict=True)),
        made=sum(row[3] for row in content.balance),
        plots=[p for audit in content.audits for p in _plots(audit)],
        measured={str(audit["name"]) for audit in content.audits if audit["status"] == "measured"},
        rejected=rejected,
        all_rejected=sum(turned) if len(turned) == len(rejected) else None,
        is_exact=all(isinstance(row[1], int) for row in content.balance),
        classifiers=content.utility.get("classifiers", {}),
        style=content.utility.get("style", {}),
        style_gap=content.utility.get("metrics", {}).get("style.gap"),
        sources=_SOURCES,
        signs=_SIGNS,
        audit_questions=glossary.AUDITS,
        words=glossary.WORDS,
    )
    size = len(page.encode())
    if size > MAX_REPORT_BYTES:
        raise InternalError(f"the report would take {size} bytes; at most {MAX_REPORT_BYTES} are allowed")
    return page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plot:
    """A drawing, its words, and the table of the same numbers; svg is None where it may not be drawn."""

    id: str
    svg: Markup | None
    caption: str
    note: str
    head: tuple[str, ...]
    rows: list[tuple[str | int, ...]]


def _plots(audit: Mapping[str, Any]) -> list[_Plot]:
    """Return the drawings of one audit."""
    name, details = str(audit["name"]), audit.get("details") or {}
    plots = []
    if "histogram" in details:
        plots.append(_histogram(name, details["histogram"]))
    if "roc" in details:
        plots.append(_roc(name, details["roc"]))
    return plots


def _histogram(name: str, histogram: Mapping[str, Any]) -> _Plot:
    bins = [Bin(**one) for one in histogram["bins"]]
    caption = f"{name}: distances of train and of control records to the synthetic ones"
    note = "Two outlines over one axis. Where they lie on each other, train is no closer than persons never seen."
    id_ = f"{name}-histogram"
    return _Plot(
        id=id_,
        svg=histogram_svg(id_, bins, caption, note) if bins else None,
        caption=caption,
        note=note,
        head=("distance", "share of train records", "share of control records"),
        rows=[(f"{number(b.low)} to {number(b.high)}", f"{b.train:.0%}", f"{b.control:.0%}") for b in bins],
    )


def _roc(name: str, roc: Mapping[str, Any]) -> _Plot:
    caption = f"{name}: how well an attacker tells train persons from persons never seen"
    note = "A curve on the dotted diagonal is guessing. Its left end is what the most exposed persons face."
    id_ = f"{name}-roc"
    return _Plot(
        id=id_,
        svg=roc_svg(id_, roc, caption, note),
        caption=caption,
        note=note,
        head=("false positive rate", "true positive rate"),
        rows=[(number(f), number(t)) for f, t in zip(roc["fpr"], roc["tpr"], strict=True)],
    )


def number(value: Any) -> str:
    """Return a number as a reader wants it, and words where there is none."""
    if value is None:
        return "not measured"
    if isinstance(value, list | tuple):
        return " to ".join(number(v) for v in value)
    if isinstance(value, str):
        return printable(value)
    if not math.isfinite(value):
        return "not a finite number"
    if float(value).is_integer():
        return count(int(value))
    return f"{value:.1e}" if abs(value) < 0.001 else f"{value:,.3f}"


def count(value: int | str) -> str:
    """Return a whole number with its thousands apart, and a bucket as it is."""
    return value if isinstance(value, str) else f"{value:,d}"


def label(value: str) -> str:
    """Return a name from the data fit to be shown: no control or direction marks, of bounded length."""
    shown = printable(value)
    return shown if len(shown) <= MAX_LABEL_CHARACTERS else shown[: MAX_LABEL_CHARACTERS - 1] + "…"
