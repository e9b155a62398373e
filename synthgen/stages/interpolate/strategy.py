"""How many new points each class gets, by the words that imbalanced-learn uses for over-sampling."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from synthgen.core.errors import ConfigError, DataError

Strategy = Real | str | Mapping[Any, int] | Callable[[Any], Mapping[Any, int]]
CHOICES = ("auto", "minority", "not minority", "not majority", "all")


def new_points(strategy: Strategy, have: Mapping[Any, int], y: Any = None) -> dict[Any, int]:
    """Return how many new points each targeted class gets, in the order of the classes.

    A word names the classes that are filled up to the size of the largest; a number r asks that the smaller of two
    classes grows to r times the larger, rounded down; a mapping gives the total of each class, old rows included; a
    function makes that mapping of `y`. Of classes of one size, the first counts as the largest or the smallest.

    Args:
        strategy: one of `CHOICES` ("auto" is "not majority"), a number in (0, 1], a mapping or a function.
        have: the rows of each class there are, in the order of the classes.
        y: what a function is called with.

    Raises:
        ConfigError: if the strategy has no such form.
        DataError: if there is one class alone, or the strategy names absent classes or smaller totals than there are
            rows; every problem is listed.
    """
    if len(have) < 2:
        raise DataError(f"y has {len(have)} class, and over-sampling needs at least 2 classes")
    if not isinstance(strategy, Mapping | Real | str) and callable(strategy):
        strategy = strategy(y)
        if not isinstance(strategy, Mapping):
            raise ConfigError("the function given as sampling_strategy must return a mapping from class to total")
    if isinstance(strategy, Mapping):
        return _up_to(strategy, have)
    smallest, largest = min(have, key=lambda c: have[c]), max(have, key=lambda c: have[c])
    if isinstance(strategy, str):
        if strategy not in CHOICES:
            raise ConfigError(
                f"sampling_strategy is {strategy!r}, and as a word must be one of: {', '.join(CHOICES)}"
            )
        targeted: Sequence[Any] = {
            "minority": [smallest],
            "not minority": [c for c in have if c != smallest],
            "all": list(have),
        }.get(strategy, [c for c in have if c != largest])
        return {c: have[largest] - have[c] for c in targeted}
    if not isinstance(strategy, Real) or not 0 < float(strategy) <= 1:
        raise ConfigError(f"sampling_strategy is {strategy!r}, and as a number must be in (0, 1]")
    if len(have) != 2:
        raise DataError(f"sampling_strategy can be a number for 2 classes only, and y has {len(have)}: give a dict")
    (other,) = (c for c in have if c != largest)
    total = int(have[largest] * float(strategy))
    if total <= have[other]:
        raise DataError(
            f"sampling_strategy {strategy} asks for {total} rows of the smaller class, which has {have[other]}",
            hint="Raise the ratio; over-sampling removes no rows.",
        )
    return {other: total - have[other]}


def _up_to(totals: Mapping[Any, int], have: Mapping[Any, int]) -> dict[Any, int]:
    """Return what each class lacks of its total."""
    problems = [f"{name!r}: no such class in y" for name in totals if name not in have]
    for name, total in totals.items():
        if not isinstance(total, Integral):
            problems.append(f"{name!r}: the total must be a whole number, got {total!r}")
        elif name in have and int(total) < have[name]:
            problems.append(f"{name!r}: a total of {total} is below the {have[name]} rows there are")
    if problems:
        raise DataError("sampling_strategy asks for what over-sampling cannot do", problems=problems)
    return {name: int(totals[name]) - n for name, n in have.items() if name in totals}
