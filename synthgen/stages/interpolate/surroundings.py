"""What lies around the rows of a class: the nearest rows of any class, and which of them are of others."""

import numpy as np
from numpy.typing import NDArray

from synthgen.stages.interpolate.base import Int64, Rows, Unfit


def surroundings(rows: Rows, code: int, m: int) -> tuple[Int64, NDArray[np.bool_]]:
    """Return the m nearest rows of other persons, of any class, for every row of a class.

    Args:
        rows: the train rows.
        code: the class, n_c rows.
        m: how many neighbours, at least 1.

    Returns:
        Numbers of rows, int64 (n_c, m), nearest first; and whether each is of another class, bool (n_c, m).

    Raises:
        Unfit: if a row of the class has fewer than m rows of other persons around it.

    Privacy: reads train vectors and labels; stays in memory.

    Random: none.
    """
    of = rows.of(code)
    fewest = len(rows.groups) - int(np.bincount(rows.groups)[rows.groups[of]].max())
    if fewest < m:
        raise Unfit(f"{fewest} records of other persons, of any class, around one of its records, needs {m}")
    around = rows.neighbours.nearest(m, of)[0]
    return around, rows.classes[around] != code
