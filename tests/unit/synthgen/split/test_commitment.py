import json
import stat

import pytest

from synthgen.core.errors import StorageError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.split import commit_split, commitment, split
from synthgen.split.config import SplitConfig

SEEDS = SeedTree(9).child("split")
RECORDS = tuple(Record(id=f"r{i}", text=f"text number {i} {i} {i}", label="a", group=f"p{i}") for i in range(40))


def make(records=RECORDS, seeds=SEEDS):
    return split(Corpus(role="source", records=tuple(records), has_groups=True), SplitConfig(), seeds)


def test_commitment_binds_seed_and_sides_but_not_the_order():
    digest = commitment(make(), SEEDS)
    assert len(digest) == 64
    assert commitment(make(RECORDS[::-1]), SEEDS) == digest
    assert commitment(make(RECORDS[1:]), SEEDS) != digest
    assert commitment(make(), SEEDS.child("other")) != digest


def test_commit_writes_a_private_file_without_ids(tmp_path):
    path = tmp_path / "commitment.json"
    digest = commit_split(make(), SEEDS, path)
    value = json.loads(path.read_text())
    assert value["commitment"] == digest
    assert sum(value["records"].values()) == 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "r1" not in path.read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["commitment.json"]


def test_commit_into_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        commit_split(make(), SEEDS, tmp_path / "none" / "c.json")
