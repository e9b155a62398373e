import hashlib
import hmac
import unicodedata

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from synthgen.core.errors import DataError
from synthgen.release.commitment import Opening, commit_records, is_committed, open_record

KEY = bytes(range(32))
TEXTS = [f"note {i} caf\u00e9" for i in range(11)]


def root_of(made):
    return made["commitment"]["root"]


def reference_root(role, texts, key):
    """Compute the root by the definition of RFC 6962, with recursive halves."""

    def derive(info):
        return HKDF(SHA256(), 32, salt=None, info=info).derive(key)

    def leaf(i):
        k = derive(b"rec" + role.encode() + b"\0" + i.to_bytes(8, "big"))
        text = unicodedata.normalize("NFC", texts[i]).encode()
        return hmac.new(k, b"synthgen/rec/v1\0" + text, hashlib.sha256).digest()

    order = derive(b"order" + role.encode())
    places = sorted(range(len(texts)), key=lambda i: hmac.new(order, i.to_bytes(8, "big"), hashlib.sha256).digest())
    leaves = [leaf(i) for i in places]
    while len(leaves) & (len(leaves) - 1):
        leaves.append(derive(b"pad" + role.encode() + b"\0" + len(leaves).to_bytes(8, "big")))

    def tree(part):
        if len(part) == 1:
            return hashlib.sha256(b"\0" + part[0]).digest()
        half = len(part) // 2
        return hashlib.sha256(b"\1" + tree(part[:half]) + tree(part[half:])).digest()

    return tree(leaves).hex()


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 11])
def test_root_equals_the_definition_and_every_record_opens(n):
    made = commit_records("train", TEXTS[:n], KEY)
    assert root_of(made) == reference_root("train", TEXTS[:n], KEY)
    for i in range(n):
        opening = open_record("train", TEXTS[:n], KEY, i)
        assert is_committed(root_of(made), TEXTS[i], opening)
        assert is_committed(root_of(made), unicodedata.normalize("NFD", TEXTS[i]), opening)
        assert not is_committed(root_of(made), TEXTS[i] + "x", opening)


def test_opening_proves_only_its_own_record_and_no_plain_hash_of_a_text_is_committed():
    made = str(commit_records("train", TEXTS, KEY))
    for text in TEXTS:
        for plain in (text.encode(), b"synthgen/rec/v1\0" + text.encode(), b"\0" + text.encode()):
            assert hashlib.sha256(plain).hexdigest() not in made
    root = root_of(commit_records("train", TEXTS, KEY))
    opening = open_record("train", TEXTS, KEY, 4)
    assert [is_committed(root, text, opening) for text in TEXTS] == [i == 4 for i in range(11)]
    for position in (opening.position ^ 1, opening.position + (1 << len(opening.path)), opening.position - 16):
        assert not is_committed(root, TEXTS[4], Opening(opening.key, position, opening.path))
    assert KEY not in (opening.key, *opening.path)


def test_root_depends_on_role_key_and_order():
    others = (("control", TEXTS, KEY), ("train", TEXTS, KEY[::-1]), ("train", TEXTS[::-1], KEY))
    assert len({root_of(commit_records(*given)) for given in (("train", TEXTS, KEY), *others)}) == 4


def test_a_commitment_to_no_records_is_refused():
    with pytest.raises(DataError, match="no train records"):
        commit_records("train", [], KEY)
