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
    plain = {"exclude": (), "limit": 100, "max_per_source": 100, "seed": 5}
    return read_passages(folder, **{**plain, **changes})


@pytest.fixture
def folder(tmp_path, tiny):
    texts = tiny.sentences(23)
    write(tmp_path / "c", "one", texts[:9], ["web"] * 9)
    write(tmp_path / "c", "two", texts[9:], ["news"] * 7 + ["private"] * 7)
    return tmp_path / "c"


def test_excluded_sources_never_come_in(folder, tiny):
    texts, counts = read(folder, exclude=("private",))
    assert counts == {"news": 7, "web": 9}
    assert set(texts) == set(tiny.sentences(23)[:16])


def test_no_source_gives_more_than_its_share(folder):
    texts, counts = read(folder, max_per_source=4)
    assert counts == {"news": 4, "private": 4, "web": 4}
    assert len(texts) == 12


def test_the_limit(folder):
    texts, counts = read(folder, limit=5)
    assert len(texts) == sum(counts.values()) == 5
    assert texts == read(folder)[0][:5]


def test_the_order_of_files_and_rows_decides_nothing(folder, tmp_path, tiny):
    texts = tiny.sentences(23)
    sources = ["web"] * 9 + ["news"] * 7 + ["private"] * 7
    order = np.random.default_rng(1).permutation(23)
    write(tmp_path / "other", "z", [texts[i] for i in order[:11]], [sources[i] for i in order[:11]])
    write(tmp_path / "other", "a", [texts[i] for i in order[11:]], [sources[i] for i in order[11:]])
    assert read(tmp_path / "other", limit=8) == read(folder, limit=8)


def test_the_seed_decides(folder):
    assert read(folder)[0] == read(folder)[0]
    assert read(folder, seed=6)[0] != read(folder)[0]


def test_white_space_is_made_plain(tmp_path):
    write(tmp_path / "c", "x", [" a\n\n b\tc. "], ["web"])
    assert read(tmp_path / "c") == (["a b c."], {"web": 1})


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(DataError, match="contains no parquet table"):
        read(tmp_path)


def test_a_missing_column_is_named(tmp_path):
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="column source and text is missing"):
        read(tmp_path)


@pytest.mark.parametrize(("texts", "sources"), [([None, "a"], ["web", "web"]), (["b", "a"], [None, "web"])])
def test_a_missing_value_is_refused(tmp_path, texts, sources):
    write(tmp_path / "c", "x", texts, sources)
    with pytest.raises(DataError, match="no text or no source"):
        read(tmp_path / "c")


def test_nothing_left_is_refused(folder):
    with pytest.raises(DataError, match="no passage is left without"):
        read(folder, exclude=("web", "news", "private"))


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


def test_a_first_sentence_that_is_too_long_is_cut_without_an_end(words):
    text = "The doctor sees the patient and the fever of the river garden."
    made = prepare([text], words, 6, {})
    assert made.lengths.tolist() == [5]
    assert made.tokens[0, :5].tolist() == ids_of(words, text)[:5]
    assert made.texts == (words.decode(ids_of(words, text)[:5]),)
    assert text.startswith(made.texts[0])


def test_a_text_that_fits_is_kept_whole(words):
    text = "The doctor sees. A rocket? The river"
    made = prepare([text], words, 60, {"web": 1})
    assert made.texts == (text,)
    assert made.sources == {"web": 1}
    assert made.lengths[0] == len(ids_of(words, text)) + 1


def test_hints_put_the_rarest_first(words):
    # in 6 texts: fever in 3, rocket in 4, river in 6, garden in 2 (too few to be a hint), "cat" too short
    texts = [
        "fever rocket river garden cat",
        "fever rocket river garden cat",
        "fever rocket river cat",
        "rocket rocket rocket river cat",
        "river cat",
        "Rivers river RIVER cat",
    ]
    hints = prepare(texts, words, 90, {}).hints
    assert hints[0] == hints[2] == ("fever", "rocket", "river")
    assert hints[3] == ("rocket", "river")
    assert hints[4] == ("river",)


def test_at_most_three_hints_and_ties_by_name(words):
    made = prepare(["delta echo alpha bravo charlie"] * 3 + ["nothing"], words, 90, {})
    assert made.hints[0] == ("alpha", "bravo", "charlie")
    assert made.hints[3] == ()


def test_vectors_are_made_once(tmp_path):
    calls = []

    def encode(texts):
        calls.append(texts)
        return np.arange(len(texts) * 3, dtype=np.float32).reshape(-1, 3)

    cache = tmp_path / "deep" / "vectors.npy"
    first = vectors_of(("a", "b"), encode, cache)
    second = vectors_of(("a", "b"), encode, cache)
    assert np.array_equal(first, second)
    assert calls == [["a", "b"]]
    assert [p.name for p in cache.parent.iterdir()] == ["vectors.npy"]
    assert vectors_of(("a", "b", "c"), encode, cache).shape == (3, 3)
    assert len(calls) == 2


def test_the_vocabulary_counts_passages_and_leaves_out_names_and_the_commonest(tmp_path):
    texts = ["The cat saw The Cat.", "A cat and smith's dog.", "The dog, the smith and x-rays.", "the end of it"]
    pq.write_table(pa.table({"text": texts, "source": ["a", "a", "a", "b"]}), tmp_path / "x.parquet")
    asked = {"names": {"smith"}, "words": 9, "least": 2, "skip": 0}
    # of three passages: and 2, cat 2, dog 2, the 2; smith is a name, all others stand in one; ties by name
    counted = word_frequencies(tmp_path, exclude=("b",), **asked)
    assert list(counted.items()) == [("and", 2 / 3), ("cat", 2 / 3), ("dog", 2 / 3), ("the", 2 / 3)]
    assert list(word_frequencies(tmp_path, exclude=(), **{**asked, "skip": 1, "words": 2})) == ["and", "cat"]
    assert word_frequencies(tmp_path, exclude=("b",), **{**asked, "least": 1})["x-rays"] == 1 / 3
    with pytest.raises(DataError, match="no word is in 4 passages"):
        word_frequencies(tmp_path, exclude=(), **{**asked, "least": 4})


def known(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@given(st.integers(2, 9), st.integers(1, 12), st.integers(2, 4), st.integers(0, 2**31))
def test_each_vector_lies_between_a_passage_and_a_near_one_and_is_written_as_the_nearest(n, b, d, seed):
    x, rng = known(n, d, seed), np.random.default_rng(seed)
    rows = rng.integers(n, size=b)
    targets, vectors = mix_vectors(rows, x, 1.0, np.random.default_rng(seed))
    for row, target, v in zip(rows, targets, vectors.astype(np.float64), strict=True):
        near = sorted((j for j in range(n) if j != row), key=lambda j: float(((x[j] - x[row]) ** 2).sum()))
        ways = x[near[:NEIGHBOURS]].astype(np.float64) - x[row]
        lam = np.clip(((v - x[row]) * ways).sum(axis=1) / (ways**2).sum(axis=1), 0, 1)
        assert np.abs(x[row] + lam[:, None] * ways - v).sum(axis=1).min() < 1e-4  # on one of the segments
        far = ((x - v) ** 2).sum(axis=1)
        assert far[target] <= far.min() + 1e-5


def test_nothing_is_mix_vectors_and_nothing_drawn_without_a_share():
    x, rng = known(6, 3), np.random.default_rng(0)
    rows = np.array([4, 0, 4])
    targets, vectors = mix_vectors(rows, x, 0.0, rng)
    assert targets is rows
    assert np.array_equal(vectors, x[rows])
    assert rng.random() == np.random.default_rng(0).random()


def test_about_the_share_is_mix_vectors_and_the_rest_left_as_it_is():
    x = known(50, 4)
    rows = np.arange(50).repeat(20)
    targets, vectors = mix_vectors(rows, x, 0.3, np.random.default_rng(1))
    own = (vectors == x[rows]).all(axis=1)
    assert 0.65 < own.mean() < 0.75
    assert (targets[own] == rows[own]).all()
    assert (targets[~own] != rows[~own]).any()
