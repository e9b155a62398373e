"""The methods as a sampler of scikit-learn and imbalanced-learn: `fit_resample(X, y)`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.utils import InputTags, Tags, TargetTags, check_random_state
from sklearn.utils.validation import check_consistent_length, validate_data

from synthgen.config import InterpolateConfig
from synthgen.core.errors import DataError
from synthgen.core.section import parse_section
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32
from synthgen.stages.interpolate import Rows, Unfit, build
from synthgen.stages.interpolate.base import Float64, Floats, Int64, Interpolator
from synthgen.stages.interpolate.blend import Blends, blend
from synthgen.stages.interpolate.containers import Target, like, persons
from synthgen.stages.interpolate.strategy import Strategy, new_points

NOT_OF_METHODS = frozenset({"sampling_strategy", "random_state"})  # parameters of the sampler itself
UNFIT_HINT = (
    "Give more rows of other persons, lower k_neighbors, choose another method, "
    "or leave the classes out through sampling_strategy."
)


class OverSampler(OneToOneFeatureMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn ships no types
    """Over-sample with any method of this package, wherever an over-sampler of imbalanced-learn can stand.

    `fit_resample(X, y)` returns the rows given, in their order, followed by the new points class by class; y
    likewise. It takes and gives back arrays, lists, and pandas frames and series. X is kept as float32 or float64;
    anything else, whole numbers too, becomes float64, since a point between two rows is no whole number.

    Neighbours are searched in float32. For float64 rows the points of smote, borderline-smote, adasyn and
    random-oversample are computed in float64 from their parents and weights; those of the other methods have the
    precision of float32.

    Args:
        method: as in the configuration; see `synthgen.stages.interpolate.METHODS`.
        sampling_strategy: the words, ratio, totals or function of imbalanced-learn's over-samplers; see
            `synthgen.stages.interpolate.strategy.new_points`.
        random_state: seeds the points. With a whole number the same rows give the same points, each class has a
            stream of its own, and asking for more points of a class keeps the first ones.
        k_neighbors: k; without `groups` a class needs k + 1 rows, or what the method says.
        m_neighbors: this and the following are keys of single methods, named and bounded as in the configuration;
            None takes the method's own default, a key of another method is refused.
        kind: of borderline-smote.
        parents: of mixture.
        alpha: of mixture.
        noise: of mixture.
        lambda_beta: of slerp.
        max_exposure: of mixture and slerp.
        latent_dim: of vae.
        beta: of vae.
        free_bits: of vae.
        conditional: of vae.

    Attributes:
        sampling_strategy_: dict, the new points of each targeted class.
        parents_: int64 (m, p), the rows of X that each new point was made from; p is 0 for a method that draws from
            a model of the class. Set by `fit_resample`.
        weights_: float64 (m, p), how much of each parent is in it; rows sum to 1. Set by `fit_resample`.
        n_features_in_: d.
        feature_names_in_: the columns' names, where X has them.

    Privacy: the points, `parents_` and `weights_` lead straight back to the rows of X; a sampler that was fitted is
        as private as its data. Give `groups`, so that no point is made within one person. Inside a pipeline they
        arrive only with `sklearn.set_config(enable_metadata_routing=True)` and `pipeline.fit(X, y, groups=...)`;
        imbalanced-learn's pipeline passes a sampler nothing without it, and drops `step__groups` silently.

    Where it departs from imbalanced-learn:

    - A class that the method cannot make points of is refused, naming it, where BorderlineSMOTE returns fewer points.
    - Embeddings are dense, finite numbers, so sparse X, frames of sparse columns, words and missing values are
      refused by every method, and slerp refuses rows that are not of unit length. Of imbalanced-learn's own suite
      these checks therefore do not apply, and all others pass: `check_samplers_sparse`,
      `check_samplers_pandas_sparse`, `check_samplers_string`, `check_samplers_nan`; of slerp `check_samplers_fit`,
      which has no rows of unit length.
    - One-vs-all y comes back with as many columns as it had, also for two classes; a row of no class is refused.
    - Its ADASYN rounds each row's share of the points and so misses the total; here the total is met.

    Example:
        >>> X, y = np.eye(8)[:, :3], ["ant"] * 5 + ["bee"] * 3
        >>> points, labels = OverSampler(k_neighbors=2, random_state=1).fit_resample(X, y)
        >>> len(points), labels[8:]
        (10, ['bee', 'bee'])
    """

    # what kind of value each takes; its bounds are the configuration's
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "method": [str],
        "sampling_strategy": [Real, str, Mapping, callable],
        "random_state": ["random_state"],
        "k_neighbors": [Integral],
        "m_neighbors": [Integral, None],
        "kind": [Integral, None],
        "parents": [Integral, None],
        "alpha": [Real, None],
        "noise": [Real, None],
        "lambda_beta": [tuple, list, None],
        "max_exposure": [Real, None],
        "latent_dim": [Integral, None],
        "beta": [Real, None],
        "free_bits": [Real, None],
        "conditional": [bool, np.bool_, None],
    }

    # where metadata are routed, a pipeline's `groups` come here without being asked for
    __metadata_request__fit_resample: ClassVar[dict[str, bool]] = {"groups": True}

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter by name
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
        self.method = method
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.m_neighbors = m_neighbors
        self.kind = kind
        self.parents = parents
        self.alpha = alpha
        self.noise = noise
        self.lambda_beta = lambda_beta
        self.max_exposure = max_exposure
        self.latent_dim = latent_dim
        self.beta = beta
        self.free_bits = free_bits
        self.conditional = conditional

    def fit(self, X: Any, y: Any) -> "OverSampler":
        """Check the parameters and the rows, and count the new points; `fit_resample` does the work.

        Raises:
            ValueError: as `fit_resample`, but for classes the method cannot make points of.
        """
        self._built()
        self._checked(X, y)
        return self

    def fit_resample(self, X: Any, y: Any, *, groups: Any = None) -> tuple[Any, Any]:
        """Return the rows and their classes, followed by the new points and theirs.

        Args:
            X: (n, d), finite numbers; array, list or pandas frame.
            y: (n), whole numbers, words or booleans; or (n, c) one-vs-all.
            groups: (n), the person of each row; None takes every row as its own person.

        Returns:
            X (n + m, d) and y (n + m), of the types given. New points of one class stand together, classes in order;
            row n + i is made from the rows `parents_[i]`.

        Raises:
            ValueError: if parameters, rows, classes or persons cannot be used; a class too small, or unfit for the
                method, is named with what it lacks. TypeError for sparse X.

        Random: the child `str(class)` of a tree seeded by `random_state`.
        """
        method = self._built()
        given, target = self._checked(X, y)
        rows = Rows(
            vectors=_float32(given),
            classes=target.codes,
            groups=persons(groups, len(given)),
            normalized=bool(np.abs(np.einsum("ij,ij->i", given, given) - 1).max() < 1e-3),
        )
        codes = {name: code for code, name in enumerate(target.classes.tolist())}
        wanted = {codes[name]: m for name, m in self.sampling_strategy_.items() if m > 0}
        out = np.empty((len(given) + sum(wanted.values()), given.shape[1]), dtype=given.dtype)
        out[: len(given)] = given
        self.parents_, self.weights_ = self._fill(out, rows, wanted, list(codes), method)
        new = np.repeat(np.array(list(wanted), dtype=np.int64), list(wanted.values()))
        return like(X, out), like(y, target.followed_by(new))

    def _built(self) -> Interpolator:
        """Return the method, built by the configuration, so that there is one list of what is allowed."""
        self._validate_params()
        given = {k: v for k, v in self.get_params(deep=False).items() if k not in NOT_OF_METHODS and v is not None}
        given = {
            k: v.item() if isinstance(v, np.generic) else v for k, v in given.items()
        }  # of a grid from np.arange
        return build(parse_section(InterpolateConfig, {**given, "total": 1}))

    def _checked(self, X: Any, y: Any) -> tuple[Floats, Target]:
        """Return the rows, contiguous and finite, and their classes; set what `fit` promises."""
        target = Target.of(y)
        rows = validate_data(self, X, dtype=[np.float64, np.float32], order="C")
        check_consistent_length(rows, target.codes)
        have = dict(zip(target.classes.tolist(), np.bincount(target.codes).tolist(), strict=True))
        self.sampling_strategy_ = new_points(self.sampling_strategy, have, target.classes[target.codes])
        return rows, target

    def _fill(
        self, out: Floats, rows: Rows, wanted: Mapping[int, int], names: Sequence[Any], method: Interpolator
    ) -> tuple[Int64, Float64]:
        """Write the new points of each class behind the rows in `out`; return their parents and weights."""
        seeds, learned = self._seeds(), method.learn(rows)
        given, start = out[: len(rows.vectors)], len(rows.vectors)
        made: list[tuple[Int64, Float64]] = []
        problems = []
        for code, m in wanted.items():
            n_persons = len(np.unique(rows.groups[rows.classes == code]))
            if n_persons < method.min_groups:
                problems.append(f"{names[code]!r}: {n_persons} rows of different persons, needs {method.min_groups}")
                continue
            new, stream = out[start : start + m], seeds.child(str(names[code]))
            try:
                if isinstance(learned, Blends):
                    made.append(learned.draw(code, m, stream))
                    blend(given, *made[-1], new)
                else:
                    points = learned.points(code, m, stream)
                    made.append((points.parents, points.weights))
                    new[:] = points.vectors
            except Unfit as reason:
                problems.append(f"{names[code]!r}: {reason}")
            start += m
        if problems:
            raise DataError(f"{method.name} cannot make points of every class", problems=problems, hint=UNFIT_HINT)
        none = (0, method.max_parents)
        return (
            np.concatenate([parents for parents, _ in made] or [np.empty(none, dtype=np.int64)]),
            np.concatenate([weights for _, weights in made] or [np.empty(none)]),
        )

    def _seeds(self) -> SeedTree:
        """Return the tree of the points' streams; a RandomState gives a new one each time, as scikit-learn has it."""
        state = self.random_state
        if isinstance(state, Integral):
            return SeedTree(int(state))
        return SeedTree(int(check_random_state(state).randint(np.iinfo(np.int32).max)))

    def __sklearn_tags__(self) -> "_Tags":
        return _Tags(
            estimator_type="sampler",
            target_tags=TargetTags(required=True),
            transformer_tags=None,
            classifier_tags=None,
            regressor_tags=None,
            input_tags=_InputTags(),
        )


@dataclass(slots=True)
class _InputTags(InputTags):  # type: ignore[misc] # scikit-learn ships no types
    """What imbalanced-learn asks of a sampler's input besides scikit-learn's questions."""

    dataframe: bool = True


@dataclass(slots=True)
class _SamplerTags:
    """What imbalanced-learn asks of a sampler: whether it only selects rows, and says which."""

    sample_indices: bool = False


@dataclass(slots=True)
class _Tags(Tags):  # type: ignore[misc] # scikit-learn ships no types
    """Scikit-learn's tags with imbalanced-learn's, whose tools so know a sampler that does not import them."""

    sampler_tags: _SamplerTags = field(default_factory=_SamplerTags)


def _float32(rows: Floats) -> Float32:
    """Return the rows as float32; no copy where they are.

    Raises:
        DataError: if a number is beyond float32.
    """
    if rows.dtype != np.float32 and np.abs(rows).max() > np.finfo(np.float32).max:
        raise DataError("X holds numbers beyond float32, in which neighbours are searched", hint="Scale X first.")
    return rows.astype(np.float32, copy=False)
