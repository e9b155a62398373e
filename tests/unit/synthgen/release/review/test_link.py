import hashlib
import hmac

import pytest

from synthgen.core.errors import DataError, StorageError
from synthgen.release.review.link import NO_RELEASE, page_digest, page_marker

RELEASE = "5e" * 32


def page(folder, *contents):
    path = folder / "page.html"
    path.write_text(
        "<head>" + "\n".join(f'<meta name="synthgen-release" content="{c}">' for c in contents) + "</head>"
    )
    return path


def test_the_marker_is_a_keyed_hash_that_differs_between_keys():
    expected = hmac.new(b"k" * 32, b"synthgen/review-page/v1\0", hashlib.sha256).hexdigest()
    assert page_marker(b"k" * 32) == expected != page_marker(b"l" * 32)


def test_the_digest_is_that_of_the_whole_page(tmp_path):
    path = page(tmp_path, RELEASE)
    assert page_digest(path, RELEASE) == hashlib.sha256(path.read_bytes()).hexdigest()
    before = page_digest(path, RELEASE)
    path.write_text(path.read_text() + "<p>a note of the reader</p>")
    assert page_digest(path, RELEASE) != before


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (("0" * 64,), "the review page of another release"),
        ((NO_RELEASE,), "the review page of a run that was not released"),
        ((), "is not a review page"),
        ((RELEASE, RELEASE), "is not a review page"),
        ((RELEASE, "0" * 64), "is not a review page"),
        ((RELEASE[:-1],), "is not a review page"),
        ((RELEASE.upper(),), "is not a review page"),
    ],
)
def test_a_page_that_does_not_name_exactly_this_release_is_refused(tmp_path, contents, message):
    with pytest.raises(DataError, match=message) as refused:
        page_digest(page(tmp_path, *contents), RELEASE)
    assert "synthgen review WORKSPACE" in refused.value.hint
    if message.startswith("the review page"):
        assert "newest bundle of the run in `release.out`" in refused.value.hint


def test_a_page_that_cannot_be_read_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "missing.html"):
        with pytest.raises(StorageError, match="cannot be read"):
            page_digest(path, RELEASE)
