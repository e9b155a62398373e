"""Load: the user's files become a corpus, and rows that cannot be used are counted by reason."""

from synthgen.stages.load.load import LoadReport, load
from synthgen.stages.load.records import BadRow

__all__ = ["BadRow", "LoadReport", "load"]
