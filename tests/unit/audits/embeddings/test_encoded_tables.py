from dataclasses import replace

import numpy as np
import pytest

import audits.embeddings.encoded_tables
from audits.core.errors import NotMeasurable
from audits.core.inputs import take
from audits.core.streams import stream
from audits.embeddings.encoded_tables import encode_once, encode_tables
from audits.runner.run import run


@pytest.fixture
def calls(monkeypatch):
    """Return the number of train rows of each encoding so far."""
    made = []

    def counted(parts, rng, encode=audits.embeddings.encoded_tables.encode):
        made.append(len(parts.train))
        return encode(parts, rng)

    monkeypatch.setattr(audits.embeddings.encoded_tables, "encode", counted)
    return made


def test_similarity_audits_share_one_encoding(calls, fresh_inputs):
    all_three = run(fresh_inputs, names=["neighbours", "membership", "parent_recovery"], seed=3)
    assert calls.count(len(fresh_inputs.train)) == 1  # other encodings are of tables with a planted leak
    alone = run(fresh_inputs, names=["membership"], seed=3)
    assert alone.result("membership") == all_three.result("membership")


def test_cached_tables_do_not_depend_on_the_first_caller(calls, fresh_inputs):
    cached = encode_once(stream(0, "seen"))
    first = cached(fresh_inputs, np.random.default_rng(1))
    assert cached(fresh_inputs, np.random.default_rng(2)) is first
    other = encode_tables(fresh_inputs, stream(0, "seen"))
    assert first.holdout == other.holdout
    assert all((a.train != b.train).sum() == 0 for a, b in zip(first.encoded, other.encoded, strict=True))
    assert len(calls) == 2


def test_cached_tables_are_not_returned_for_other_inputs(fresh_inputs):
    cached = encode_once(stream(0, "seen"))
    cached(fresh_inputs, np.random.default_rng(1))
    with pytest.raises(ValueError, match="same inputs"):
        cached(replace(fresh_inputs), np.random.default_rng(1))


def test_tables_that_are_too_small_are_rejected_every_time(fresh_inputs):
    cached = encode_once(stream(0, "seen"))
    few = replace(fresh_inputs, train=take(fresh_inputs.train, np.arange(5)))
    for _ in range(2):
        with pytest.raises(NotMeasurable):
            cached(few, np.random.default_rng(1))
