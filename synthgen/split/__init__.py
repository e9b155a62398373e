"""Split: each person's own coin sends all of their records to train, control or neither."""

from synthgen.split.split import Split, SplitReport, commit_split, commitment, split

__all__ = ["Split", "SplitReport", "commit_split", "commitment", "split"]
