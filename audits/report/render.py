"""Render the content of the report as one HTML page."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from audits.core.errors import VerifyError
from audits.gate.coarse import Bin
from audits.gate.shown_utility import MIN_SUBGROUP_PERSONS
from audits.report import glossary
from audits.report.answers import answers
from audits.report.bars import balance_widths, interval_bar
from audits.report.content import ReportContent
from audits.report.leaving import headline, not_passed
from audits.report.numbers import count, excerpt, label, number
from audits.report.plots import histogram_svg, roc_svg

MAX_REPORT_BYTES = 2_000_000
_SOURCES = ("real", "synthetic", "real+synthetic")  # training tables of the classifiers, in the order of the page
_SIGNS = {"<=": "≤", ">=": "≥"}  # operator of a rule: its sign on the page


def render_report(content: ReportContent) -> str:
    """Return the report as one HTML page without scripts or external resources; all text is escaped.

    Two calls with equal content return the same page.

    Raises:
        VerifyError: E_UNSAFE if the page would be larger than `MAX_REPORT_BYTES`.

    Privacy: the page shows class names, counts, estimates, curves and histograms, but no text, vector or score of a
        real record. Each count of a histogram (for train and for control) is 0 or at least
        `disclosure.min_histogram_bin` of the policy. Synthetic text is shown only for a release or on a private page.
    """
    rejected = {k: v for k, v in content.filters.items() if k not in {"candidates", "kept"}}
    exact_counts = [n for n in rejected.values() if isinstance(n, int)]  # without counts published as buckets
    has_doubt = bool(not_passed(content)) or content.is_guessable
    banner = "FAIL" if content.verdict == "refused" else "INSUFFICIENT" if has_doubt else "PASS"
    environment = Environment(
        loader=PackageLoader("audits.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, label=label, count=count, excerpt=excerpt)
    page = environment.get_template("report.html").render(
        c=content,
        answers=answers(content),
        headline=headline(content),
        banner=banner,
        contents=_contents(content),
        gates=[(gate, interval_bar(gate)) for gate in content.gates],
        withholds=content.guarantee is not None and content.guarantee.withholds and not content.private,
        balance=list(zip(content.balance, balance_widths(content.balance), strict=True)),
        generated=sum(row[3] for row in content.balance),
        plots=[p for audit in content.audits for p in _plots(audit)],
        measured={str(audit["name"]) for audit in content.audits if audit["status"] in {"measured", "inconclusive"}},
        rejected=rejected,
        all_rejected=sum(exact_counts) if len(exact_counts) == len(rejected) else None,
        reads_no_records=any(row[1] == "–" for row in content.stages),
        is_exact=all(isinstance(row[1], int) for row in content.balance),
        classifiers=content.utility.get("classifiers", {}),
        subgroups=_subgroups(content),
        fewest=MIN_SUBGROUP_PERSONS,
        style=content.utility.get("style", {}),
        style_gap=content.utility.get("style_gap"),
        coherence=content.utility.get("coherence", {}),
        glossary=glossary,
        sources=_SOURCES,
        signs=_SIGNS,
        has_findings=any(audit.get("reason") or audit["name"] == "accounting" for audit in content.audits),
    )
    size = len(page.encode())
    if size > MAX_REPORT_BYTES:
        raise VerifyError("E_UNSAFE", f"the report would take {size} bytes; at most {MAX_REPORT_BYTES} are allowed")
    return page


def _contents(content: ReportContent) -> list[tuple[str, str]]:
    utility, released = content.utility, content.verdict == "released"
    style = len(utility.get("style", {})) == 2 or utility.get("coherence", {}).get("synthetic")
    sections = (
        (content.guarantee is not None, "guarantee", "Privacy guarantee"),
        (True, "gates", "Gates"),
        (not released or content.samples, "samples", "Synthetic records"),
        (content.balance, "balance", "Class balance"),
        (True, "attacks", "Attacks"),
        (utility.get("classifiers"), "utility", "Utility"),
        (style, "style", "Style and coherence"),
        (content.limitations, "limitations", "Limitations"),
        (released or content.provenance, "provenance", "Verification and provenance"),
        (content.stages or content.filters, "stages", "Stages and counts"),
        (True, "glossary", "Glossary"),
    )
    return [(name, title) for is_shown, name, title in sections if is_shown]


def _subgroups(content: ReportContent) -> list[tuple[str, str, Mapping[str, Any]]]:
    found = content.utility.get("subgroups", {})
    return [
        (words, name, by_source)
        for (attribute, value), words in glossary.SUBGROUPS.items()
        for name, by_source in sorted(found.get(attribute, {}).get(value, {}).items())
    ]


def _plots(audit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the plots of one audit, each with a caption, a note, and a table of its numbers (head, rows)."""
    name, details = str(audit["name"]), audit.get("details") or {}
    kinds = (("histogram", _histogram), ("roc", _roc))
    return [draw(name, details[kind]) for kind, draw in kinds if details.get(kind) is not None]


def _histogram(name: str, histogram: Mapping[str, Any]) -> dict[str, Any]:
    bins = [Bin(**fields) for fields in histogram["bins"]]
    caption = f"{name}: distance of synthetic records to the nearest train record and to the nearest control record"
    note = "If the two outlines coincide, synthetic records are no closer to train records than to control records."
    id_ = f"{name}-histogram"
    return {
        "id": id_,
        "svg": histogram_svg(id_, bins, caption, note) if bins else None,  # None if no bin can be published
        "caption": caption,
        "note": note,
        "head": ("distance", "share for train", "share for control"),
        "rows": [(f"{number(b.low)} to {number(b.high)}", f"{b.train:.0%}", f"{b.control:.0%}") for b in bins],
    }


def _roc(name: str, roc: Mapping[str, Any]) -> dict[str, Any]:
    caption = f"{name}: how well an attacker distinguishes train from control"
    note = (
        "A curve on the dotted diagonal means guessing. The left end of the curve shows what an attacker finds with "
        "few false claims."
    )
    id_ = f"{name}-roc"
    return {
        "id": id_,
        "svg": roc_svg(id_, roc, caption, note),
        "caption": caption,
        "note": note,
        "head": ("false positive rate", "true positive rate"),
        "rows": [(number(f), number(t)) for f, t in zip(roc["fpr"], roc["tpr"], strict=True)],
    }
