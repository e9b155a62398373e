"""Encoders of texts as vectors, and measurements of exact similarity."""
