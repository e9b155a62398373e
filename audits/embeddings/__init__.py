"""Texts as vectors: encoders of the audits' own, exact similarity."""
