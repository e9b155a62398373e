"""The errors that a user can see, each with the exit code of the command line.

A message states what was found, what was expected and what to do next. It identifies a row by its number and a record
by its id, and never contains the text of a record.
"""

from collections.abc import Sequence
from typing import ClassVar

from synthgen.core.terminal import as_written


class SynthGenError(Exception):
    """Base class of the errors of `synthgen`.

    `message` states in one line what went wrong. `problems` has one line per problem. `hint` states what to do.
    """

    exit_code: ClassVar[int] = 1

    def __init_subclass__(cls, *, exit_code: int) -> None:
        super().__init_subclass__()
        cls.exit_code = exit_code

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str = "") -> None:
        self.message, self.hint = as_written(message), as_written(hint)
        self.problems = tuple(as_written(problem) for problem in problems)
        super().__init__(self.message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}" for problem in self.problems)]
        return "\n".join([*lines, self.hint] if self.hint else lines)


class UsageError(SynthGenError, exit_code=2):
    """The command line has an invalid argument."""


class ConfigError(SynthGenError, ValueError, exit_code=3):
    """The configuration is invalid; `problems` lists every mistake with its key."""


class DataError(SynthGenError, ValueError, exit_code=3):
    """The given records or files cannot be used."""


class DependencyError(SynthGenError, ImportError, exit_code=3):
    """A package that the command needs, such as one of an optional pip extra, is missing or cannot be fetched."""


class ModelError(SynthGenError, RuntimeError, exit_code=3):
    """A model is damaged or unsafe, or does not fit the other models of the run."""


class StorageError(SynthGenError, OSError, exit_code=3):
    """A file or folder cannot be read or written."""


class ReleaseRefused(SynthGenError, exit_code=4):  # noqa: N818 - an expected outcome, not a failure
    """The release does not meet the policy; `problems` names the failed gates (rules of the policy)."""


class BudgetError(SynthGenError, exit_code=5):
    """The privacy budget does not cover the run, or the release would certainly be refused. No budget was spent."""


class ModelMissing(SynthGenError, FileNotFoundError, exit_code=6):  # noqa: N818 - named after the state
    """A model, or a file that the run needs, is missing; the hint states how to get it."""


class Interrupted(SynthGenError, exit_code=7):  # noqa: N818 - named after the state
    """The run was stopped, or another run has locked the workspace; the same command continues the run."""


class AtBarrier(SynthGenError, exit_code=0):  # noqa: N818 - named after the state
    """This process computed and stored its part of a run, but results of other processes are missing."""


class WorkerError(SynthGenError, RuntimeError, exit_code=3):
    """A worker of a cluster failed, or the cluster cannot be used."""


class InternalError(SynthGenError, RuntimeError, exit_code=1):
    """The program has a bug."""
