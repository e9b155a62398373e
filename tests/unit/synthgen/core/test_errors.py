import pickle

import pytest

from synthgen.core import errors
from synthgen.core.errors import SynthGenError

# 1 internal, 2 usage, 3 bad configuration or input, 4 refused, 5 budget, 6 not in store, 7 stopped
EXIT_CODES = {
    "SynthGenError": 1,
    "UsageError": 2,
    "ConfigError": 3,
    "DataError": 3,
    "DependencyError": 3,
    "ReleaseRefused": 4,
    "BudgetError": 5,
    "ModelMissing": 6,
    "ModelError": 3,
    "StorageError": 3,
    "Interrupted": 7,
    "InternalError": 1,
}
BUILT_IN = {
    "ConfigError": ValueError,
    "DataError": ValueError,
    "DependencyError": ImportError,
    "ModelMissing": FileNotFoundError,
    "ModelError": RuntimeError,
    "StorageError": OSError,
    "InternalError": RuntimeError,
}
CLASSES = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, SynthGenError)
}


def test_every_class_has_its_exit_code():
    assert {name: kind.exit_code for name, kind in CLASSES.items()} == EXIT_CODES


@pytest.mark.parametrize(("name", "parent"), BUILT_IN.items())
def test_errors_are_also_the_matching_built_in_errors(name, parent):
    assert issubclass(CLASSES[name], parent)


@pytest.mark.parametrize("kind", CLASSES.values())
def test_error_text_lists_every_problem_and_then_the_hint(kind):
    error = kind("it failed", problems=["first: bad", "second: worse"], hint="Do this.")
    assert str(error) == "it failed\n  - first: bad\n  - second: worse\nDo this."
    assert (error.message, error.problems, error.hint) == ("it failed", ("first: bad", "second: worse"), "Do this.")
    assert str(kind("it failed")) == "it failed"


@pytest.mark.parametrize("kind", CLASSES.values())
def test_errors_can_be_pickled(kind):
    error = pickle.loads(pickle.dumps(kind("it failed", problems=["a"], hint="b")))  # noqa: S301 - our own bytes
    assert type(error) is kind
    assert str(error) == "it failed\n  - a\nb"
