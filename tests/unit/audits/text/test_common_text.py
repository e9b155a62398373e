import numpy as np
import pytest

from audits.text.common_text import (
    CONTROL,
    PUBLIC,
    TRAIN,
    CommonText,
    Owned,
    common_text,
    merged_owners,
    own_text,
    repeated_records,
    shared_phrases,
)
from audits.text.shared_runs import TokenNumbers, number_rows


def words(name, n):
    return [f"{name}{i}" for i in range(n)]


def read(rows, sides, owner=None):
    """Return the merged owners of rows (by default one owner each), and the words of each row that are not common."""
    vocabulary = TokenNumbers()
    numbered = number_rows(rows, vocabulary)
    owned = Owned(numbered, np.arange(len(rows)) if owner is None else np.array(owner), np.array(sides))
    shared = shared_phrases(owned)
    pairs = repeated_records(owned, shared)
    merged = merged_owners(len(sides), [(int(owned.owner[row]), other) for row, other in pairs])
    left = own_text(numbered, common_text(owned, shared, merged)).rows
    back = {number: word for word, number in vocabulary.items()}
    kept = [[back[t] for t in left.tokens[a:b].tolist()] for a, b in zip(left.starts, left.starts[1:], strict=False)]
    return merged.tolist(), kept


def test_phrases_of_three_persons_or_of_the_public_are_removed_and_other_text_is_kept():
    rows = [
        [*words("a", 9), *words("q", 8), *words("b", 9)],
        [*words("c", 20), *words("q", 8), *words("d", 3)],
        words("e", 9),
        [*words("f", 9), *words("q", 8)],
    ]
    removed = [words("a", 9) + words("b", 9), words("c", 20) + words("d", 3), rows[2], words("f", 9)]
    assert read(rows, [TRAIN, CONTROL, TRAIN, CONTROL]) == ([0, 1, 2, 3], removed)
    assert read(rows[:3], [TRAIN, CONTROL, TRAIN])[1] == rows[:3], "two persons may be one family"
    assert read(rows[:3], [TRAIN, PUBLIC, TRAIN])[1] == removed[:3]
    seven_words = [[*words("a", 9), *words("q", 7)], [*words("q", 7), *words("c", 9)]]
    assert read(seven_words, [TRAIN, TRAIN])[1] == seven_words
    numbered = number_rows([["a"], [], ["b", "c"]], TokenNumbers())
    left = own_text(numbered, CommonText(phrases=np.zeros(0, np.uint64), forms=np.zeros(0, np.uint64)))
    assert left.rows.starts.tolist() == [0, 1, 1, 3]
    assert left.origin.tolist() == [0, 1, 2]


def test_repeating_most_of_a_record_merges_two_ids():
    note = words("n", 30)
    merged, kept = read([note, [*words("x", 40), *note], words("z", 9)], [CONTROL, TRAIN, TRAIN])
    assert merged == [0, 0, 2]
    assert kept[0] == note


@pytest.mark.parametrize(("n_own", "is_one"), [(29, True), (31, False)])
def test_owners_are_merged_from_half_of_a_record(n_own, is_one):
    merged, _ = read([[*words("a", n_own), *words("n", 30)], [*words("b", 90), *words("n", 30)]], [TRAIN, CONTROL])
    assert (merged == [0, 0]) == is_one


def test_boilerplate_merges_no_owners():
    rows = [[*words("f", 30), *words(f"own{i}x", 3)] for i in range(12)]
    merged, kept = read(rows, [TRAIN] * 11 + [CONTROL])
    assert merged == list(range(12))
    assert kept == [words(f"own{i}x", 3) for i in range(12)]


def test_one_record_of_many_ids_is_boilerplate_only_if_control_has_it():
    note = words("n", 30)
    assert read([note] * 14, [TRAIN] * 14)[0] == [0] * 14
    assert read([note] * 14, [TRAIN] * 13 + [CONTROL])[0] == list(range(14))
    assert read([[*note, f"x{i}"] for i in range(14)], [TRAIN] * 14)[0] == list(range(14))


def test_public_text_is_common_and_merges_no_owners():
    note = words("n", 30)
    merged, kept = read([note, note], [TRAIN, PUBLIC])
    assert merged == [0, 1]
    assert kept == [[], []]


def test_headings_of_many_persons_are_common():
    rows = [[*words("h", 4), *words(f"a{i}x", 3), *words("k", 3), *words(f"b{i}x", 3)] for i in range(11)]
    kept = read(rows, [TRAIN, CONTROL] * 5 + [TRAIN])[1]
    assert kept[5] == [*words("a5x", 3), *words("k", 3), *words("b5x", 3)]
    assert read(rows[:10], [TRAIN, CONTROL] * 5)[1] == rows[:10]


def test_the_result_does_not_depend_on_parts_and_blocks(monkeypatch):
    rng = np.random.default_rng(2)
    rows = [[str(i) for i in rng.integers(0, 3, size=40)] for _ in range(30)]
    whole = read(rows, [TRAIN, CONTROL] * 15)
    monkeypatch.setattr("audits.text.shared_runs.PART_TOKENS", 100)
    monkeypatch.setattr("audits.text.common_text.BLOCK_TOKENS", 37)
    assert read(rows, [TRAIN, CONTROL] * 15) == whole
