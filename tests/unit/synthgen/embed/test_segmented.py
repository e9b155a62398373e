import numpy as np
import pytest

from synthgen.embed.segmented import SegmentedEncoder
from synthgen.segment import Splitter


class Lengths:
    """A stand-in encoder: a vector has the number of words and 1 + the number of letters "a", at unit length."""

    name, digest, dim, max_tokens, normalized = "lengths", "d" * 64, 2, 9, True

    def __init__(self):
        self.seen = []

    def encode(self, texts, progress=None):
        self.seen.append(list(texts))
        if progress is not None:
            for _ in set(texts):
                progress(1)
        vectors = np.array([[len(t.split()), 1 + t.count("a")] for t in texts], dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


NOTE = "PLAN\nrest a day a week\n\nHISTORY\n\nPLAN\nbanana"


@pytest.fixture
def encoder():
    return SegmentedEncoder(Lengths(), Splitter(50, {"plan": "PLAN", "history": "HISTORY"}))


def test_record_vector_is_the_mean_of_its_segments_without_headings(encoder):
    vectors = encoder.encode([NOTE, "plain words", NOTE])
    assert set(encoder.encoder.seen[0]) == {"rest a day a week", "banana", "plain words"}
    parts = encoder.encoder.encode(["rest a day a week", "banana"])
    mean = parts.sum(axis=0)
    np.testing.assert_allclose(vectors[0], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    np.testing.assert_allclose(vectors[1], encoder.encoder.encode(["plain words"])[0], atol=1e-6)
    assert vectors.dtype == np.float32


def test_segments_have_record_heading_and_section(encoder):
    found = encoder.segments(["n1", "n2"], [NOTE, "plain words"])
    assert (found.record_ids, found.headings, found.sections) == (("n1", "n1", "n2"), ("plan", "plan", ""), (0, 2, 0))


def test_text_of_headings_alone_has_a_vector(encoder):
    assert encoder.encode([]).shape == (0, 2)
    assert encoder.encode(["PLAN"]).shape == (1, 2)
    assert encoder.encoder.seen == [["PLAN"]]


def test_segmented_encoder_reports_each_text_once(encoder):
    reported = []
    encoder.encode([NOTE, "plain words", NOTE, "more"], reported.append)
    assert sum(reported) == 3


def test_digest_depends_on_encoder_and_splitter(encoder):
    other = SegmentedEncoder(Lengths(), Splitter(40, encoder.splitter.headings))
    assert len({encoder.digest, other.digest, Lengths.digest}) == 3
    assert (encoder.name, encoder.dim, encoder.max_tokens, encoder.normalized) == ("lengths", 2, 9, True)
