import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.digest import sha256_array, sha256_bytes, sha256_file, sha256_json, sha256_texts

# FIPS 180-4, the empty message and "abc"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
texts = st.lists(st.text(), max_size=5)


def test_bytes_and_files_have_the_published_digests(tmp_path):
    assert (sha256_bytes(b""), sha256_bytes(b"abc")) == (EMPTY, ABC)
    for data in (b"abc", bytes(range(256)) * 4097):  # the second is longer than one read
        (tmp_path / "f").write_bytes(data)
        assert sha256_file(tmp_path / "f") == sha256_bytes(data)


def test_json_digest_is_canonical():
    assert sha256_json({"b": [1.0, "é"], "a": None}) == sha256_bytes('{"a":null,"b":[1,"é"]}'.encode())
    assert sha256_json([]) == sha256_bytes(b"[]")


@given(st.dictionaries(st.text(), st.integers(-9, 9), min_size=2))
def test_json_digest_ignores_the_order_of_keys(value):
    assert sha256_json(value) == sha256_json(dict(reversed(value.items())))


def test_texts_digest_prefixes_each_text_with_its_length_in_bytes():
    wanted = b"\0" * 7 + b"\x02\xc3\xa9" + b"\0" * 8 + b"\0" * 7 + b"\x01b"
    assert (sha256_texts(["é", "", "b"]), sha256_texts([])) == (sha256_bytes(wanted), EMPTY)


@given(texts, texts)
def test_texts_digest_differs_between_sequences(one, other):
    assert (sha256_texts(one) == sha256_texts(other)) == (one == other)


@given(texts, st.data())
def test_texts_digest_depends_on_the_cuts_between_texts(parts, data):
    joined = "".join(parts)
    cut = data.draw(st.integers(0, len(joined)))
    again = [joined[:cut], joined[cut:]]
    assert (sha256_texts(parts) == sha256_texts(again)) == (parts == again)


def test_array_digest_covers_dtype_shape_and_values():
    array = np.array([[1, 2, 3], [4, 5, 6]], dtype="<f4")
    assert sha256_array(array) == hashlib.sha256(b"<f4(2, 3)" + array.tobytes()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((3, 2), dtype="<f4"),
        np.zeros(6, dtype="<f4"),
        np.zeros((2, 3, 1), dtype="<f4"),
        np.zeros((2, 3), dtype="<i4"),
        np.zeros((2, 3), dtype=">f4"),
        np.zeros((2, 3), dtype="<f8"),
        np.array([[0, 0, 0], [0, 0, 1]], dtype="<f4"),
    ],
)
def test_array_digest_differs_for_another_shape_dtype_or_value(other):
    assert sha256_array(np.zeros((2, 3), dtype="<f4")) != sha256_array(other)


def test_array_digest_differs_between_a_number_and_an_array_of_one_number():
    assert sha256_array(np.array(1.0)) != sha256_array(np.array([1.0]))


def test_array_digest_ignores_the_memory_layout():
    array = np.arange(15, dtype=np.float32).reshape(3, 5)
    assert sha256_array(np.asfortranarray(array)) == sha256_array(array)
    assert sha256_array(np.arange(30, dtype=np.float32)[::2]) == sha256_array(np.arange(0, 30, 2, dtype=np.float32))
