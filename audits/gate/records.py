"""The digest that links a table to its measurements."""

import hashlib
from collections.abc import Iterable, Sequence

from audits.core.strictjson import canonical


def records_digest(texts: Sequence[str], labels: Iterable[str] | None) -> str:
    """Return the sha256 of the labelled texts of a table, independent of their order.

        sha256(concatenation of the sorted sha256(RFC 8785 of [text, label]))

    If `labels` is None, null replaces each label.
    """
    paired = zip(texts, [None] * len(texts) if labels is None else labels, strict=True)
    rows = sorted(hashlib.sha256(canonical([text, label])).digest() for text, label in paired)
    return hashlib.sha256(b"".join(rows)).hexdigest()
