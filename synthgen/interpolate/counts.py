"""How many new records each class gets, and whether the data can carry them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NoReturn

from synthgen.core.errors import DataError


def wanted_counts(
    labels: Sequence[str], balance: Literal["equal", "as-source"] | Mapping[str, int], total: int | None
) -> dict[str, int]:
    """Return the number of new records of each label, sorted by label, summing exactly to the total.

    Shares that are not whole numbers are rounded by the largest remainder; ties go to the label that sorts first.

    Args:
        labels: the label of every train record.
        balance: the same number for each class, the shares of the train records, or a number per label.
        total: how many in all; None where `balance` gives numbers.

    Raises:
        DataError: if `balance` names labels the data lacks, or if a class would get no record; all are listed.
    """
    source = Counter(labels)
    if not source:
        raise DataError("there are no train records, so there are no classes to make records of")
    if not isinstance(balance, str):
        unknown = sorted(set(balance) - set(source))
        if unknown:
            raise DataError(
                "interpolate.balance asks for classes that the train records do not have",
                problems=[f"{label!r}: no train records" for label in unknown],
                hint=f"The classes are: {', '.join(repr(label) for label in sorted(source))}.",
            )
        return dict(sorted(balance.items()))
    if total is None:
        raise DataError("interpolate.total is needed unless balance gives a number per label")
    weights = dict.fromkeys(source, 1) if balance == "equal" else dict(source)
    counts = largest_remainder(weights, total)
    empty = [label for label, count in counts.items() if count == 0]
    if empty:
        raise DataError(
            f"a total of {total} leaves {len(empty)} of {len(counts)} classes without a record",
            problems=[f"{label!r}: {source[label]} of {len(labels)} train records" for label in empty],
            hint="Raise interpolate.total, or give interpolate.balance a number per label.",
        )
    return counts


def largest_remainder(weights: Mapping[str, int], total: int) -> dict[str, int]:
    """Return whole numbers in proportion to the weights that sum to `total`, sorted by label.

    n_c = ⌊total·w_c / Σw⌋, and the labels with the largest remainders get one more (Hamilton's method).
    All in whole numbers, so no rounding depends on the machine.
    """
    whole = sum(weights.values())
    counts = {label: total * weight // whole for label, weight in sorted(weights.items())}
    remainder = {label: total * weight % whole for label, weight in weights.items()}
    missing = total - sum(counts.values())
    for label in sorted(counts, key=lambda name: (-remainder[name], name))[:missing]:
        counts[label] += 1
    return counts


def check_classes(labels: Sequence[str], groups: Sequence[str], counts: Mapping[str, int], min_groups: int) -> None:
    """Refuse classes that are absent or have too few persons for the method.

    Args:
        labels: the label of every train record.
        groups: the person of every train record.
        counts: the new records wanted of each class.
        min_groups: how many different persons the method needs in a class.

    Raises:
        DataError: naming each such class, what it has and what it needs.
    """
    persons: dict[str, set[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        persons.setdefault(label, set()).add(group)
    records = Counter(labels)
    problems = [
        f"{label!r}: {records[label]} records of {len(persons.get(label, ()))} persons, needs {min_groups} persons"
        for label in sorted(counts)
        if len(persons.get(label, ())) < min_groups
    ]
    problems += [
        f"{label!r}: {counts[label]} records asked for, needs 1" for label in sorted(counts) if counts[label] < 1
    ]
    if problems:
        raise DataError(
            f"{len(problems)} {'class is' if len(problems) == 1 else 'classes are'} too small to make records of",
            problems=problems,
            hint="Add records of other persons, merge the class with another, leave it out through source.labels, "
            "or lower interpolate.k_neighbors.",
        )


def refuse_classes(problems: Sequence[str], method: str) -> NoReturn:
    """Refuse classes that are large enough, but of which the method cannot make points.

    Args:
        problems: one line for each class: its name and why.
        method: as in the configuration.

    Raises:
        DataError: always.
    """
    raise DataError(
        f"{method} cannot make records of {len(problems)} {'class' if len(problems) == 1 else 'classes'}",
        problems=problems,
        hint="Choose another interpolate.method, or leave the class out through source.labels.",
    )
