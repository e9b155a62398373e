from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.files import write_json
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.core.stage import Sources, StageContext, plain_value
from synthgen.core.tables import write_corpus
from synthgen.core.types import Corpus, Record
from synthgen.deidentify import stage
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.deidentify.deidentify import deidentify
from synthgen.deidentify.stage import DEIDENTIFY, whole_persons

NAMES = ["John Miller", "Jane Cooper", "Peter Hudson", "Mary Walker", "Alan Fisher"]
SEEDS = SeedTree(11)


def record(i, person, text):
    return Record(id=f"r{i:02d}", text=text, label="a", group=f"p{person}")


def corpus(role, persons):
    texts = ["{0} was seen on 05/11/2023.", "Mr. {1} called {0} on 14/11/2023 at 555-123-4567.", "No change."]
    records = [
        record(i, person, texts[i % 3].format(NAMES[person % 5], NAMES[person % 5].split()[1]))
        for i, person in enumerate(persons)
    ]
    return Corpus(role=role, records=tuple(records), has_groups=True)


@given(persons=st.lists(st.integers(0, 6), max_size=40), n=st.integers(1, 9))
def test_parts_contain_whole_persons_and_every_record_once(persons, n):
    given_corpus = corpus("train", persons)
    parts = whole_persons(given_corpus, n)
    assert sorted(r.id for part in parts for r in part.records) == sorted(r.id for r in given_corpus.records)
    groups = [{r.group for r in part.records} for part in parts]
    assert sum(map(len, groups)) == len(set(persons))
    assert all(len(part) >= n for part in parts[:-1])


@pytest.fixture
def context(tmp_path, monkeypatch):
    """Return a function that makes the context of a run of the stage on these tables."""
    monkeypatch.setattr(stage, "SHARD_RECORDS", 3)

    def make(engine, *tables):
        loaded, parts = tmp_path / "load", tmp_path / "split"
        folder, shards = tmp_path / "stage.partial", tmp_path / "stage.shards"
        for place in (loaded, parts, folder, shards):
            place.mkdir()
        names = {r.id: [NAMES[int(r.group[1:]) % 5]] for table in tables for r in table.records}
        write_json(loaded / "names.json", names)
        write_json(loaded / "staff.json", ["Frank Carpenter"])
        for table in tables:
            write_corpus(parts / f"{table.role}.parquet", table)
        inputs = {
            "load": SimpleNamespace(folder=loaded, digest="l"),
            "split": SimpleNamespace(folder=parts, digest="s"),
        }
        inputs |= {"engine_model": plain_value(None), "shares_names": plain_value(True)}
        config = SimpleNamespace(deidentify=DeidentifyConfig(engine=engine))
        sources = Sources(config=config, seeds=SEEDS, progress=silent, inputs=inputs)
        return StageContext(DEIDENTIFY, sources, folder, "deidentify"), names

    return make


def test_shards_give_the_result_of_the_whole_corpus(context):
    tables = [corpus("train", [0, 1, 0, 2, 3, 1, 2, 2, 4, 0]), corpus("control", [5, 6, 5, 6])]
    given_context, names = context("rules", *tables)
    division = DEIDENTIFY.divide(given_context)
    assert len(division.names) >= 4
    division.write(division.names[2:])  # as another process would
    division.write(division.names[:2])
    assert all(map(division.is_intact, division.names))
    counts = DEIDENTIFY.run(given_context)
    for table in tables:
        seeds = SEEDS.child("deidentify")
        whole = deidentify(
            table, DeidentifyConfig(engine="rules"), names, seeds, shares_names=True, staff=["Frank Carpenter"]
        )
        written = stage.read_corpus(given_context.folder / f"{table.role}.parquet", table.role)
        assert written == whole.corpus
        assert written.texts != table.texts
        replaced = stage.read_json(given_context.folder / f"replaced-{table.role}.json")
        assert replaced == {key: tuple(map(tuple, found)) for key, found in whole.replaced.items()}
        assert counts["replaced"][table.role] == whole.counts
        assert counts["persons_by_date_order"][table.role] == whole.date_orders
    assert given_context.unused() == set()


def test_a_damaged_shard_is_not_intact(context):
    given_context, _ = context("rules", corpus("train", range(8)), corpus("control", [9]))
    division = DEIDENTIFY.divide(given_context)
    division.write(division.names)
    first, second, *_ = (given_context.shards / name for name in division.names)
    second.write_bytes(first.read_bytes())
    first.write_bytes(first.read_bytes()[:-9])
    assert [division.is_intact(name) for name in division.names] == [
        False,
        False,
        *[True] * (len(division.names) - 2),
    ]


def test_the_engine_off_has_no_shards(context):
    table = corpus("train", [0, 1])
    given_context, _ = context("off", table, corpus("control", [2]))
    assert DEIDENTIFY.divide(given_context).names == ()
    assert DEIDENTIFY.run(given_context)["replaced"] == {"train": {}, "control": {}}
    assert stage.read_corpus(given_context.folder / "train.parquet", "train") == table
