from dataclasses import replace

import numpy as np
import pytest

import audits.embeddings.encoders
from audits.core.errors import InputError, NotMeasurable
from audits.core.holdout import HoldoutTables
from audits.core.inputs import take
from audits.core.streams import stream
from audits.core.types import AuditInputs
from audits.embeddings.encoders import ROLES, encode, encode_characters, encode_once, encode_tables, encode_words
from audits.runner.run import run


@pytest.fixture(scope="module")
def parts(people):
    sizes = {"synthetic": 23, "train": 31, "control": 27, "reference": 40}
    tables = {name: people(n, seed=i, prefix=name) for i, (name, n) in enumerate(sizes.items())}
    return HoldoutTables(**tables, reference_is_control=False)


def with_vectors(parts, **vectors):
    """Return the parts with vectors in each given table; a value maps the number of rows to the matrix."""
    tables = {role: (getattr(parts, role), make) for role, make in vectors.items()}
    return replace(parts, **{r: replace(t, vectors={"own": make(len(t))}) for r, (t, make) in tables.items()})


def gaussian(d):
    return lambda n: np.random.default_rng(n).normal(size=(n, d)).astype(np.float32) * 3


def similarities(one, other):
    product = one @ other.T
    return product if isinstance(product, np.ndarray) else product.toarray()


def test_rows_are_of_unit_length(parts):
    for encoded in encode(parts, np.random.default_rng(0)):
        for table in (encoded.synthetic, encoded.train, encoded.control, encoded.reference):
            squares = table**2 if isinstance(table, np.ndarray) else table.multiply(table)
            assert np.asarray(squares.sum(axis=1)).ravel() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("fit", [encode_words, lambda p: encode_characters(p, np.random.default_rng(0))])
def test_encoders_are_fitted_on_the_reference_only(parts, people, fit):
    other = replace(parts, train=people(50, seed=90, prefix="x"), synthetic=people(20, seed=91, prefix="y"))
    one, two = (similarities(encoded.control, encoded.reference) for encoded in (fit(parts), fit(other)))
    assert one == pytest.approx(two, abs=1e-4)


def test_copies_with_dropped_words_are_nearest_to_their_source(parts, retexted, word_dropout):
    copies = replace(parts, synthetic=retexted(parts.train, word_dropout(parts.train.texts, 0.3)))
    for encoded in encode(copies, np.random.default_rng(0)):
        product = similarities(encoded.synthetic, encoded.train)
        assert np.mean(product.argmax(axis=1) == np.arange(len(product))) > 0.9, encoded.name


def test_word_weights_by_hand(parts):
    texts = {"synthetic": ("a a new",), "train": ("a",), "control": ("b",), "reference": ("a b", "a", "c")}
    tables = {r: replace(parts.train, texts=t, groups=tuple(map(str, range(len(t))))) for r, t in texts.items()}
    small = HoldoutTables(**tables, reference_is_control=False)
    row = encode_words(small).synthetic.toarray()[0]
    a = (1 + np.log(2)) * (1 + np.log(4 / 3))
    new = 1 + np.log(4 / 1)
    assert row[:2] == pytest.approx(np.array([a, new]) / np.hypot(a, new), rel=1e-5)


def test_passed_vectors_are_an_additional_encoder(parts):
    passed = with_vectors(parts, **dict.fromkeys(ROLES, gaussian(6)))
    encoded = encode(passed, np.random.default_rng(0))
    assert [e.name for e in encoded] == ["words", "characters", "vectors:own"]
    assert np.linalg.norm(encoded[2].train, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ({"train": gaussian(6)}, "the vectors 'own' are missing for: synthetic, control, reference"),
        (
            dict.fromkeys(ROLES, gaussian(6)) | {"reference": gaussian(5)},
            "have different numbers of columns in different tables",
        ),
        (dict.fromkeys(ROLES, gaussian(6)) | {"reference": lambda n: np.zeros((n + 1, 6))}, "one row per record"),
        (dict.fromkeys(ROLES, gaussian(6)) | {"reference": lambda n: np.full((n, 6), np.nan)}, "not finite"),
    ],
)
def test_vectors_that_do_not_fit_are_rejected(parts, vectors, message):
    with pytest.raises(InputError, match=message):
        encode(with_vectors(parts, **vectors), np.random.default_rng(0))


@pytest.fixture
def calls(monkeypatch):
    """Return a list that receives the number of train rows of each encoding."""
    made = []

    def counted(parts, rng, encode=audits.embeddings.encoders.encode):
        made.append(len(parts.train))
        return encode(parts, rng)

    monkeypatch.setattr(audits.embeddings.encoders, "encode", counted)
    return made


@pytest.fixture(scope="module")
def few_inputs(people):
    sizes = {"synthetic": (50, "s"), "train": (60, "t"), "control": (65, "h")}
    return AuditInputs(**{role: people(n, seed=i, prefix=p) for i, (role, (n, p)) in enumerate(sizes.items())})


def test_similarity_audits_share_one_encoding(calls, few_inputs):
    all_three = run(few_inputs, names=["neighbours", "membership", "parent_recovery"], seed=3)
    assert calls == [len(few_inputs.train)]
    alone = run(few_inputs, names=["membership"], seed=3)
    assert alone.result("membership") == all_three.result("membership")


def test_cached_tables_do_not_depend_on_the_first_caller(calls, few_inputs):
    cached = encode_once(stream(0, "seen"))
    first = cached(few_inputs, np.random.default_rng(1))
    assert cached(few_inputs, np.random.default_rng(2)) is first
    other = encode_tables(few_inputs, stream(0, "seen"))
    assert first.holdout == other.holdout
    assert all((a.train != b.train).sum() == 0 for a, b in zip(first.encoded, other.encoded, strict=True))
    assert len(calls) == 2


def test_cached_tables_are_not_returned_for_other_inputs(few_inputs):
    cached = encode_once(stream(0, "seen"))
    cached(few_inputs, np.random.default_rng(1))
    with pytest.raises(ValueError, match="same inputs"):
        cached(replace(few_inputs), np.random.default_rng(1))


def test_tables_that_are_too_small_are_rejected_every_time(few_inputs):
    cached = encode_once(stream(0, "seen"))
    few = replace(few_inputs, train=take(few_inputs.train, np.arange(5)))
    for _ in range(2):
        with pytest.raises(NotMeasurable):
            cached(few, np.random.default_rng(1))
