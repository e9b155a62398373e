"""Texts as words: one normal form, n-grams, shared runs, near-duplicates, phrases."""
