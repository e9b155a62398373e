"""Encoders of texts as vectors, and similarity measurements without approximate search."""
