"""Assign each person, with all records of the person, to the training, control or unused part."""

from synthgen.split.split import Split, SplitReport, split

__all__ = ["Split", "SplitReport", "split"]
