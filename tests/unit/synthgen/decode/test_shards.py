import dataclasses
import functools
import json

import pytest

from synthgen.core.errors import DataError, ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.shards import rows_name
from synthgen.decode import shards
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.shards import DecodeTask, divide_rows, is_intact, read_shards, write_shards
from synthgen.decode.xrag import XragDecoder

SAMPLING = {"temperature": 1.0, "top_p": 0.95, "top_k": 50}
PROMPTS = {"ant": "ant", "bee.hive": "a bee of the garden"}
PLAIN = Settings(prompts=PROMPTS, candidates=3, max_new_tokens=9, batch=8, **SAMPLING)
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


def write_all(task, latents, folder, advance, n_workers):
    write_shards(task, latents, divide_rows(len(latents), task.settings), folder, advance, n_workers=n_workers)


def test_shards_do_not_depend_on_how_many_are_written_at_once(task, whole, tiny, tmp_path):
    latents, rows = tiny.latents(23), divide_rows(23, PLAIN)
    assert len(rows) >= 5
    write_shards(task, latents, rows[1::2], tmp_path, lambda _: None, n_workers=1)
    assert {path.name for path in tmp_path.iterdir()} == {rows_name(some, ".parquet") for some in rows[1::2]}
    write_shards(task, latents, rows[::2], tmp_path, lambda _: None, n_workers=2)
    assert read_shards(tmp_path) == whole
    unopened = dataclasses.replace(task, open_decoder=lambda: pytest.fail("nothing is missing"))
    write_shards(unopened, latents, [], tmp_path, lambda _: None, n_workers=1)


def backwards(decoder, latents, settings, seeds, advance):
    """Decode the latents one by one in reverse order, as another `write` function."""
    advance(1000)
    parts = [shards.rows_of(latents, [i]) for i in reversed(range(len(latents)))]
    made = [decoder.decode(part, settings, seeds, lambda _: None) for part in parts]
    return tuple(candidate for some in reversed(made) for candidate in some)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_number_of_workers_and_order_of_writing_change_nothing(task, whole, tiny, tmp_path, n_workers):
    for write, of_shard in ((task.write, 0), (backwards, 1000)):
        folder, reported = tmp_path / str(of_shard), []
        folder.mkdir()
        own = dataclasses.replace(task, write=write)
        write_all(own, tiny.latents(23), folder, reported.append, n_workers)
        n = len(list(folder.iterdir()))
        assert read_shards(folder) == whole
        assert sum(reported) == (of_shard * n or len(whole))


@pytest.mark.parametrize("n_workers", [1, 2])
def test_errors_of_workers_are_raised(task, tiny, tmp_path, n_workers):
    lost = dataclasses.replace(task, settings=dataclasses.replace(PLAIN, max_new_tokens=4000))
    with pytest.raises(ModelError, match="but the language model reads at most"):
        write_all(lost, tiny.latents(9), tmp_path, lambda _: None, n_workers)
    assert list(tmp_path.iterdir()) == []

    def broken():
        raise DataError("no decoder", hint="bring one")

    lost = dataclasses.replace(task, open_decoder=broken)
    with pytest.raises(DataError, match="no decoder") as caught:
        write_all(lost, tiny.latents(9), tmp_path, print, n_workers)
    assert caught.value.hint == "bring one"


def test_a_damaged_or_foreign_shard_is_not_intact(task, tiny, tmp_path):
    """With a copied, renamed, truncated or foreign shard, latents would be missing or occur twice."""
    latents = tiny.latents(23)
    write_all(task, latents, tmp_path, lambda _: None, 1)
    rows = divide_rows(23, PLAIN)
    paths = [tmp_path / rows_name(some, ".parquet") for some in rows]
    assert all(is_intact(path, some, latents, PLAIN.candidates) for path, some in zip(paths, rows, strict=True))
    other = dataclasses.replace(latents, ids=tuple(f"other-{name}" for name in latents.ids))
    assert not is_intact(paths[0], rows[0], other, PLAIN.candidates)
    assert not is_intact(paths[0], rows[0], latents, PLAIN.candidates + 1)
    assert not is_intact(paths[0], rows[1], latents, PLAIN.candidates)
    paths[0].write_bytes(paths[0].read_bytes()[:-40])
    assert not is_intact(paths[0], rows[0], latents, PLAIN.candidates)


@pytest.mark.parametrize("n", [0, 1, 5, 96, 128, 129, 546])
@pytest.mark.parametrize("candidates", [1, 4, 300])
def test_division_covers_each_row_once_and_ends_with_the_smallest_shards(n, candidates):
    settings = dataclasses.replace(PLAIN, batch=128, candidates=candidates)
    found = divide_rows(n, settings)
    assert [row for rows in found for row in rows] == list(range(n))
    assert all(1 <= len(rows) <= max(1, 256 // candidates) for rows in found)
    sizes = [len(rows) for rows in found]
    assert sizes == sorted(sizes, reverse=True)


def test_few_rows_are_divided_into_two_shards():
    settings = dataclasses.replace(PLAIN, batch=128, candidates=1)
    assert [len(rows) for rows in divide_rows(96, settings)] == [48, 48]
    sizes = [len(rows) for rows in divide_rows(546, dataclasses.replace(settings, candidates=4))]
    assert (sizes[0], sizes[-2]) == (64, 32)


def test_workers_depend_on_cores_texts_and_memory(llama_folder, monkeypatch):
    has = {"cores": 8, "bytes": 1 << 40, "backend": "cpu"}
    monkeypatch.setattr(shards, "usable_cores", lambda: has["cores"])
    monkeypatch.setattr(shards, "available_memory", lambda: has["bytes"])
    monkeypatch.setattr(shards, "backend_of", lambda _: has["backend"])

    def workers(texts):
        return shards.workers_for(texts, PLAIN, llama_folder, "cpu")

    assert [workers(n) for n in (0, 9, 512, 10**5)] == [1, 8, 8, 8]
    has["bytes"] = 3 * shards.STEP_BYTES
    assert workers(10**5) == 2  # the model and the caches need the rest
    has["bytes"] = 0
    assert workers(10**5) == 1
    has.update(bytes=1 << 40, backend="cuda")
    assert workers(10**5) == 1


def test_cache_bytes_equal_the_steppers_cache(llama_folder, task):
    said = json.loads((llama_folder / "config.json").read_bytes())
    assert said["num_key_value_heads"] == 2
    settings = dataclasses.replace(PLAIN, context_tokens=50)
    columns = settings.context_tokens + 2 * settings.max_new_tokens
    stepper = task.open_decoder()._stepper(settings.batch, columns - settings.max_new_tokens, columns)
    assert shards._cache_bytes(llama_folder, settings, 4) == stepper.rows.nbytes
