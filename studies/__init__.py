"""Reproductions of the experiments of two papers, with their tables and figures."""
