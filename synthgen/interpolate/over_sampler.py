"""Provide the interpolation methods as an over-sampler of imbalanced-learn, with `fit_resample(X, y)`.

A method is fitted to the rows of X, and draws new rows (points) of each class. The points are appended to X, and
their classes to y.
"""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from audits.core.errors import counted
from synthgen.core.errors import ConfigError, DataError, DependencyError
from synthgen.core.neighbours import require_range
from synthgen.core.section import parse_section
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Float64, Int64
from synthgen.interpolate.base import FittedByClass, Floats, Interpolator, TrainRows, Unfit
from synthgen.interpolate.config import METHOD_KEYS, InterpolateConfig
from synthgen.interpolate.linear import LinearInterpolator, interpolate_linearly

try:
    from imblearn.over_sampling.base import BaseOverSampler
except ImportError as error:
    raise DependencyError(
        "OverSampler needs imbalanced-learn, which is not installed", hint="pip install '.[imblearn]' in a checkout"
    ) from error

Strategy = Real | str | dict[Any, int] | Callable[[Any], dict[Any, int]]
# hints of error messages about `groups` and about y
NO_PERSON = "Give every row the name or number of its person, or a unique name or number if the person is unknown."
AS_TEXT = "Pass all classes as text, or all as whole numbers."
MAX_ROUNDING = 0.01  # largest ratio (median rounding error of rows to float32) / (median distance to the median row)
UNFIT_HINT = (
    "Add rows of other persons, lower k_neighbors, use another method, "
    "or exclude the classes through sampling_strategy."
)
# names of the parameters of `OverSampler` that imbalanced-learn's base class does not define
OWN_KEYS = ("method", "k_neighbors", *sorted(frozenset[str]().union(*METHOD_KEYS.values())))


class OverSampler(BaseOverSampler):  # type: ignore[misc] # imbalanced-learn ships no types
    """Add points to small classes with any method of this package, as an over-sampler of imbalanced-learn.

    `fit_resample(X, y)` returns the given rows in their order, followed by the new points class by class. It accepts
    and returns arrays, lists, and frames and series of pandas and polars. X keeps float32 or float64; other types
    become float64. Neighbours are searched in float32, and mixture, slerp and vae also compute points in float32. X
    is rejected if rounding to float32 moves its rows too much (`MAX_ROUNDING`) or makes different rows equal. X is
    also rejected if the norm of its longest row is above 1e18, or below 1e-14 and not 0.

    Args:
        method: name of a method, see `synthgen.interpolate.METHODS`.
        sampling_strategy: as in imbalanced-learn.
        random_state: as in scikit-learn. With an integer, results are reproducible, and a request for more points
            returns the same points followed by additional ones. None gives different points at each call.
        k_neighbors: number of neighbours of a row, which belong to other persons; random-oversample and vae ignore
            it. The other methods need rows of at least k_neighbors + 1 persons of a class.
        m_neighbors, kind: only for borderline-smote. The classes of the methods, such as `BorderlineSmote`, explain
            these and all later parameters; None selects the default of the method.
        parents, alpha, noise: only for mixture.
        lambda_beta: only for slerp.
        max_exposure: only for mixture and slerp.
        latent_dim, beta, free_bits, conditional: only for vae.

    Attributes:
        sampling_strategy_: dict, number of new points per class.
        parents_: int64 (m, p), the p rows of X from which each of the m new points was made; p is 0 for vae.
        weights_: float64 (m, p), weight of each of these rows; the weights of a point sum to 1.
        searches_: list of dicts, one for each neighbour search among 50,000 or more rows; a dict has the fields of
            `SearchReport`, and `class`, the class whose rows were searched (None for all classes).

    Privacy: the points, `parents_` and `weights_` reveal the rows of X, so a fitted sampler is as confidential as
        its data. Pass `groups`, so that no point is made from the rows of only one person; random-oversample always
        copies a row. In a pipeline, `groups` requires `sklearn.set_config(enable_metadata_routing=True)` and
        `pipeline.fit(X, y, groups=...)`; imbalanced-learn's pipeline silently drops `step__groups`.

    Differences from imbalanced-learn:

    - If the method cannot interpolate a class, an error is raised.
    - Sparse, non-numeric and missing values are rejected. Missing classes, dates as classes, and classes of several
      data types are also rejected.
    - slerp rejects rows that are not of unit length. The tests of imbalanced-learn use such rows, so they skip slerp.
    - Integer columns of a frame become float64, so that points are not truncated to integers.
    - A one-vs-all y keeps its number of columns, even for two classes.
    - adasyn makes exactly the requested number of points.

    Example:
        >>> X, y = np.eye(8)[:, :3], ["ant"] * 5 + ["bee"] * 3
        >>> OverSampler(k_neighbors=2, random_state=1).fit_resample(X, y)[1][8:]
        ['bee', 'bee']
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseOverSampler._parameter_constraints,  # noqa: SLF001 - has no public name, but subclasses must extend it
        "sampling_strategy": [  # the base class allows any mapping, but works only with a dict
            dict if kind is Mapping else kind
            for kind in BaseOverSampler._parameter_constraints["sampling_strategy"]  # noqa: SLF001 - as above
        ],
        **dict.fromkeys(OWN_KEYS, "no_validation"),  # `InterpolateConfig` validates these parameters instead
    }

    # scikit-learn passes `groups` through a pipeline only if the class requests `groups` in this attribute
    __metadata_request__fit_resample: ClassVar[dict[str, bool]] = {"groups": True}

    def __init__(  # noqa: PLR0913 - scikit-learn requires named parameters
        self,
        method: str = "smote",
        *,
        sampling_strategy: Strategy = "auto",
        random_state: int | np.random.RandomState | None = None,
        k_neighbors: int = 5,
        m_neighbors: int | None = None,
        kind: int | None = None,
        parents: int | None = None,
        alpha: float | None = None,
        noise: float | None = None,
        lambda_beta: tuple[float, float] | None = None,
        max_exposure: float | None = None,
        latent_dim: int | None = None,
        beta: float | None = None,
        free_bits: float | None = None,
        conditional: bool | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.method, self.random_state, self.k_neighbors = method, random_state, k_neighbors
        self.m_neighbors, self.kind = m_neighbors, kind
        self.parents, self.alpha, self.noise = parents, alpha, noise
        self.lambda_beta, self.max_exposure = lambda_beta, max_exposure
        self.latent_dim, self.beta, self.free_bits, self.conditional = latent_dim, beta, free_bits, conditional

    def fit(self, X: Any, y: Any) -> "OverSampler":
        """Check the parameters and rows, and set `sampling_strategy_`; for errors, see `fit_resample`."""
        self._build_method()
        X, y = _as_array(X), _as_array(y)
        _require_classes(y)
        super().fit(X, y)
        return self

    def fit_resample(self, X: Any, y: Any, *, groups: Any = None) -> tuple[Any, Any]:
        """Return X, (n + m, d), and y with m points and their classes at the end; the container types are kept.

        Args:
            X: (n, d), finite numbers; array, list, or frame of pandas or polars.
            y: (n,), whole numbers, strings or booleans; or an array (n, c) with one column per class (one-vs-all).
            groups: (n,), person of each row; None counts each row as a different person.

        Raises:
            ValueError: parameters, rows, classes or persons are invalid (ConfigError or DataError), or
                imbalanced-learn rejects X or y. All classes that the method cannot interpolate are listed.
            TypeError: X is sparse.

        Randomness: for each class, the child `str(class)` of a `SeedTree`. The seed of the tree is `random_state`
            if it is an integer; otherwise, `random_state` draws a new seed at each call.
        """
        given = _as_array(X), _as_array(y)
        _require_classes(given[1])
        one_vs_all = np.asarray(given[1]) if _is_one_vs_all(given[1]) else None
        points, classes = super().fit_resample(_of_floats(given[0]), given[1], groups=groups, one_vs_all=one_vs_all)
        return _as_polars(points, X), _as_polars(classes, y)

    def _build_method(self) -> Interpolator:
        options = {
            key: value.item() if isinstance(value, np.generic) else value  # a parameter grid can have numpy numbers
            for key in OWN_KEYS
            if (value := getattr(self, key)) is not None
        }
        config = parse_section(InterpolateConfig, {**options, "total": 1})
        if config.is_dp:
            raise ConfigError(f"method: {self.method} needs a privacy budget, which only a run of SynthGen has")
        return config.build()

    def _check_X_y(self, X: Any, y: Any) -> tuple[Floats, NDArray[Any], bool]:  # noqa: N802 - overrides a method
        # returns (rows, classes, False); with False, the base class does not convert classes to columns itself
        check_classification_targets(y)
        if not _is_one_vs_all(y):
            classes = column_or_1d(y)
        else:
            if issparse(y):
                raise DataError("y is sparse; pass a dense array")
            n_wrong = int(np.count_nonzero((np.asarray(y) != 0).sum(axis=1) != 1))
            if n_wrong > 0:
                raise DataError(f"{n_wrong} rows of y do not have exactly one class")
            classes = np.asarray(y).argmax(axis=1)
        rows, classes = validate_data(self, X, classes, dtype=[np.float64, np.float32], order="C")
        return rows, classes, False

    def _fit_resample(
        self, X: Floats, y: NDArray[Any], groups: Any, one_vs_all: NDArray[Any] | None
    ) -> tuple[Floats, NDArray[Any]]:
        method = self._build_method()
        names, codes = np.unique(y, return_inverse=True)
        if wrong := [
            f"{name!r}: {m!r} is not an integer"
            for name, m in self.sampling_strategy_.items()
            if not isinstance(m, Integral)
        ]:
            raise DataError("sampling_strategy must request a whole number of points of each class", problems=wrong)
        rows = TrainRows(
            vectors=_float32(X),
            classes=codes.astype(np.int64, copy=False),
            groups=_person_numbers(groups, len(X)),
            # true if the squared length of each row differs from 1 by less than 0.001
            normalized=bool(np.abs(np.einsum("ij,ij->i", X, X) - 1).max() < 1e-3),
        )
        class_number = {name: i for i, name in enumerate(names.tolist())}
        n_points = {class_number[name]: int(m) for name, m in self.sampling_strategy_.items() if m > 0}
        out = np.empty((len(X) + sum(n_points.values()), X.shape[1]), dtype=X.dtype)
        out[: len(X)] = X
        self.parents_, self.weights_ = self._fill(out, rows, n_points, list(class_number), method)
        self.searches_ = rows.searches(list(class_number))
        classes = np.concatenate([y, names[np.repeat(np.array(list(n_points), np.int64), list(n_points.values()))]])
        if one_vs_all is not None:
            classes = np.eye(one_vs_all.shape[1], dtype=one_vs_all.dtype)[classes]
        return out, classes

    def _fill(
        self, out: Floats, rows: TrainRows, n_points: Mapping[int, int], names: Sequence[Any], method: Interpolator
    ) -> tuple[Int64, Float64]:
        # Writes the points into `out`, below the rows of X, and returns their parents and weights. `n_points` is
        # keyed by class number; `names` has the class of each number.
        seeds, fitted = self._seeds(), method.fit_rows(rows)
        given, start = out[: len(rows.vectors)], len(rows.vectors)
        drawn: list[tuple[Int64, Float64]] = []
        problems = []
        for code, m in n_points.items():
            n_persons = len(np.unique(rows.groups[rows.classes == code]))
            if n_persons < method.min_groups:
                problems.append(
                    f"{names[code]!r}: rows of {counted(n_persons, 'person')}; {method.min_groups} persons are needed"
                )
                continue
            new, stream = out[start : start + m], seeds.child(str(names[code]))
            try:
                if isinstance(method, LinearInterpolator) and isinstance(fitted, FittedByClass):
                    drawn.append(method.draw(fitted.state(code), m, stream))
                    interpolate_linearly(given, *drawn[-1], new)  # from X itself, so in float64 if X is float64
                else:
                    points = fitted.points(code, m, stream)
                    drawn.append((points.parents, points.weights))
                    new[:] = points.vectors
            except Unfit as error:
                problems.append(f"{names[code]!r}: {error}")
            start += m
        if problems:
            raise DataError(f"{method.name} cannot make points of these classes", problems=problems, hint=UNFIT_HINT)
        empty = np.empty((0, method.max_parents))
        parents = np.concatenate([parents for parents, _ in drawn] or [empty.astype(np.int64)])
        return parents, np.concatenate([weights for _, weights in drawn] or [empty])

    def _seeds(self) -> SeedTree:
        state = self.random_state
        if isinstance(state, Integral):
            return SeedTree(int(state))
        # a RandomState draws a new seed at each call, as in scikit-learn; None selects numpy's global RandomState
        return SeedTree(int(check_random_state(state).randint(np.iinfo(np.int32).max)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags._skip_test = self.method == "slerp"  # noqa: SLF001 - no public tag skips the tests of an estimator
        return tags


def _is_one_vs_all(y: Any) -> bool:  # whether y has one column per class
    return bool(type_of_target(y) == "multilabel-indicator")


def _package(container: Any) -> str:
    return type(container).__module__.partition(".")[0]  # by name, so that pandas and polars are not imported


def _as_array(container: Any) -> Any:
    # returns a frame or series of polars as an array, and any other container unchanged
    if _package(container) == "polars" and not hasattr(container, "to_numpy"):
        raise DataError(
            f"{type(container).__name__} is not supported", hint="Pass a frame or series, such as X.collect()."
        )
    return container.to_numpy() if _package(container) == "polars" else container


def _as_polars(made: Any, given: Any) -> Any:
    # returns the array `made` as a frame or series of polars if `given` is one, otherwise `made` unchanged
    if _package(given) != "polars":
        return made
    if hasattr(given, "columns"):
        columns = made.reshape(len(made), -1)
        frame = type(given)({name: columns[:, i] for i, name in enumerate(given.columns)})
        return frame.cast({name: kind for name, kind in given.schema.items() if kind.is_float()})
    return type(given)(given.name, made.tolist(), dtype=given.dtype)


def _require_classes(y: Any) -> None:  # raises DataError for missing classes, dates and mixed data types
    classes = np.asarray(y)
    if classes.dtype.kind in "mM":
        raise DataError("y contains dates or durations", hint=AS_TEXT)
    if classes.dtype.kind not in "fO" or classes.ndim != 1:
        return
    n_missing = sum(map(_is_missing, classes.tolist()))
    if n_missing > 0:
        raise DataError(f"y: {n_missing} rows have no class", hint="Remove these rows, or give them a class.")
    names = ((str, "str"), (Real | np.bool_, "number"))
    kinds = {next((n for kind, n in names if isinstance(y_i, kind)), type(y_i).__name__) for y_i in classes.tolist()}
    if not kinds <= {"number", "str"} or len(kinds) > 1:
        raise DataError(f"y contains values of these data types: {', '.join(sorted(kinds))}", hint=AS_TEXT)


def _is_missing(value: Any) -> bool:  # whether the value is None, NaN or pandas.NA
    is_same = value == value  # noqa: PLR0124 - false for NaN, and no truth value for pandas.NA
    return value is None or not (isinstance(is_same, bool | np.bool_) and is_same)


def _of_floats(X: Any) -> Any:
    # returns a frame of pandas with integer and boolean columns as float64, and any other X unchanged
    if _package(X) != "pandas":
        return X
    return X.astype({column: np.float64 for column, kind in X.dtypes.items() if kind.kind in "iub"})


def _person_numbers(groups: Any, n: int) -> Int64:  # the person of each of the n rows of X, as a number from 0
    if groups is None:
        return np.arange(n, dtype=np.int64)
    persons = column_or_1d(groups)
    if len(persons) != n:
        raise DataError(f"groups has {len(persons)} entries, but X has {n} rows")
    try:
        numbers = np.unique(persons, return_inverse=True)[1]
    except TypeError as error:
        problem = "groups contains missing values, or values of different data types such as text and numbers"
        raise DataError(problem, hint=NO_PERSON) from error
    n_missing = int(np.count_nonzero(np.not_equal(persons, persons)))  # np.unique counts all NaN as one person
    if n_missing > 0:
        raise DataError(f"groups: {n_missing} rows have no person", hint=NO_PERSON)
    return numbers.astype(np.int64, copy=False)


def _float32(rows: Floats) -> Float32:  # raises DataError if rounding to float32 makes rows too similar
    with np.errstate(over="ignore"):  # `require_range` rejects rows that overflow
        low = rows.astype(np.float32, copy=False)
    require_range(low)
    if low is rows:
        return low
    rounding = np.median(np.linalg.norm(rows - low, axis=1))
    spread = np.median(np.linalg.norm(rows - np.median(rows, axis=0), axis=1))
    n_equal = len(np.unique(rows, axis=0)) - len(np.unique(low, axis=0))
    if rounding > MAX_ROUNDING * spread or n_equal > 0:
        raise DataError(
            "neighbours are searched in float32, but rounding to float32 makes rows of X equal or nearly equal",
            problems=[
                f"median rounding error of a row: {rounding:.3g}; median distance to the median row: {spread:.3g}",
                f"rows that become equal: {n_equal}",
            ],
            hint="Subtract the mean of each column of X, then scale it.",
        )
    return low
