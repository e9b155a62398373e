"""How sure a later look at the same control persons must be: audits until one passes would be a search for luck."""

FIRST, LATER = 4 / 5, 1 / 5


def confidence_of(number: float, confidence: float) -> float:
    """Return the one-sided confidence of every interval of the j-th attempt on one control group, j from 1.

        alpha_j = alpha · 4/5 · (1/5)^(j - 1),   sum over all j = alpha

    so that however often one tries, a table that leaks passes by luck with probability at most alpha = 1 - confidence
    for each number that a gate reads. Halving from attempt to attempt would sum to the same and leave the first one,
    which honest users need most, half of alpha instead of four fifths: 27 % more persons instead of 9 %.

    Source: alpha spending, Foster and Stine, J. R. Statist. Soc. B 2008; the shares are ours.
    """
    return 1 - (1 - confidence) * FIRST * LATER ** (number - 1)
