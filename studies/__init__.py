"""The experiments of two papers, run again: what they do, and their tables and figures."""
