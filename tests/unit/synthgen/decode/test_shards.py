import dataclasses
import functools
import json

import pytest

from synthgen.core.errors import DataError, ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode import shards
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.shards import (
    DecodeTask,
    cut,
    drop_foreign_shards,
    missing_rows,
    read_shards,
    workers_for,
    write_shards,
)
from synthgen.decode.xrag import XragDecoder

PLAIN = Settings(
    prompts={"ant": "ant", "bee.hive": "a bee of the garden"},
    candidates=3,
    max_new_tokens=9,
    temperature=1.0,
    top_p=0.95,
    top_k=50,
    batch=8,
)
SEEDS = SeedTree(20261120).child("decode")


@pytest.fixture(scope="module")
def task(llama_folder, bridge_folder):
    opened = functools.partial(
        XragDecoder, llama_folder, load_bridge(str(bridge_folder)), decoder="tiny", encoder="tiny-encoder", dim=7
    )
    return DecodeTask(open_decoder=opened, settings=PLAIN, seeds=SEEDS)


@pytest.fixture(scope="module")
def whole(task, tiny):
    return task.open_decoder().decode(tiny.latents(23), PLAIN, SEEDS, lambda _: None)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_any_number_of_workers_writes_the_same(task, whole, tiny, tmp_path, n_workers):
    told = []
    n = write_shards(task, tiny.latents(23), tmp_path, told.append, n_workers=n_workers)
    assert n == len(list(tmp_path.iterdir())) >= n_workers
    assert read_shards(tmp_path) == whole
    assert sum(told) == len(whole) == 69


def test_a_folder_begun_with_one_worker_is_gone_on_with_by_two(task, whole, tiny, tmp_path):
    write_shards(task, tiny.latents(23), tmp_path, lambda _: None, n_workers=1)
    for path in sorted(tmp_path.iterdir())[1::2]:
        path.unlink()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "shard-00001.parquet").write_bytes(b"of an older version")
    (tmp_path / "shard-0000005-0000010.partial").write_bytes(b"half")
    told = []
    write_shards(task, tiny.latents(23), tmp_path, told.append, n_workers=2)
    assert read_shards(tmp_path) == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert 0 < sum(told) < len(whole)
    assert missing_rows(tmp_path, 23) == []
    nobody = dataclasses.replace(task, open_decoder=lambda: pytest.fail("nothing is missing"))
    write_shards(nobody, tiny.latents(23), tmp_path, told.append, n_workers=1)


def backwards(decoder, latents, settings, seeds, advance):
    """Write the latents one by one, the last first, as another way of writing might."""
    advance(1000)
    parts = [shards.rows_of(latents, [i]) for i in reversed(range(len(latents)))]
    made = [decoder.decode(part, settings, seeds, lambda _: None) for part in parts]
    return tuple(candidate for some in reversed(made) for candidate in some)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_another_way_of_writing_goes_through_the_same_workers(task, whole, tiny, tmp_path, n_workers):
    own, told = dataclasses.replace(task, write=backwards), []
    n = write_shards(own, tiny.latents(23), tmp_path, told.append, n_workers=n_workers)
    assert read_shards(tmp_path) == whole
    assert sum(told) == 1000 * n


@pytest.mark.parametrize("n_workers", [1, 2])
def test_an_error_of_a_worker_is_the_callers(task, tiny, tmp_path, n_workers):
    lost = dataclasses.replace(task, settings=dataclasses.replace(PLAIN, max_new_tokens=4000))
    with pytest.raises(ModelError, match="positions"):
        write_shards(lost, tiny.latents(9), tmp_path, lambda _: None, n_workers=n_workers)
    assert list(tmp_path.iterdir()) == []

    def broken():
        raise DataError("no decoder", hint="bring one")

    with pytest.raises(DataError, match="no decoder") as caught:
        write_shards(
            dataclasses.replace(task, open_decoder=broken), tiny.latents(9), tmp_path, print, n_workers=n_workers
        )
    assert caught.value.hint == "bring one"


def test_a_shard_that_does_not_hold_the_rows_of_its_name_is_written_again(task, whole, tiny, tmp_path):
    """A copied, renamed, overlapping, cut or foreign file would leave latents unwritten, or written twice."""
    latents = tiny.latents(23)
    write_shards(task, latents, tmp_path, lambda _: None, n_workers=2)
    first, second, *_ = sorted(tmp_path.iterdir())
    n = int(first.stem.split("-")[2])
    for name, data in (
        (f"shard-0000000-{23:07d}", first.read_bytes()),  # says it holds everything
        (f"shard-{n - 1:07d}-{n + 1:07d}", first.read_bytes()),
        ("shard-0000012-0000003", first.read_bytes()),
        ("shard-0000023-0000030", first.read_bytes()),
        (second.stem, second.read_bytes()[:-40]),
    ):
        (tmp_path / f"{name}.parquet").write_bytes(data)
    drop_foreign_shards(tmp_path, latents, PLAIN.candidates)
    assert missing_rows(tmp_path, 23)[0].start == n
    write_shards(task, latents, tmp_path, lambda _: None, n_workers=2)
    assert read_shards(tmp_path) == whole
    other = dataclasses.replace(latents, ids=tuple(f"other-{name}" for name in latents.ids))
    drop_foreign_shards(tmp_path, other, PLAIN.candidates)
    assert missing_rows(tmp_path, 23) == [range(23)]  # what was written for other latents counts for none


def test_what_is_missing_is_what_no_shard_holds(tmp_path):
    assert missing_rows(tmp_path, 0) == []
    assert missing_rows(tmp_path, 7) == [range(7)]
    for name in ("shard-0000002-0000004", "shard-0000004-0000005"):
        (tmp_path / f"{name}.parquet").touch()
    assert missing_rows(tmp_path, 7) == [range(2), range(5, 7)]


@pytest.mark.parametrize("n_workers", [1, 2, 8])
@pytest.mark.parametrize("missing", [[range(546)], [range(3, 40), range(41, 45)], [range(1)], []])
def test_shards_hold_each_missing_row_once(n_workers, missing):
    settings = dataclasses.replace(PLAIN, batch=128, candidates=4)
    found = cut(missing, settings, n_workers)
    assert [row for rows in found for row in rows] == [row for rows in missing for row in rows]
    assert all(1 <= len(rows) <= 64 for rows in found)


def test_the_last_shards_are_the_smallest_so_that_all_workers_end_together():
    settings = dataclasses.replace(PLAIN, batch=128, candidates=4)
    sizes = [len(rows) for rows in cut([range(546)], settings, 2)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 64
    assert sizes[-2] == 32
    assert {len(rows) for rows in cut([range(546)], settings, 1)} == {64, 546 % 64}
    one_each = dataclasses.replace(settings, candidates=1)
    assert [len(rows) for rows in cut([range(96)], one_each, 2)] == [48, 48]
    assert [len(rows) for rows in cut([range(5)], one_each, 8)] == [1] * 5


def test_workers_follow_the_cores_the_texts_and_the_memory(llama_folder, monkeypatch):
    has = {"cores": 8, "bytes": 1 << 40, "backend": "cpu"}
    monkeypatch.setattr(shards, "usable_cores", lambda: has["cores"])
    monkeypatch.setattr(shards, "available_memory", lambda: has["bytes"])
    monkeypatch.setattr(shards, "backend_of", lambda _: has["backend"])

    def workers(texts):
        return workers_for(texts, PLAIN, llama_folder, "cpu")

    assert [workers(n) for n in (0, 9, 512, 10**5)] == [1, 8, 8, 8]
    has["bytes"] = 3 * shards.STEP_BYTES
    assert workers(10**5) == 2  # the model and the caches take some beside
    has["bytes"] = 0
    assert workers(10**5) == 1
    has.update(bytes=1 << 40, backend="cuda")
    assert workers(10**5) == 1


def test_a_cache_is_as_large_as_the_loops(llama_folder, task):
    said = json.loads((llama_folder / "config.json").read_bytes())
    assert said["num_key_value_heads"] == 2
    settings = dataclasses.replace(PLAIN, context_tokens=50)
    columns = settings.context_tokens + 2 * settings.max_new_tokens
    stepper = task.open_decoder()._stepper(settings.batch, columns - settings.max_new_tokens, columns)
    assert shards._cache_bytes(llama_folder, settings, 4) == stepper.rows.nbytes
