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
    assert sha256_bytes(b"") == EMPTY
    assert sha256_bytes(b"abc") == ABC
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256_file(tmp_path / "f") == ABC


def test_a_file_longer_than_one_read_is_read_to_its_end(tmp_path):
    data = bytes(range(256)) * 4097
    (tmp_path / "f").write_bytes(data)
    assert len(data) > 1 << 20
    assert sha256_file(tmp_path / "f") == sha256_bytes(data)


def test_json_is_canonical():
    assert sha256_json({"b": [1.0, "é"], "a": None}) == sha256_bytes('{"a":null,"b":[1,"é"]}'.encode())
    assert sha256_json([]) == sha256_bytes(b"[]")


@given(st.dictionaries(st.text(), st.integers(-9, 9), min_size=2))
def test_the_order_of_keys_does_not_matter(value):
    assert sha256_json(value) == sha256_json(dict(reversed(value.items())))


def test_texts_are_prefixed_by_their_length_in_bytes():
    wanted = b"\0" * 7 + b"\x02\xc3\xa9" + b"\0" * 8 + b"\0" * 7 + b"\x01b"
    assert sha256_texts(["é", "", "b"]) == sha256_bytes(wanted)
    assert sha256_texts([]) == EMPTY


@given(texts, texts)
def test_two_sequences_of_texts_never_collide(one, other):
    assert (sha256_texts(one) == sha256_texts(other)) == (one == other)


@given(texts, st.data())
def test_where_the_cut_is_matters(parts, data):
    joined = "".join(parts)
    cut = data.draw(st.integers(0, len(joined)))
    again = [joined[:cut], joined[cut:]]
    assert (sha256_texts(parts) == sha256_texts(again)) == (parts == again)


def test_an_array_is_its_dtype_shape_and_values():
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
def test_another_shape_dtype_or_value_is_another_digest(other):
    assert sha256_array(np.zeros((2, 3), dtype="<f4")) != sha256_array(other)


def test_a_number_is_not_a_list_of_one():
    assert sha256_array(np.array(1.0)) != sha256_array(np.array([1.0]))


def test_the_layout_in_memory_does_not_matter():
    array = np.arange(15, dtype=np.float32).reshape(3, 5)
    assert sha256_array(np.asfortranarray(array)) == sha256_array(array)
    assert sha256_array(np.arange(30, dtype=np.float32)[::2]) == sha256_array(np.arange(0, 30, 2, dtype=np.float32))
