"""Render the content of the report as one HTML page."""

import math
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from audits.core.errors import VerifyError, printable
from audits.gate.coarse import Bin
from audits.report import glossary
from audits.report.bars import balance_widths, interval_bar
from audits.report.content import ReportContent
from audits.report.plots import histogram_svg, roc_svg

MAX_REPORT_BYTES = 2_000_000
MAX_LABEL_CHARACTERS = 60
_SOURCES = ("real", "synthetic", "real+synthetic")
_SIGNS = {"<=": "≤", ">=": "≥"}


def render_report(content: ReportContent) -> str:
    """Return the report as one HTML page without scripts and external resources; all text is escaped.

    The same content gives the same bytes.

    Raises:
        VerifyError: E_UNSAFE, the page would be larger than `MAX_REPORT_BYTES`.

    Privacy: shows class names, counts, estimates, and histograms with at least `disclosure.min_histogram_bin` records
        of a role in each bin that is not empty; shows no text, vector or score of a single record.
    """
    rejected = {k: v for k, v in content.filters.items() if k not in {"candidates", "kept"}}
    exact = [n for n in rejected.values() if isinstance(n, int)]
    environment = Environment(
        loader=PackageLoader("audits.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, label=label, count=count)
    page = environment.get_template("report.html").render(
        c=content,
        gates=[(gate, interval_bar(gate)) for gate in content.gates],
        without_gate=content.measured,
        guarantee=content.guarantee,
        withholds=content.guarantee is not None and content.guarantee.withholds and not content.private,
        balance=list(zip(content.balance, balance_widths(content.balance), strict=True)),
        generated=sum(row[3] for row in content.balance),
        plots=[p for audit in content.audits for p in _plots(audit)],
        measured={str(audit["name"]) for audit in content.audits if audit["status"] in {"measured", "inconclusive"}},
        rejected=rejected,
        all_rejected=sum(exact) if len(exact) == len(rejected) else None,
        stands_in=any(row[1] == "–" for row in content.stages),
        is_exact=all(isinstance(row[1], int) for row in content.balance),
        classifiers=content.utility.get("classifiers", {}),
        style=content.utility.get("style", {}),
        style_gap=content.utility.get("style_gap"),
        coherence=content.utility.get("coherence", {}),
        contradiction_rules=glossary.CONTRADICTIONS,
        sources=_SOURCES,
        signs=_SIGNS,
        audit_questions=glossary.AUDITS,
        words=glossary.WORDS,
    )
    size = len(page.encode())
    if size > MAX_REPORT_BYTES:
        raise VerifyError("E_UNSAFE", f"the report would take {size} bytes; at most {MAX_REPORT_BYTES} are allowed")
    return page


def _plots(audit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the plots of one audit, each with caption, note, and a table (head, rows) of the same numbers.

    The SVG of a plot is None if too few records remain after disclosure control.
    """
    name, details = str(audit["name"]), audit.get("details") or {}
    kinds = (("histogram", _histogram), ("roc", _roc))
    return [draw(name, details[kind]) for kind, draw in kinds if details.get(kind) is not None]


def _histogram(name: str, histogram: Mapping[str, Any]) -> dict[str, Any]:
    bins = [Bin(**one) for one in histogram["bins"]]
    caption = f"{name}: distances of train and of control records to the synthetic ones"
    note = "If the two outlines coincide, train records are no closer to the synthetic ones than control records."
    id_ = f"{name}-histogram"
    return {
        "id": id_,
        "svg": histogram_svg(id_, bins, caption, note) if bins else None,
        "caption": caption,
        "note": note,
        "head": ("distance", "share of train records", "share of control records"),
        "rows": [(f"{number(b.low)} to {number(b.high)}", f"{b.train:.0%}", f"{b.control:.0%}") for b in bins],
    }


def _roc(name: str, roc: Mapping[str, Any]) -> dict[str, Any]:
    caption = f"{name}: how well an attacker distinguishes train persons from control persons"
    note = "A curve on the dotted diagonal is guessing. The left end shows the risk of the most exposed persons."
    id_ = f"{name}-roc"
    return {
        "id": id_,
        "svg": roc_svg(id_, roc, caption, note),
        "caption": caption,
        "note": note,
        "head": ("false positive rate", "true positive rate"),
        "rows": [(number(f), number(t)) for f, t in zip(roc["fpr"], roc["tpr"], strict=True)],
    }


def number(value: Any) -> str:
    """Return a number, numbers or a text formatted for the page, or words if a number is missing or not finite."""
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
    decimals = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    return f"{value:,.{decimals}f}" if abs(value) >= 0.001 else small(value)


def small(value: float) -> str:
    """Return a number below 0.001 in full if it has at most six decimals, otherwise with two significant digits."""
    plain = f"{value:.6f}".rstrip("0")
    return plain if float(plain) == value else f"{value:.1e}"


def count(value: int | str) -> str:
    """Return a whole number with thousands separators; return a bucket unchanged."""
    return value if isinstance(value, str) else f"{value:,d}"


def label(value: str) -> str:
    """Return a name from the data, shortened to the maximum length, with invisible characters replaced by U+FFFD."""
    shown = printable(value)
    return shown if len(shown) <= MAX_LABEL_CHARACTERS else shown[: MAX_LABEL_CHARACTERS - 1] + "…"
