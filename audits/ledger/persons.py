"""Recognise persons and texts of earlier audits by keyed hashes (marks); the ledger stores no name and no text."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable

from audits.core.types import Table
from audits.ledger.chain import Chain
from audits.text.normalise import tokens

RUN = 5  # number of consecutive words in a run; a small edit changes few of the runs of a text
MARKS = 4  # largest number of marks of a text; a text is recognised if more than half of its marks are found
_DIGITS = 16  # hex digits of a mark


def person_marks(chain: Chain, table: Table) -> set[str]:
    """Return the mark of each person, or an empty set if the table has no person ids."""
    if not table.has_groups:
        return set()
    return {chain.mac(b"person\0" + _plain(group).encode())[:_DIGITS] for group in table.groups}


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if c.isalnum()) or name


def text_marks(chain: Chain, table: Table) -> list[set[str]]:
    """Return the marks of each distinct text: the `MARKS` smallest hashes of runs that only this text has.

    A text without such a run, such as an empty form, is omitted.
    """
    key = bytes.fromhex(chain.mac(b"text"))
    runs = [_runs(words, key) for words in {tuple(tokens(text)) for text in table.texts} if words]
    n_texts = Counter(run for of_text in runs for run in of_text)
    unshared = (sorted(run for run in of_text if n_texts[run] == 1)[:MARKS] for of_text in runs)
    return [set(kept) for kept in unshared if kept]


def _runs(words: tuple[str, ...], key: bytes) -> set[str]:
    runs = {" ".join(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1))}  # short texts are one run
    encoded = (run.encode("utf-8", "surrogatepass") for run in runs)
    return {hashlib.blake2b(run, digest_size=_DIGITS // 2, key=key).hexdigest() for run in encoded}


def joined(hashes: Iterable[str]) -> str:
    """Return marks as one string, sorted so that their order reveals nothing."""
    return "".join(sorted(hashes))


def split(marks: str) -> set[str]:
    """Return the marks in a string that `joined` made."""
    return {marks[i : i + _DIGITS] for i in range(0, len(marks), _DIGITS)}
