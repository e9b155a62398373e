"""Link a release, its review page, and the approval of the person who read the page.

The page states the sha256 of the signed statement of the release. The approval states the sha256 of the page.
"""

import hashlib
import hmac
import re
from pathlib import Path

from synthgen.core.errors import DataError
from synthgen.core.files import read_bytes

NO_RELEASE = "none"  # the page states this in place of a digest if the run has no release
_RELEASE_TAG = re.compile(rb'<meta name="synthgen-release" content="([0-9a-f]{64}|none)">')


def page_marker(key: bytes) -> str:
    """Return a secret value of 64 hex digits, which makes the digest of the page impossible to guess.

    Without the marker, someone who knows all records of the page except one could guess this record, make the page,
    and compare its digest with the signed digest. The marker is an HMAC of a fixed text. `key` is the commitment key,
    32 random bytes that stay in the workspace.
    """
    return hmac.digest(key, b"synthgen/review-page/v1\0", "sha256").hex()


def page_digest(path: Path, release: str) -> str:
    """Return the sha256 of the review page of a release; `release` is the sha256 of the release statement.

    Raise DataError if the file is not the review page of this release, and StorageError if it cannot be read.

    Privacy: reads the page, which shows records of the source; the result is only a digest (see `page_marker`).
    """
    data = read_bytes(path)
    named = _RELEASE_TAG.findall(data)
    if len(named) != 1:
        raise DataError(f"{path}: is not a review page", hint="`synthgen review WORKSPACE` writes the page.")
    if named[0].decode() != release:
        what = "a run that was not released" if named[0].decode() == NO_RELEASE else "another release"
        hint = "`synthgen review WORKSPACE` writes the page for the newest bundle of the run in `release.out`."
        move = "To sign an older bundle, first move the newer ones to another folder."
        raise DataError(f"{path}: is the review page of {what}, so nothing was signed", hint=f"{hint} {move}")
    return hashlib.sha256(data).hexdigest()
