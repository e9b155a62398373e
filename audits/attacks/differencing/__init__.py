"""Differencing audit: test whether two releases of one source reveal whose records changed between them."""
