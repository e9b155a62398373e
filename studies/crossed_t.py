"""Compute the interval of a mean over several draws of train records from one pool, with the same test records."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from studies.corrected_t import FoldMean

Float64 = NDArray[np.float64]
_NO_SPREAD = 1e-12  # a standard error up to this value counts as zero, because it can come from rounding


def crossed_t(values: Float64, train_to_rest: float, influence: Float64, confidence: float = 0.95) -> FoldMean:
    """Return the mean over draws with a t interval that covers the variation of draws, pool and test persons.

    The mean of J values varies with the train records (variance a) and with the test persons (variance b). Draws from
    the same pool share train records, so s²/J, with the variance s² of the values, would be too small for a. The
    formula has a larger factor, which is exact for sums over records if the pool is a random sample. b is estimated
    from the influence u_c of each of the C test persons, who are the same in all draws.

        a = (1/J + n_train/(n_pool − n_train)) · s²,   b = C/(C − 1) · Σ_c u_c²,   se² = a + b
        degrees of freedom = se⁴ / (a²/(J − 1) + b²/(C − 1)),   interval = mean ± t_{(1 + confidence)/2} · se

    The interaction of draw and test person is counted in both variances, so the interval is slightly too wide. With
    one draw, or if both variances are zero, there is no interval. No p-value is computed.

    Args:
        values: float64 (J,), one value per draw.
        train_to_rest: n_train / (n_pool − n_train), where n counts records.
        influence: float64 (C,), the contribution of each test person to the mean, minus the average contribution; the
            sum is 0. Empty if the value does not depend on test records.
        confidence: confidence of the interval.

    Reference: C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning 52 (2003), eq. 9, for
    the first part; A. B. Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1 (2007), on crossed samples;
    F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics 2 (1946).
    """
    J, C = len(values), len(influence)
    mean = float(values.mean()) if J else None
    a = (1 / J + train_to_rest) * float(values.var(ddof=1)) if J > 1 else 0.0
    b = C / (C - 1) * float((influence**2).sum()) if C > 1 else 0.0
    se = math.sqrt(a + b)
    if mean is None or J < 2 or se <= _NO_SPREAD:
        return FoldMean(folds=J, mean=mean, low=None, high=None, p=None)
    freedom = (a + b) ** 2 / (a**2 / (J - 1) + (b**2 / (C - 1) if C > 1 else 0.0))
    half = float(stats.t.ppf((1 + confidence) / 2, freedom)) * se
    return FoldMean(folds=J, mean=mean, low=mean - half, high=mean + half, p=None)
