"""Encoders of texts as vectors, and similarity measurements by exact search."""
