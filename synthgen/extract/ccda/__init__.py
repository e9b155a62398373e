"""Read C-CDA documents (XML files of HL7 Consolidated CDA)."""

from synthgen.extract.ccda.reader import read_ccda

__all__ = ["read_ccda"]
