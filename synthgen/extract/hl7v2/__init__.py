"""Read notes from HL7 v2 messages: files, batches and MLLP frames of the message types ORU and MDM."""

from synthgen.extract.hl7v2.reader import read_hl7v2

__all__ = ["read_hl7v2"]
