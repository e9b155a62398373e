import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core import tables
from synthgen.core.types import Candidate, Corpus, FilterOutcome, Latents, Record, Segments

text = st.text()  # any character but halves of surrogate pairs, which no record has
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
HARD = [
    "", " ", "\0", "é\u0301", "漢字", "🙂👩‍⚕️", "\u202eabc", "line\nline\r\n", '"quoted", {json}', "null", "\U0010ffff"
]  # fmt: skip


@st.composite
def corpora(draw):
    rows = draw(st.lists(st.tuples(text, text, text, text), max_size=6, unique_by=lambda row: row[0]))
    records = tuple(Record(id=i, text=t, label=label, group=g) for i, t, label, g in rows)
    return Corpus(
        role=draw(st.sampled_from(["source", "train", "control"])), records=records, has_groups=draw(st.booleans())
    )


@st.composite
def made(draw):
    ids = draw(st.lists(text, max_size=5, unique=True))
    m, d = len(ids), draw(st.integers(1, 4))
    parents, weights = [], []
    for _ in ids:
        parts = draw(st.lists(st.integers(1, 9), max_size=3))
        parents.append(tuple(draw(text) for _ in parts))
        weights.append(tuple(part / sum(parts) for part in parts))
    values = draw(st.lists(finite, min_size=m * d, max_size=m * d))
    return Latents(
        vectors=np.array(values, dtype=np.float32).reshape(m, d),
        ids=tuple(ids),
        labels=tuple(draw(text) for _ in ids),
        parent_ids=tuple(parents),
        weights=tuple(weights),
        method=draw(text),
        seed_path=draw(text),
        prompt_words=tuple(tuple(draw(st.lists(text, max_size=2))) for _ in ids) if draw(st.booleans()) else (),
    )


outcomes = st.builds(
    FilterOutcome, name=text, passed=st.booleans(), score=st.floats(allow_nan=False), reason=text
)  # infinite where a filter has no score
candidates = st.builds(
    Candidate,
    latent_id=text,
    index=st.integers(0, 63),
    text=text,
    label=text,
    finish=st.sampled_from(["stop", "length"]),
    outcomes=st.lists(outcomes, max_size=3).map(tuple),
)


@given(corpora())
def test_corpus_survives_writing_and_reading(tmp_path_factory, corpus):
    path = tmp_path_factory.mktemp("corpus") / "records.parquet"
    tables.write_corpus(path, corpus)
    back = tables.read_corpus(path, corpus.role)
    assert (back, back.digest, tables.read_corpus(path, "control").role) == (corpus, corpus.digest, "control")


@given(made())
def test_latents_survive_writing_and_reading(tmp_path_factory, latents):
    folder = tmp_path_factory.mktemp("latents")
    tables.write_latents(folder, latents)
    back = tables.read_latents(folder)
    assert (back.vectors.dtype, back.vectors.shape) == (np.float32, latents.vectors.shape)
    assert back.vectors.tobytes() == latents.vectors.tobytes()
    for name in ("ids", "labels", "parent_ids", "weights", "method", "seed_path", "prompt_words"):
        assert getattr(back, name) == getattr(latents, name)


@given(st.lists(candidates, max_size=4).map(tuple))
def test_candidates_survive_writing_and_reading(tmp_path_factory, given_candidates):
    path = tmp_path_factory.mktemp("candidates") / "kept.parquet"
    tables.write_candidates(path, given_candidates)
    assert tables.read_candidates(path) == given_candidates


@pytest.mark.parametrize("hard", HARD)
def test_every_character_survives_writing_and_reading(tmp_path, hard):
    corpus = Corpus(role="train", records=(Record(id="r", text=hard, label=hard, group=hard),), has_groups=True)
    tables.write_corpus(tmp_path / "c.parquet", corpus)
    assert tables.read_corpus(tmp_path / "c.parquet", "train") == corpus
    candidate = Candidate(latent_id="x", index=2, text=hard, label=hard, finish="length")
    tables.write_candidates(tmp_path / "k.parquet", (candidate,))
    assert tables.read_candidates(tmp_path / "k.parquet") == (candidate,)


@pytest.mark.parametrize("place", ["text=1", "id=é", "a b", "_hidden", ".hidden"])
def test_corpus_can_be_stored_in_a_folder_of_any_name(tmp_path, place):
    (tmp_path / place).mkdir()
    corpus = Corpus(role="train", records=(Record(id="r", text="t", label="a", group="g"),), has_groups=True)
    tables.write_corpus(tmp_path / place / "c.parquet", corpus)
    assert tables.read_corpus(tmp_path / place / "c.parquet", "train") == corpus


def test_segments_survive_writing_and_reading(tmp_path):
    segments = Segments(
        vectors=np.arange(12, dtype=np.float32).reshape(4, 3),
        owners=(HARD[4], HARD[4], "", "r0"),
        headings=("", HARD[7], "plan", "plan"),
        sections=(0, 1, 0, 0),
    )
    tables.write_segments(tmp_path, segments)
    back = tables.read_segments(tmp_path)
    np.testing.assert_array_equal(back.vectors, segments.vectors)
    assert (back.owners, back.headings, back.sections) == (segments.owners, segments.headings, segments.sections)
