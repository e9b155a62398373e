import dataclasses
import functools
import json

import pytest

from synthgen.core.errors import DataError, ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode import shards
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.shards import DecodeTask, cut, drop_foreign_shards, missing_rows, read_shards, write_shards
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


def test_shards_are_continued_with_another_number_of_workers(task, whole, tiny, tmp_path):
    write_shards(task, tiny.latents(23), tmp_path, lambda _: None, n_workers=1)
    for path in sorted(tmp_path.iterdir())[1::2]:
        path.unlink()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "shard-00001.parquet").write_bytes(b"of an older version")
    (tmp_path / "shard-0000005-0000010.partial").write_bytes(b"half")
    reported = []
    write_shards(task, tiny.latents(23), tmp_path, reported.append, n_workers=2)
    assert read_shards(tmp_path) == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert 0 < sum(reported) < len(whole)
    assert missing_rows(tmp_path, 23) == []
    nobody = dataclasses.replace(task, open_decoder=lambda: pytest.fail("nothing is missing"))
    write_shards(nobody, tiny.latents(23), tmp_path, reported.append, n_workers=1)


def backwards(decoder, latents, settings, seeds, advance):
    """Write the latents one by one, the last first, as another way of writing might."""
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
        n = write_shards(own, tiny.latents(23), folder, reported.append, n_workers=n_workers)
        assert n == len(list(folder.iterdir())) >= n_workers
        assert read_shards(folder) == whole
        assert sum(reported) == (of_shard * n or len(whole))


@pytest.mark.parametrize("n_workers", [1, 2])
def test_errors_of_workers_are_raised(task, tiny, tmp_path, n_workers):
    lost = dataclasses.replace(task, settings=dataclasses.replace(PLAIN, max_new_tokens=4000))
    with pytest.raises(ModelError, match="positions"):
        write_shards(lost, tiny.latents(9), tmp_path, lambda _: None, n_workers=n_workers)
    assert list(tmp_path.iterdir()) == []

    def broken():
        raise DataError("no decoder", hint="bring one")

    lost = dataclasses.replace(task, open_decoder=broken)
    with pytest.raises(DataError, match="no decoder") as caught:
        write_shards(lost, tiny.latents(9), tmp_path, print, n_workers=n_workers)
    assert caught.value.hint == "bring one"


def test_foreign_shards_are_written_again(task, whole, tiny, tmp_path):
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


def test_missing_rows_are_those_of_no_shard(tmp_path):
    assert missing_rows(tmp_path, 0) == []
    assert missing_rows(tmp_path, 7) == [range(7)]
    for name in ("shard-0000002-0000004", "shard-0000004-0000005"):
        (tmp_path / f"{name}.parquet").touch()
    assert missing_rows(tmp_path, 7) == [range(2), range(5, 7)]


@pytest.mark.parametrize("n_workers", [1, 2, 8])
@pytest.mark.parametrize("missing", [[range(546)], [range(3, 40), range(41, 45)], [range(1)], []])
def test_cut_covers_each_missing_row_once_and_ends_with_the_smallest_shards(n_workers, missing):
    settings = dataclasses.replace(PLAIN, batch=128, candidates=4)
    found = cut(missing, settings, n_workers)
    assert [row for rows in found for row in rows] == [row for rows in missing for row in rows]
    assert all(1 <= len(rows) <= 64 for rows in found)
    sizes = [len(rows) for rows in cut([range(546)], settings, 2)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 64
    assert sizes[-2] == 32
    assert {len(rows) for rows in cut([range(546)], settings, 1)} == {64, 546 % 64}
    one_each = dataclasses.replace(settings, candidates=1)
    assert [len(rows) for rows in cut([range(96)], one_each, 2)] == [48, 48]
    assert [len(rows) for rows in cut([range(5)], one_each, 8)] == [1] * 5


def test_workers_depend_on_cores_texts_and_memory(llama_folder, monkeypatch):
    has = {"cores": 8, "bytes": 1 << 40, "backend": "cpu"}
    monkeypatch.setattr(shards, "usable_cores", lambda: has["cores"])
    monkeypatch.setattr(shards, "available_memory", lambda: has["bytes"])
    monkeypatch.setattr(shards, "backend_of", lambda _: has["backend"])

    def workers(texts):
        return shards.workers_for(texts, PLAIN, llama_folder, "cpu")

    assert [workers(n) for n in (0, 9, 512, 10**5)] == [1, 8, 8, 8]
    has["bytes"] = 3 * shards.STEP_BYTES
    assert workers(10**5) == 2  # the model and the caches take some beside
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
