"""Read the private source files into records, and count the unusable rows by reason."""

from synthgen.load.load import BadRow, LoadReport, load

__all__ = ["BadRow", "LoadReport", "load"]
