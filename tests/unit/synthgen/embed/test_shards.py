from types import SimpleNamespace

import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.progress import silent
from synthgen.embed import shards
from synthgen.embed.base import in_batches
from synthgen.embed.last_token import BATCH_TEXTS as LAST_TOKEN_BATCH
from synthgen.embed.last_token import LastTokenEncoder
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.embed.sentence import BATCH_TEXTS
from synthgen.embed.shards import SHARD_TEXTS, stored_encoder, vector_shards
from synthgen.segment import Splitter

WORDS = ("the", "a", "cough", "fever", "orbit", "engine", "goal", "doctor", "rocket", "team")
TEXTS = [". ".join(" ".join(WORDS[j % 7 : j % 7 + i % 3 + 1]) for j in range(i % 13 + 1)) for i in range(61)]


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_TEXTS", 2 * LAST_TOKEN_BATCH)
    return SimpleNamespace(shards=tmp_path, progress=silent)


@pytest.fixture(scope="module")
def encoder(mistral_folder):
    return LastTokenEncoder(mistral_folder, "tiny", device="cpu", dtype="float32")


def test_a_shard_is_a_multiple_of_each_batch():
    assert SHARD_TEXTS % BATCH_TEXTS == SHARD_TEXTS % LAST_TOKEN_BATCH == 0


@pytest.mark.parametrize("cores", [1, 48])
def test_vectors_of_shards_equal_those_of_one_call(context, encoder, monkeypatch, cores):
    monkeypatch.setattr(shards, "usable_cores", lambda: cores)
    division = vector_shards(context, encoder, TEXTS, "embed")
    assert len(division.names) >= 3
    division.write(division.names[1:])  # as another process would
    division.write(division.names[:1])
    assert division.missing() == []
    assert all(map(division.is_intact, division.names))
    found = stored_encoder(context, encoder, TEXTS).encode(TEXTS)
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()
    assert found.dtype == np.float32


def test_vectors_of_segmented_records_equal_those_of_one_call(context, encoder):
    segmented = SegmentedEncoder(encoder, Splitter(5, {}))
    division = vector_shards(context, segmented, TEXTS, "embed")
    division.write(division.names)
    stored = stored_encoder(context, segmented, TEXTS)
    ids = [str(i) for i in range(len(TEXTS))]
    assert stored.segments(ids, TEXTS).vectors.tobytes() == segmented.segments(ids, TEXTS).vectors.tobytes()
    assert stored.encode(TEXTS).tobytes() == segmented.encode(TEXTS).tobytes()


def test_a_damaged_shard_is_not_intact(context, encoder):
    division = vector_shards(context, encoder, TEXTS, "embed")
    division.write(division.names)
    first, second, third, *_ = (context.shards / name for name in division.names)
    first.write_bytes(first.read_bytes()[:-4])
    second.write_bytes(b"")
    np.save(third, np.zeros((1, encoder.dim), dtype=np.float32))
    assert [division.is_intact(name) for name in division.names[:3]] == [False] * 3


def test_an_unknown_text_is_an_error(context, encoder):
    division = vector_shards(context, encoder, TEXTS, "embed")
    division.write(division.names)
    with pytest.raises(InternalError, match="lack the vector of a text"):
        stored_encoder(context, encoder, TEXTS).encode(["fever rocket rocket rocket"])


def test_a_table_without_texts_has_no_shards(context, encoder):
    assert vector_shards(context, encoder, [], "embed").names == ()
    assert stored_encoder(context, encoder, []).encode([]).shape == (0, encoder.dim)


def test_shards_do_not_depend_on_the_order_of_the_texts(context, encoder):
    assert in_batches(TEXTS, 8) == in_batches(TEXTS[::-1], 8)
    assert (
        vector_shards(context, encoder, TEXTS, "x").names == vector_shards(context, encoder, TEXTS[::-1], "x").names
    )
