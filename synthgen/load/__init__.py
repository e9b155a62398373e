"""Load: the user's files become a corpus, and rows that cannot be used are counted by reason."""

from synthgen.load.load import BadRow, LoadReport, load

__all__ = ["BadRow", "LoadReport", "load"]
