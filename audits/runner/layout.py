"""Find synthetic rows with white space or invisible characters that real rows do not use as often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audits.core.stats import exceeds_control
from audits.text.layout import BROKEN, KINDS, odd_characters

MIN_CHARACTERS = 8  # smallest number of characters of one kind that can hide a word
FEW = 2  # if fewer than 2 real rows have 8 or more characters of a kind, one such synthetic row is too many
DENSE = 0.95  # a row is dense if its density (see `unlike_real`) exceeds this quantile of positive real densities


@dataclass(frozen=True, slots=True)
class Layout:
    """The synthetic rows with unusual white space or invisible characters."""

    rows: tuple[int, ...]  # indices of the synthetic rows with unusual characters
    kinds: tuple[str, ...]  # kinds of the unusual characters in `rows`; elements of `KINDS`


def unlike_real(synthetic: Sequence[str], real: Sequence[str]) -> Layout:
    """Return the synthetic rows with white space or invisible characters that the real rows do not use as often.

    `KINDS` lists the kinds of such characters: characters that `plain_layout` changes, and line breaks in sentences.
    Suppose that x of the n synthetic rows and y of the m real rows have a property. The x rows are returned if x is
    significantly larger than expected from y:

        P[Bin(x + y, n / (n + m)) >= x] <= 0.01 / number of tests

    The tested properties are:

    - at least one character of a kind,
    - at least 8 characters of a kind; if fewer than 2 real rows have this property, the x rows are always returned,
    - a density above the 95 % quantile of the positive densities of real rows. The density is the share of a row's
      characters that belong to any kind except line breaks in sentences, or 0 if there are fewer than 8 of them.

    Privacy: reads all texts; returns synthetic rows and names of kinds.
    """
    n, m = len(synthetic), len(real)
    odd_in_synthetic, odd_in_real = [odd_characters(t) for t in synthetic], [odd_characters(t) for t in real]
    share, n_tests = n / max(1, n + m), 2 * len(KINDS) + 1
    rows, kinds = set[int](), []

    def test(synthetic_rows: list[int], n_real: int, kind: str, minimum: int) -> None:
        if exceeds_control(len(synthetic_rows), n_real, share, minimum=minimum, n_tests=n_tests):
            rows.update(synthetic_rows)
            kinds.append(kind)

    for kind in KINDS:
        # the property: at least `least` characters of the kind; if fewer than `minimum` real rows have it, one
        # synthetic row with it is too many
        for least, minimum in ((1, 0), (MIN_CHARACTERS, FEW)):
            synthetic_rows = [i for i, odd in enumerate(odd_in_synthetic) if odd[kind] >= least]
            test(synthetic_rows, sum(odd[kind] >= least for odd in odd_in_real), kind, minimum)
    densities = np.array([_density(odd, text) for odd, text in zip(odd_in_real, real, strict=True)])
    limit = float(np.quantile(densities[densities > 0], DENSE)) if (densities > 0).any() else 0.0
    dense = [
        i
        for i, (odd, text) in enumerate(zip(odd_in_synthetic, synthetic, strict=True))
        if _density(odd, text) > limit
    ]
    if dense:
        # the result states one kind for all dense rows: the most frequent counted kind in the densest row
        densest = odd_in_synthetic[max(dense, key=lambda i: _density(odd_in_synthetic[i], synthetic[i]))]
        kind = max((kind for kind in KINDS if kind != BROKEN), key=lambda kind: densest[kind])
        test(dense, int((densities > limit).sum()), kind, 0)
    return Layout(tuple(sorted(rows)), tuple(kind for kind in KINDS if kind in kinds))


def _density(odd: Mapping[str, int], text: str) -> float:
    n = sum(number for kind, number in odd.items() if kind != BROKEN)
    return n / len(text) if n >= MIN_CHARACTERS else 0.0
