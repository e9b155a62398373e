"""Tools for texts: normal form, tokens, n-grams, runs that texts share, near-duplicates, legibility."""
