"""The errors that a user can meet, each with the exit code that the command line returns for it.

A message states what was found, what was expected and what to do next. It never contains the text of a record: rows
are named by number and records by id.
"""

from collections.abc import Sequence
from typing import ClassVar


class SynthGenError(Exception):
    """Base class of all errors.

    The `message` is one line that states what went wrong. `problems` lists all problems found, one line each, so that
    the user can correct them in one pass. The `hint` states what to do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str = "") -> None:
        self.message, self.problems, self.hint = message, tuple(problems), hint
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}" for problem in self.problems)]
        return "\n".join([*lines, self.hint] if self.hint else lines)


class UsageError(SynthGenError):
    """The command line has an invalid argument."""

    exit_code = 2


class ConfigError(SynthGenError, ValueError):
    """The configuration is invalid; `problems` lists every mistake with its path."""

    exit_code = 3


class DataError(SynthGenError, ValueError):
    """The given records or files cannot be used."""

    exit_code = 3


class DependencyError(SynthGenError, ImportError):
    """An optional extra is not installed; the message names it."""

    exit_code = 3


class ModelError(SynthGenError, RuntimeError):
    """A model is damaged, unsafe, or does not fit the other parts."""

    exit_code = 3


class StorageError(SynthGenError, OSError):
    """A file or folder cannot be read or written."""

    exit_code = 3


class ReleaseRefused(SynthGenError):  # noqa: N818 - an expected outcome, not a failure
    """The release does not meet the policy; `problems` names the failed gates."""

    exit_code = 4


class BudgetError(SynthGenError):
    """The run would exceed the DP budget, so it did not start."""

    exit_code = 5


class ModelMissing(SynthGenError, FileNotFoundError):  # noqa: N818 - named after the state
    """A model or asset is not in the store; the hint says how to get it."""

    exit_code = 6


class Interrupted(SynthGenError):  # noqa: N818 - named after the state
    """The run was stopped; the same command continues it."""

    exit_code = 7


class InternalError(SynthGenError, RuntimeError):
    """The program has a bug; the user did nothing wrong."""

    exit_code = 1
