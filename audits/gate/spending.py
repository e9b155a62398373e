"""The confidence level of repeated audits of the same control persons."""

FIRST, LATER = 4 / 5, 1 / 5


def confidence_of(number: float, confidence: float) -> float:
    """Return the one-sided confidence that every interval needs at attempt `number` on the same control persons.

        alpha_j = alpha · 4/5 · (1/5)^(j - 1),   sum over all j = alpha

    Here j is `number`, from 1, and alpha = 1 - `confidence`. For each number that a gate compares, a table that leaks
    therefore passes by chance with probability at most alpha, over any number of attempts. The first attempt gets
    four fifths of alpha. At alpha = 0.05 and a power of 80 %, it needs 9 % more persons than without a ledger. If
    each attempt had half the alpha of the one before, the first would get one half and would need 27 % more persons.

    Source: alpha spending, Foster and Stine, J. R. Statist. Soc. B 2008; the shares are ours.
    """
    share: float = LATER ** (number - 1)
    return 1 - (1 - confidence) * FIRST * share
