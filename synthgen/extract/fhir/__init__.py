"""Read the notes of FHIR bulk exports."""

from synthgen.extract.fhir.reader import read_fhir

__all__ = ["read_fhir"]
