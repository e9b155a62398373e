"""Measure how much more often an attack is right about train persons than about control persons.

The variants of an attack differ in a parameter, such as the number of neighbours. The value of a person, in [0, 1],
is the share of the variants that are right about the person. a_T and a_H are the mean values of the n_T train persons
and of the n_H control persons.
"""

import math

import numpy as np

from audits.core.errors import InputError, NotMeasurable
from audits.core.stats import POWER, Interval, newcombe_of_shares, wilson_of_share, z_sum
from audits.core.types import Estimate, Float


def wilson_mean(values: Float, *, confidence: float) -> Interval:
    """Return Wilson's interval of the mean of n values in [0, 1].

    The mean is treated as the proportion of successes in n' = n · mean · (1 - mean) / variance trials, or in n trials
    if the variance is 0.

    Raises:
        NotMeasurable: there is no value.
        InputError: a value is outside [0, 1] or not a number.

    Reference: Wilson, JASA 1927; the effective number of trials as in surveys, Korn and Graubard, Survey Methodology
        1998.
    """
    if len(values) == 0:
        raise NotMeasurable("the mean over attacked persons needs at least one person, but there are none")
    if not bool(np.all((values >= 0) & (values <= 1))):
        raise InputError("each person's share of right guesses must be a number from 0 to 1")
    p, variance = float(values.mean()), float(values.var())
    n = len(values) * p * (1 - p) / variance if variance > 0 else float(len(values))
    low, high = wilson_of_share(p, n, confidence=confidence)
    return Interval(min(p, low), max(p, high))


def absolute_excess(train: Float, control: Float, *, confidence: float) -> Estimate:
    """Return a_T - a_H, the difference of the means, with Newcombe's interval from the two Wilson intervals.

    Raises:
        NotMeasurable: there is no train or no control person.
        InputError: a value is outside [0, 1] or not a number.

    Reference: Newcombe, Statistics in Medicine 1998, method 10.
    """
    of_train, of_control = (wilson_mean(v, confidence=confidence) for v in (train, control))
    a_t, a_h = float(train.mean()), float(control.mean())
    low, high = newcombe_of_shares(a_t, of_train, a_h, of_control)
    return Estimate(value=a_t - a_h, low=low, high=high, confidence=confidence, n=min(len(train), len(control)))


def relative_excess(train: Float, control: Float, *, confidence: float) -> Estimate:
    """Return R = (a_T - a_H) / (1 - a_H), the excess as a share of its largest possible value.

    The failure rates are q_T = 1 - a_T and q_H = 1 - a_H. Their Wilson intervals are (l_T, u_T) and (l_H, u_H). R is
    1 - q_T / q_H, and its interval is [1 - high, 1 - low]:

        low  = l_T · (2 q_T - l_T) / (q_T q_H + sqrt((q_T q_H)^2 - l_T · u_H · (2 q_T - l_T) · (2 q_H - u_H)))
        high = (q_T q_H + sqrt((q_T q_H)^2 - u_T · l_H · (2 q_T - u_T) · (2 q_H - l_H))) / (l_H · (2 q_H - l_H))

    Raises:
        NotMeasurable: there is no train or no control person, or the attack is right about every control person.
        InputError: a value is outside [0, 1] or not a number.

    Reference: Newcombe, "MOVER-R confidence intervals for ratios and products of two independently estimated
        quantities", Statistical Methods in Medical Research 2016, with Wilson's intervals.
    """
    q_t, q_h = 1 - float(train.mean()), 1 - float(control.mean())
    if q_h == 0:
        raise NotMeasurable(
            "the attack is right about every control person, so it cannot succeed more often on train"
        )
    (l_t, u_t), (l_h, u_h) = (wilson_mean(1 - v, confidence=confidence) for v in (train, control))
    both = q_t * q_h
    low_root = math.sqrt(both**2 - l_t * u_h * (2 * q_t - l_t) * (2 * q_h - u_h))
    # only rounding can make the difference negative: u · (2 q - u) and l · (2 q - l) are at most q^2
    high_root = math.sqrt(max(0.0, both**2 - u_t * l_h * (2 * q_t - u_t) * (2 * q_h - l_h)))
    low = l_t * (2 * q_t - l_t) / (both + low_root) if q_t > 0 else 0.0
    high = (both + high_root) / (l_h * (2 * q_h - l_h))
    value, n = 1 - q_t / q_h, min(len(train), len(control))
    return Estimate(value=value, low=min(value, 1 - high), high=max(value, 1 - low), confidence=confidence, n=n)


def needed_for_excess(d: float, p: float, *, confidence: float = 0.95, power: float = POWER) -> int:
    """Return how many persons per arm are needed to distinguish rates p and p + d.

        n >= (z + z')^2 · 2 · p · (1 - p) / d^2

    An arm is train or control. z and z' are the normal quantiles of the confidence and of the power.
    """
    return math.ceil(z_sum(confidence, power) ** 2 * 2 * p * (1 - p) / (d * d))


def detectable_excess(n: int, p: float, *, confidence: float = 0.95) -> float:
    """Return the smallest d for which n persons per arm distinguish rates p and p + d with the power `POWER`."""
    return z_sum(confidence, POWER) * math.sqrt(2 * p * (1 - p) / n)


def detectable_relative(train: Float, control: Float, *, confidence: float) -> float:
    """Return the smallest R distinguishable from 0: (z + z') · sqrt(s^2 · (1/n_T + 1/n_H)) / (1 - a_H).

    s^2 and a_H are the variance and mean of the control persons' values after adding the values 0 and 1. Without
    these two values, s^2 would be 0 if the attack is right about no control person. z and z' are the normal quantiles
    of the confidence and of the power.
    """
    smoothed = np.concatenate([control, [0.0, 1.0]])
    error = math.sqrt(float(smoothed.var()) * (1 / len(train) + 1 / len(control)))
    return z_sum(confidence, POWER) * error / (1 - float(smoothed.mean()))
