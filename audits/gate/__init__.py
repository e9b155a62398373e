"""Decide by a policy whether a dataset may be released, and reduce the precision of its published numbers."""
