"""Rows and classes as scikit-learn's callers give them, and how they get them back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from synthgen.core.errors import DataError
from synthgen.stages.interpolate.base import Int64

NO_PERSON = "Give every row the name or number of its person; a row of nobody's is a person of its own."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """The class of each row; made by `Target.of`.

    Args:
        given: y as an array, (n) classes or (n, c) one-vs-all.
        classes: (k), the classes that have rows, ascending; of one-vs-all the numbers of their columns.
        codes: int64 (n), the place of each row's class among them.
    """

    given: NDArray[Any]
    classes: NDArray[Any]
    codes: Int64

    @classmethod
    def of(cls, y: Any) -> "Target":
        """Return the classes of y, whole numbers, words or booleans, (n), (n, 1) or one-vs-all (n, c).

        Raises:
            ValueError: if y is no classification target, or a row has no class or several.
        """
        check_classification_targets(y)
        if type_of_target(y) != "multilabel-indicator":
            given = column_or_1d(y)
            classes, codes = np.unique(given, return_inverse=True)
        else:
            if issparse(y):
                raise DataError("y is sparse: give it dense")
            given = np.asarray(y)
            n_odd = int(np.count_nonzero((given != 0).sum(axis=1) != 1))
            if n_odd > 0:
                raise DataError(f"{n_odd} rows of y have no class or several: multilabel y cannot be over-sampled")
            classes, codes = np.unique(given.argmax(axis=1), return_inverse=True)
        return cls(given=given, classes=classes, codes=codes.astype(np.int64, copy=False))

    def followed_by(self, codes: Int64) -> NDArray[Any]:
        """Return y with the classes of new rows after it, in its own form and type."""
        new = self.classes[codes]
        if self.given.ndim == 2:
            new = np.eye(self.given.shape[1], dtype=self.given.dtype)[new]
        return np.concatenate([self.given, new])


def persons(groups: Any, n: int) -> Int64:
    """Return the person of each row as a number, int64 (n); None makes every row its own person.

    Raises:
        ValueError: if there is not one person for each row.
    """
    if groups is None:
        return np.arange(n, dtype=np.int64)
    given = column_or_1d(groups)
    if len(given) != n:
        raise DataError(f"groups names the person of {len(given)} rows, and X has {n}")
    try:
        numbers = np.unique(given, return_inverse=True)[1]
    except TypeError as error:
        raise DataError("groups holds missing persons, or persons of several types", hint=NO_PERSON) from error
    n_missing = int(np.count_nonzero(np.not_equal(given, given)))  # numpy would make one person of them all
    if n_missing > 0:
        raise DataError(f"{n_missing} rows have no person in groups", hint=NO_PERSON)
    return numbers.astype(np.int64, copy=False)


def like(given: Any, values: NDArray[Any]) -> Any:
    """Return the values in the container of the given ones: a list, a pandas frame or series, else an array.

    Frames keep their columns and the types of those; but columns of whole numbers, among which there is no room for
    points between two rows, become what the values are.
    """
    if isinstance(given, list):
        return values.tolist()
    if type(given).__module__.partition(".")[0] != "pandas":  # not imported here: who gives a frame has it already
        return values
    if not hasattr(given, "columns"):
        return type(given)(values, dtype=given.dtype, name=given.name)
    frame = type(given)(values, columns=given.columns)
    types = {c: t for c, t in given.dtypes.items() if t != values.dtype and t.kind not in "iub"}
    return frame.astype(types) if types else frame
