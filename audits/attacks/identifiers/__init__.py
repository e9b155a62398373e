"""Identifiers audit: whether a number, name or rare word of one person occurs in the synthetic table."""
