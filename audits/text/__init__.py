"""Text as words: normal form, n-grams, shared runs, near-duplicates, phrases."""
