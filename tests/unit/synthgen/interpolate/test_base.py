import numpy as np

from synthgen.interpolate.base import latent_ids, rows_by_class
from synthgen.types import Embedded


def test_rows_are_sorted_by_label_then_id():
    x = Embedded(
        vectors=np.arange(8, dtype=np.float32).reshape(4, 2),
        ids=("z", "b", "a", "c"),
        labels=("one", "two", "one", "two"),
        groups=("p", "q", "p", "r"),
        encoder="test",
        normalized=False,
    )
    rows = rows_by_class(x)
    assert list(rows) == ["one", "two"]
    assert rows["one"].ids == ("a", "z")
    assert rows["one"].vectors.tolist() == [[4, 5], [0, 1]]
    assert (rows["one"].n_groups, rows["two"].n_groups) == (1, 2)


def test_names_depend_on_the_label_and_number_alone():
    assert latent_ids("a", 2) == latent_ids("a", 3)[:2]
    assert not set(latent_ids("a", 9)) & set(latent_ids("b", 9))
