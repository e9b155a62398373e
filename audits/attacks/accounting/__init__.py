"""Accounting audit: check that a release spent no more privacy budget (epsilon, delta) than it claims."""
