"""Decide by a policy whether a dataset may be released, and make its published numbers coarse."""
