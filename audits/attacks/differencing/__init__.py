"""Differencing audit: test whether two releases of one source reveal who joined or left between them."""
