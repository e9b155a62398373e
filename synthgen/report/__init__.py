"""The report: one HTML page of aggregates, without script and without network."""

from synthgen.report.content import GateRow, ReportContent
from synthgen.report.gates import gate_rows
from synthgen.report.render import render_report

__all__ = ["GateRow", "ReportContent", "gate_rows", "render_report"]
