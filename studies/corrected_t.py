"""The t statistic for folds that share training records, and Holm's correction over several tests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.core.stats import holm

# A standard deviation up to this value counts as zero, because it can only come from rounding. Accuracies are shares
# of test records, so two different accuracies differ by much more.
_NO_SPREAD = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldMean:
    """The mean of one value per fold, with its interval and a test of whether it is zero."""

    folds: int  # J, the number of values
    mean: float | None  # mean of the values; None if there are no values
    low: float | None  # lower end of the interval; None if no variance can be estimated from the values
    high: float | None  # upper end of the interval; None if low is None
    p: float | None  # two-sided p-value of the hypothesis that the mean is zero; None if it is not computed


def corrected_t(values: NDArray[np.float64], test_to_train: float, confidence: float = 0.95) -> FoldMean:
    """Return the mean over folds with the interval and p-value of the corrected resampled t-test.

    Folds share most of their training records, so their results are not independent. The usual variance s²/J of a
    mean of J values is then far too small. The correction adds the ratio of test to training records:

        se² = (1/J + n_test/n_train) · s²,   t = mean / se  with J − 1 degrees of freedom,
        interval = mean ± t_{J−1, (1 + confidence)/2} · se

    If there is only one fold, or if all folds have the same value, the result has no interval and no p-value.

    Args:
        values: float64 (J,), one value per fold: a measure, or the difference of two methods in the same fold.
        test_to_train: n_test / n_train of a fold.
        confidence: confidence of the interval.

    Reference: C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning 52 (2003), eq. 9.
    """
    J = len(values)
    mean = float(values.mean()) if J else None
    s = float(values.std(ddof=1)) if J > 1 else 0.0
    if mean is None or s <= _NO_SPREAD:
        return FoldMean(folds=J, mean=mean, low=None, high=None, p=None)
    se = math.sqrt(1 / J + test_to_train) * s
    half = float(stats.t.ppf((1 + confidence) / 2, J - 1)) * se
    p = 2 * float(stats.t.sf(abs(mean) / se, J - 1))
    return FoldMean(folds=J, mean=mean, low=mean - half, high=mean + half, p=p)


def holm_where_made(p_values: Sequence[float | None]) -> list[float | None]:
    """Return the p-values after Holm's correction for several tests; None (no test was made) stays None."""
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]
