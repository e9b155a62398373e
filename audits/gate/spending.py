"""The confidence level of repeated audits of the same control persons."""

FIRST, LATER = 4 / 5, 1 / 5


def confidence_of(number: float, confidence: float) -> float:
    """Return the one-sided confidence of every interval of the j-th attempt on one control group, j from 1.

        alpha_j = alpha · 4/5 · (1/5)^(j - 1),   sum over all j = alpha

    Over any number of attempts, a table that leaks therefore passes by luck with probability at most
    alpha = 1 - confidence, separately for each number that a gate compares. The first attempt gets four fifths of
    alpha and needs 9 % more persons than without a ledger. If each attempt had half the alpha of the one before, the
    first would get one half and would need 27 % more persons.

    Source: alpha spending, Foster and Stine, J. R. Statist. Soc. B 2008; the shares are ours.
    """
    share: float = LATER ** (number - 1)
    return 1 - (1 - confidence) * FIRST * share
