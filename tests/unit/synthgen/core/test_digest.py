import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.digest import sha256_array, sha256_bytes, sha256_file, sha256_json, sha256_texts

# SHA-256 of the empty message and of "abc", from FIPS 180-4
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
texts = st.lists(st.text(), max_size=5)


def test_bytes_and_files_have_the_published_digests(tmp_path):
    assert (sha256_bytes(b""), sha256_bytes(b"abc")) == (EMPTY, ABC)
    for data in (b"abc", bytes(range(256)) * 4097):  # the second is longer than one read
        (tmp_path / "f").write_bytes(data)
        assert sha256_file(tmp_path / "f") == sha256_bytes(data)


@given(st.dictionaries(st.text(), st.integers(-9, 9), min_size=2))
def test_json_digest_is_canonical_and_ignores_the_order_of_keys(value):
    assert sha256_json({"b": [1.0, "é"], "a": None}) == sha256_bytes('{"a":null,"b":[1,"é"]}'.encode())
    assert sha256_json([]) == sha256_bytes(b"[]")
    assert sha256_json(value) == sha256_json(dict(reversed(value.items())))


def test_texts_digest_prefixes_each_text_with_its_length_in_bytes():
    wanted = b"\0" * 7 + b"\x02\xc3\xa9" + b"\0" * 8 + b"\0" * 7 + b"\x01b"
    assert (sha256_texts(["é", "", "b"]), sha256_texts([])) == (sha256_bytes(wanted), EMPTY)


@given(texts, texts, st.data())
def test_texts_digest_differs_between_sequences_and_depends_on_the_cuts(parts, other, data):
    joined = "".join(parts)
    cut = data.draw(st.integers(0, len(joined)))
    for another in (other, [joined[:cut], joined[cut:]]):
        assert (sha256_texts(parts) == sha256_texts(another)) == (parts == another)


def test_array_digest_covers_dtype_shape_and_values():
    array = np.array([[1, 2, 3], [4, 5, 6]], dtype="<f4")
    assert sha256_array(array) == hashlib.sha256(b"<f4(2, 3)" + array.tobytes()).hexdigest()
    shapes = ((2, 3), (3, 2), (6,), (2, 3, 1))
    zeros = [np.zeros(shape, dtype="<f4") for shape in shapes]
    zeros += [np.zeros((2, 3), dtype=dtype) for dtype in ("<i4", ">f4", "<f8")]
    different = [array, *zeros, np.array([[0, 0, 0], [0, 0, 1]], dtype="<f4"), np.array(1.0), np.array([1.0])]
    assert len(set(map(sha256_array, different))) == len(different)


def test_array_digest_ignores_the_memory_layout():
    array = np.arange(15, dtype=np.float32).reshape(3, 5)
    assert sha256_array(np.asfortranarray(array)) == sha256_array(array)
    assert sha256_array(np.arange(30, dtype=np.float32)[::2]) == sha256_array(np.arange(0, 30, 2, dtype=np.float32))
