"""Render the report: one HTML page of aggregates, without scripts and network access."""

from audits.report.content import GateRow, ReportContent, SourceSize, gate_rows
from audits.report.guarantee import Guarantee
from audits.report.render import render_report

__all__ = ["GateRow", "Guarantee", "ReportContent", "SourceSize", "gate_rows", "render_report"]
