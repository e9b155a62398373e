"""When what returns of train is more than what returns of people whom the generator never saw."""

from scipy.stats import binom

FEW_NAMES = 2  # control persons whose name returns; fewer explain no train person's
FEW_NUMBERS = 2  # numbers of train that non-members' texts hold in a form; fewer do not show that chance writes so
FEW_CONTACTS = 4  # contacts that pass between people; fewer are desks, and explain no train person's
_CHANCE = 0.01


def beyond_phantoms(train: int, others: int, share: float, *, few: int) -> bool:
    """Return whether so many of train that returned are leaks, though so many of others returned as well.

        others < few   or   P[Bin(train + others, share) >= train] <= .01

    A value that returns for another reason excuses itself and no other one. Only where several of others show that
    such values come back without having been seen are those of train held against their number.

    Args:
        train: persons of train of whom something returned.
        others: how often it did of others.
        share: of all that could return without a leak, how much is train's.
        few: fewer others than this show nothing.
    """
    return train > 0 and (others < few or float(binom.sf(train - 1, train + others, share)) <= _CHANCE)
