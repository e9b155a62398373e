import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.decode.train.corpus import NEIGHBOURS, mix_vectors, prepare, read_passages, vectors_of, word_frequencies


def write(folder, name, texts, sources):
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"text": texts, "source": sources}), folder / f"{name}.parquet")


def read(folder, **changes):
    return read_passages(folder, **{"exclude": (), "limit": 100, "max_per_source": 100, "seed": 5, **changes})


@pytest.fixture
def folder(tmp_path, tiny):
    texts = tiny.sentences(23)
    write(tmp_path / "c", "one", texts[:9], ["web"] * 9)
    write(tmp_path / "c", "two", texts[9:], ["news"] * 7 + ["private"] * 7)
    return tmp_path / "c"


def test_read_passages_follows_exclusions_and_limits(folder, tiny):
    texts, counts = read(folder, exclude=("private",))
    assert counts == {"news": 7, "web": 9}
    assert set(texts) == set(tiny.sentences(23)[:16])
    texts, counts = read(folder, max_per_source=4)
    assert (counts, len(texts)) == ({"news": 4, "private": 4, "web": 4}, 12)
    texts, counts = read(folder, limit=5)
    assert len(texts) == sum(counts.values()) == 5
    assert texts == read(folder)[0][:5]
    assert read(folder)[0] == read(folder)[0]
    assert read(folder, seed=6)[0] != read(folder)[0]


def test_order_of_files_and_rows_has_no_effect(folder, tmp_path, tiny):
    texts = tiny.sentences(23)
    sources = ["web"] * 9 + ["news"] * 7 + ["private"] * 7
    order = np.random.default_rng(1).permutation(23)
    write(tmp_path / "other", "z", [texts[i] for i in order[:11]], [sources[i] for i in order[:11]])
    write(tmp_path / "other", "a", [texts[i] for i in order[11:]], [sources[i] for i in order[11:]])
    assert read(tmp_path / "other", limit=8) == read(folder, limit=8)
    write(tmp_path / "c2", "x", [" a\n\n b\tc. "], ["web"])
    assert read(tmp_path / "c2") == (["a b c."], {"web": 1})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "contains no Parquet table"),
        ({"body": ["x"]}, "the table lacks columns: source, text"),
        ({"text": [None, "a"], "source": ["web", "web"]}, "no value in the column `text` or `source`"),
        ({"text": ["b", "a"], "source": [None, "web"]}, "no value in the column `text` or `source`"),
        ({"text": ["b"], "source": ["private"]}, "no passage, except passages of excluded sources"),
    ],
)
def test_invalid_tables_are_rejected(tmp_path, table, message):
    if table is not None:
        pq.write_table(pa.table(table), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=message):
        read(tmp_path, exclude=("private",))


def ids_of(words, text):
    return list(words(text, add_special_tokens=False).input_ids)


def test_passages_are_cut_where_a_sentence_ends(words, tiny):
    first, second, third = "The doctor sees fever.", "A rocket!", "The river garden fixes the engine."
    room = len(ids_of(words, f"{first} {second}")) + 1
    for limit, wanted in [(room, f"{first} {second}"), (room - 1, first), (room + 1, f"{first} {second}")]:
        made = prepare([f"{first} {second} {third}"], words, limit, {})
        ids = ids_of(words, wanted)
        assert made.texts == (wanted,)
        assert made.tokens.shape == (1, limit)
        assert made.tokens[0].tolist() == ids + [tiny.EOS] * (limit - len(ids))
        assert made.lengths.tolist() == [len(ids) + 1]  # the end of text counts


def test_long_first_sentences_are_cut_and_fitting_texts_kept(words):
    text = "The doctor sees the patient and the fever of the river garden."
    made = prepare([text], words, 6, {})
    assert made.lengths.tolist() == [5]
    assert made.tokens[0, :5].tolist() == ids_of(words, text)[:5]
    assert made.texts == (words.decode(ids_of(words, text)[:5]),)
    assert text.startswith(made.texts[0])
    text = "The doctor sees. A rocket? The river"
    made = prepare([text], words, 60, {"web": 1})
    assert (made.texts, made.sources) == ((text,), {"web": 1})
    assert made.lengths[0] == len(ids_of(words, text)) + 1


def test_hints_are_the_rarest_words_at_most_three_and_ties_by_name(words):
    # in 6 texts: fever in 3, rocket in 4, river in 6, garden in 2 (too few to be a hint), "cat" too short
    texts = ["fever rocket river garden cat"] * 2 + ["fever rocket river cat", "rocket rocket rocket river cat"]
    hints = prepare([*texts, "river cat", "Rivers river RIVER cat"], words, 90, {}).hints
    assert hints[0] == hints[2] == ("fever", "rocket", "river")
    assert hints[3] == ("rocket", "river")
    assert hints[4] == ("river",)
    made = prepare(["delta echo alpha bravo charlie"] * 3 + ["nothing"], words, 90, {})
    assert made.hints[0] == ("alpha", "bravo", "charlie")
    assert made.hints[3] == ()


def test_vectors_are_cached(tmp_path):
    calls = []

    def encode(texts):
        calls.append(texts)
        return np.arange(len(texts) * 3, dtype=np.float32).reshape(-1, 3)

    cache = tmp_path / "deep" / "vectors.npy"
    first = vectors_of(("a", "b"), encode, cache)
    second = vectors_of(("a", "b"), encode, cache)
    assert np.array_equal(first, second)
    assert [p.name for p in cache.parent.iterdir()] == ["vectors.npy"]
    assert vectors_of(("a", "b", "c"), encode, cache).shape == (3, 3)
    assert calls == [["a", "b"], ["a", "b", "c"]]


def test_word_frequencies_omit_names_and_frequent_words(tmp_path):
    texts = ["The cat saw The Cat.", "A cat and smith's dog.", "The dog, the smith and x-rays.", "the end of it"]
    pq.write_table(pa.table({"text": texts, "source": ["a", "a", "a", "b"]}), tmp_path / "x.parquet")
    asked = {"names": {"smith"}, "words": 9, "least": 2, "skip": 0}
    # "and", "cat", "dog" and "the" are in 2 of 3 passages, smith is a name, other words are in 1; ties by name
    counted = word_frequencies(tmp_path, exclude=("b",), **asked)
    assert list(counted.items()) == [("and", 2 / 3), ("cat", 2 / 3), ("dog", 2 / 3), ("the", 2 / 3)]
    assert list(word_frequencies(tmp_path, exclude=(), **{**asked, "skip": 1, "words": 2})) == ["and", "cat"]
    assert word_frequencies(tmp_path, exclude=("b",), **{**asked, "least": 1})["x-rays"] == 1 / 3
    with pytest.raises(DataError, match="only 0 words are in at least 4 passages"):
        word_frequencies(tmp_path, exclude=(), **{**asked, "least": 4})


def known(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@given(st.integers(2, 9), st.integers(1, 12), st.integers(2, 4), st.integers(0, 2**31))
def test_mix_vectors_interpolates_neighbours_with_the_nearest_target(n, b, d, seed):
    x, rng = known(n, d, seed), np.random.default_rng(seed)
    rows = rng.integers(n, size=b)
    targets, vectors = mix_vectors(rows, x, 1.0, np.random.default_rng(seed))
    for row, target, v in zip(rows, targets, vectors.astype(np.float64), strict=True):
        near = sorted((j for j in range(n) if j != row), key=lambda j: float(((x[j] - x[row]) ** 2).sum()))
        ways = x[near[:NEIGHBOURS]].astype(np.float64) - x[row]
        lam = np.clip(((v - x[row]) * ways).sum(axis=1) / (ways**2).sum(axis=1), 0, 1)
        assert np.abs(x[row] + lam[:, None] * ways - v).sum(axis=1).min() < 1e-4  # on a segment to a neighbour
        far = ((x - v) ** 2).sum(axis=1)
        assert far[target] <= far.min() + 1e-5


def test_mix_vectors_replaces_the_given_share():
    x, rng, rows = known(50, 4), np.random.default_rng(0), np.array([4, 0, 4])
    targets, vectors = mix_vectors(rows, x, 0.0, rng)
    assert targets is rows
    assert np.array_equal(vectors, x[rows])
    assert rng.random() == np.random.default_rng(0).random()  # nothing was drawn
    rows = np.arange(50).repeat(20)
    targets, vectors = mix_vectors(rows, x, 0.3, np.random.default_rng(1))
    own = (vectors == x[rows]).all(axis=1)
    assert 0.65 < own.mean() < 0.75
    assert (targets[own] == rows[own]).all()
    assert (targets[~own] != rows[~own]).any()
