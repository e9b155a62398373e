"""Whether a number, a name or a rare word of one person stands in the synthetic table."""
