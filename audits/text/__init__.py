"""Tools for texts: normal form, tokens, n-grams, runs of tokens that texts share, near-duplicates, legibility."""
