"""Decide by a policy whether a dataset may be released, and reduce the precision of the published numbers."""
