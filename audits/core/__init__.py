"""Shared parts of all audits: tables, estimates, intervals, reports, errors."""
