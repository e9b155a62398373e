"""Assign each person, with all of their records, to the training, control or unused part."""

from synthgen.split.split import Split, SplitReport, split

__all__ = ["Split", "SplitReport", "split"]
