"""Implement the commands of the `synthgen` command line; `main` parses their arguments."""
