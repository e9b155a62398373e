import pytest

from synthgen.core.shards import Division, rows_name


def division(folder, names=("shard-0", "shard-1", "shard-2"), damaged=()):
    return Division(folder=folder, names=names, write=lambda _: None, is_intact=lambda name: name not in damaged)


def test_missing_lists_the_shards_without_a_file_in_order(tmp_path):
    assert division(tmp_path / "none").missing() == ["shard-0", "shard-1", "shard-2"]
    for name in ("shard-1", ".part-0", "shard-7"):
        (tmp_path / name).touch()
    assert division(tmp_path).missing() == ["shard-0", "shard-2"]


@pytest.mark.parametrize("names", [("shard-0", "shard-1"), ("shard-2",)])
def test_only_damaged_shards_with_the_given_names_are_removed(tmp_path, names):
    for name in ("shard-0", "shard-1", "shard-2"):
        (tmp_path / name).touch()
    division(tmp_path, damaged=("shard-1", "shard-2")).remove_damaged(names)
    assert division(tmp_path).missing() == [name for name in names if name != "shard-0"]


def test_names_of_rows_sort_in_the_order_of_the_rows():
    names = [rows_name(range(start, start + 5), ".npy") for start in (0, 5, 99_999, 12_000_000)]
    assert names == sorted(names)
    assert names[1] == "shard-00000005-00000010.npy"
