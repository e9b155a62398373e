import numpy as np
import pytest

from audits.core.errors import InputError
from audits.core.quarantine import most_quarantined, read_rows, without_rows, write_rows
from audits.core.types import AuditInputs, Lineage, Table


def table(n):
    texts = tuple(f"text {i}" for i in range(n))
    vectors = {"mine": np.arange(2 * n, dtype=np.float32).reshape(n, 2)}
    return Table(texts=texts, labels=texts, groups=texts, has_groups=False, vectors=vectors)


def test_at_most_one_percent_of_the_rows_and_never_every_row_is_quarantined():
    assert [most_quarantined(n) for n in (1, 2, 100, 101, 3200)] == [0, 1, 1, 2, 32]


def test_rows_are_removed_with_their_vectors_and_parents():
    lineage = Lineage(parents=((0,), (1,), (2, 0), (3,)), weights=((1.0,), (1.0,), (0.5, 0.5), (1.0,)))
    given = AuditInputs(synthetic=table(4), train=table(5), control=table(3), lineage=lineage)
    rest = without_rows(given, np.array([3, 1]))
    assert rest.synthetic.texts == ("text 0", "text 2")
    np.testing.assert_array_equal(rest.synthetic.vectors["mine"], [[0, 1], [4, 5]])
    assert (rest.lineage.parents, rest.lineage.weights) == (((0,), (2, 0)), ((1.0,), (0.5, 0.5)))
    assert len(rest.train) == 5


def test_row_numbers_are_written_and_read(tmp_path):
    path = tmp_path / "quarantine.txt"
    write_rows(path, [8, 19], "ab" * 32)
    assert path.read_text() == f"{'ab' * 32}\n8\n19\n"
    assert read_rows(path) == ("ab" * 32, {8, 19})
    for text in ("", "abab\nnine\n"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"one row number per line; pass the quarantine\.txt"):
            read_rows(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(tmp_path / "none")
