"""Every error a user can meet, with the exit code the command line gives it.

SynthGenError(message, problems, hint)            exit
├─ UsageError                                      2
├─ ConfigError      (ValueError)                   3   the configuration, all mistakes listed
├─ DataError        (ValueError)                   3   the records or files given
├─ DependencyError  (ImportError)                  3   an optional extra is not installed
├─ ReleaseRefused                                  4   the gate said no
├─ BudgetError                                     5   the DP budget would be exceeded
├─ ModelMissing     (FileNotFoundError)            6   a model or asset is not in the store
├─ ModelError       (RuntimeError)                 3   a model is damaged or does not fit
├─ StorageError     (OSError)                      3   a folder cannot be read or written
├─ Interrupted                                     7   stopped; the same command goes on
└─ InternalError    (RuntimeError)                 1   a broken promise of ours

A message holds what was found, what was wanted and what to do. It never holds the text of a record:
rows are named by number, records by id.
"""

from collections.abc import Sequence
from typing import ClassVar


class SynthGenError(Exception):
    """The root of the tree: a message, the list of all problems found, and what to do about them.

    Args:
        message: one line, what went wrong.
        problems: every single problem, one line each, so that nobody repairs them one run at a time.
        hint: what the reader should do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str = "") -> None:
        self.message = message
        self.problems = tuple(problems)
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}" for problem in self.problems)]
        if self.hint:
            lines.append(self.hint)
        return "\n".join(lines)


class UsageError(SynthGenError):
    """The command line was used in a way it does not have."""

    exit_code = 2


class ConfigError(SynthGenError, ValueError):
    """The configuration is wrong; `problems` names every mistake with its path."""

    exit_code = 3


class DataError(SynthGenError, ValueError):
    """The records or files given cannot be used."""

    exit_code = 3


class DependencyError(SynthGenError, ImportError):
    """An optional extra is not installed; the message names it."""

    exit_code = 3


class ReleaseRefused(SynthGenError):  # noqa: N818 - a refusal is the product working, not an error of it
    """The gate refused; `problems` names the failing gates."""

    exit_code = 4


class BudgetError(SynthGenError):
    """The DP budget would be exceeded, so nothing was run."""

    exit_code = 5


class ModelMissing(SynthGenError, FileNotFoundError):  # noqa: N818 - reads as the state it names
    """A model or asset is not in the store; the hint says how to bring it."""

    exit_code = 6


class ModelError(SynthGenError, RuntimeError):
    """A model is damaged, unsafe, or does not fit the other parts."""

    exit_code = 3


class StorageError(SynthGenError, OSError):
    """A file or folder cannot be read or written."""

    exit_code = 3


class Interrupted(SynthGenError):  # noqa: N818 - reads as the state it names
    """The run was stopped; the same command goes on where it stopped."""

    exit_code = 7


class InternalError(SynthGenError, RuntimeError):
    """A broken promise of ours, never the user's fault."""

    exit_code = 1
