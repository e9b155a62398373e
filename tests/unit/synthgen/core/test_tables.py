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
    role = draw(st.sampled_from(["source", "train", "control"]))
    return Corpus(role=role, records=records, has_groups=draw(st.booleans()))


@st.composite
def made(draw):
    ids = draw(st.lists(text, max_size=5, unique=True))
    m, d = len(ids), draw(st.integers(1, 4))
    parents, weights = [], []
    for _ in ids:
        parts = draw(st.lists(st.integers(1, 9), max_size=3))
        parents.append(tuple(draw(text) for _ in parts))
        weights.append(tuple(part / sum(parts) for part in parts))
    vectors = np.array(draw(st.lists(finite, min_size=m * d, max_size=m * d)), dtype=np.float32).reshape(m, d)
    words = tuple(tuple(draw(st.lists(text, max_size=2))) for _ in ids) if draw(st.booleans()) else ()
    rest = {"labels": tuple(draw(text) for _ in ids), "method": draw(text), "seed_path": draw(text)}
    rest |= {"parent_ids": tuple(parents), "weights": tuple(weights), "prompt_words": words}
    return Latents(vectors=vectors, ids=tuple(ids), **rest)


scores = st.floats(allow_nan=False)  # infinite where a filter has no score
outcomes = st.lists(st.builds(FilterOutcome, name=text, passed=st.booleans(), score=scores, reason=text), max_size=3)
finishes = {"finish": st.sampled_from(["stop", "length"]), "outcomes": outcomes.map(tuple)}
candidates = st.builds(Candidate, latent_id=text, index=st.integers(0, 63), text=text, label=text, **finishes)


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


@pytest.mark.parametrize("place", ["text=1", "id=é", "a b", "_hidden", ".hidden"])
@pytest.mark.parametrize("hard", HARD)
def test_every_character_survives_writing_and_reading_in_a_folder_of_any_name(tmp_path, place, hard):
    folder = tmp_path / place
    folder.mkdir()
    corpus = Corpus(role="train", records=(Record(id="r", text=hard, label=hard, group=hard),), has_groups=True)
    tables.write_corpus(folder / "c.parquet", corpus)
    assert tables.read_corpus(folder / "c.parquet", "train") == corpus
    candidate = Candidate(latent_id="x", index=2, text=hard, label=hard, finish="length")
    tables.write_candidates(folder / "k.parquet", (candidate,))
    assert tables.read_candidates(folder / "k.parquet") == (candidate,)


def test_segments_survive_writing_and_reading(tmp_path):
    rows = {"record_ids": (HARD[4], HARD[4], "", "r0"), "headings": ("", HARD[7], "plan", "plan")}
    segments = Segments(vectors=np.arange(12, dtype=np.float32).reshape(4, 3), sections=(0, 1, 0, 0), **rows)
    tables.write_segments(tmp_path, segments)
    back = tables.read_segments(tmp_path)
    np.testing.assert_array_equal(back.vectors, segments.vectors)
    assert (back.record_ids, back.headings, back.sections) == (
        segments.record_ids,
        segments.headings,
        segments.sections,
    )
