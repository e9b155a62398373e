"""Read the source files into a corpus and count unusable rows by reason."""

from synthgen.load.load import BadRow, LoadReport, load

__all__ = ["BadRow", "LoadReport", "load"]
