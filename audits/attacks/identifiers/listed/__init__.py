"""Decide which recorded identifiers are leaks, and search for other forms of recorded names and addresses."""
