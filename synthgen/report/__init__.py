"""Render the report: one HTML page of aggregates, without scripts and network access."""

from synthgen.report.content import GateRow, ReportContent, gate_rows
from synthgen.report.render import render_report

__all__ = ["GateRow", "ReportContent", "gate_rows", "render_report"]
