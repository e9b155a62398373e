import pickle

import pytest

from synthgen.core import errors
from synthgen.core.errors import SynthGenError

# exit codes: 0 part of a run done, 1 bug, 2 usage, 3 configuration or input, 4 refused, 5 budget, 6 model missing,
# 7 stopped
EXIT_CODES = {"SynthGenError": 1, "UsageError": 2, "ReleaseRefused": 4, "BudgetError": 5, "ModelMissing": 6}
EXIT_CODES |= dict.fromkeys(("ConfigError", "DataError", "DependencyError", "ModelError", "StorageError"), 3)
EXIT_CODES |= {"Interrupted": 7, "InternalError": 1, "AtBarrier": 0, "WorkerError": 3}
BUILT_IN = {"ConfigError": ValueError, "DataError": ValueError, "DependencyError": ImportError}
BUILT_IN |= {"ModelError": RuntimeError, "InternalError": RuntimeError, "WorkerError": RuntimeError}
BUILT_IN |= {"ModelMissing": FileNotFoundError, "StorageError": OSError}
TYPES = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
CLASSES = {name: kind for name, kind in TYPES.items() if issubclass(kind, SynthGenError)}


def test_classes_have_their_exit_code_and_are_also_the_matching_built_in_errors():
    assert {name: kind.exit_code for name, kind in CLASSES.items()} == EXIT_CODES
    assert [name for name, parent in BUILT_IN.items() if not issubclass(CLASSES[name], parent)] == []


@pytest.mark.parametrize("kind", CLASSES.values())
def test_error_text_lists_every_problem_and_then_the_hint_and_survives_pickling(kind):
    error = kind("it failed", problems=["first: bad", "second: worse"], hint="Do this.")
    assert str(error) == "it failed\n  - first: bad\n  - second: worse\nDo this."
    assert (error.message, error.problems, error.hint) == ("it failed", ("first: bad", "second: worse"), "Do this.")
    assert str(kind("it failed")) == "it failed"
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again)) == (kind, str(error))
