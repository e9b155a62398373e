"""Shared basis of all audits: tables, estimates, intervals, reports, errors."""
