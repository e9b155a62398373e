"""Read C-CDA documents."""

from synthgen.extract.ccda.reader import read_ccda

__all__ = ["read_ccda"]
