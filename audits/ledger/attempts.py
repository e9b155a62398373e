"""Count the audits of the same control persons across all runs of an institution.

If an audit is repeated with the same control persons until it passes, it can pass by chance: a new synthetic table,
seed, choice of audits or confidence gives another chance. Therefore the institution's ledger records every audit by
its control persons and by their texts. Each further audit of these persons must reach a higher confidence level; see
`audits.gate.rule`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audits.core.errors import InputError
from audits.core.types import Table
from audits.ledger.chain import Chain, Head, HighWaterMark, opened
from audits.ledger.persons import joined, person_marks, split, text_marks

# control persons count as new if at most this share of the persons and at most this share of their texts were
# audited before
MAX_REPEATED_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One audit in the ledger."""

    number: int  # number of the attempt on these control persons, from 1
    position: int  # position in the list of all audits of the ledger, on these or other control persons, from 1
    digest: str  # keyed digest of the audit's inputs and settings
    ledger: Head


def attempt(folder: Path, high_water_mark: HighWaterMark, *, digest: str, control: Table) -> Attempt:
    """Record an audit of these control records in the ledger, and return it with its number.

    An earlier entry counts as an attempt on the same control persons if it has a different `digest` and contains more
    than one hundredth of these persons or of these texts. An audit with the same digest is the same attempt.

    A text counts as audited before if more than half of its marks are among the marks of one earlier audit. To get
    the marks of a text, each sequence of 5 consecutive tokens is hashed with a key. Sequences that occur in another
    text of the table are ignored. The 4 smallest hashes are the marks. So texts are recognised despite changed
    spaces, encodings or ids, added words, or one changed word in ten. A template that all texts share has no effect.

    `digest` must cover everything that could change a verdict: tables, seed, audits, confidence, versions. `control`
    has the source records before identifiers are replaced, with group ids that are unique in the institution.

    Raises:
        InputError: the ledger cannot be used, was changed, replaced or rolled back.

    Privacy: the ledger contains keyed hashes of persons and of runs of words, and stays in the institution.
    """
    with opened(folder, high_water_mark) as chain:
        made = chain.mac(b"made\0" + digest.encode())
        persons, texts = person_marks(chain, control), text_marks(chain, control)
        earlier = _attempts_on(chain, persons, texts)
        if made not in earlier:
            marks = {"persons": joined(persons), "texts": joined(set().union(*texts))}
            chain.append({"made": made, "attempt": len(earlier) + 1, **marks})
        return _found(chain, made)


def check_ledger(folder: Path, high_water_mark: HighWaterMark) -> None:
    """Check that an attempt could be recorded in the ledger; create the ledger if there is none.

    Raises:
        InputError: see `attempt`.
    """
    with opened(folder, high_water_mark):
        pass


def attempts_before(folder: Path, high_water_mark: HighWaterMark, *, control: Table) -> int:
    """Return the number of attempts on these control records, counted as by `attempt`, without recording one.

    Raises:
        InputError: see `attempt`.
    """
    with opened(folder, high_water_mark) as chain:
        return len(_attempts_on(chain, person_marks(chain, control), text_marks(chain, control)))


def recorded_attempt(folder: Path, high_water_mark: HighWaterMark, digest: str) -> Attempt:
    """Return the attempt with this keyed digest from the ledger.

    Raises:
        InputError: the ledger does not contain the attempt, or cannot be used (see `attempt`).
    """
    with opened(folder, high_water_mark) as chain:
        if digest not in {entry["made"] for entry in _entries(chain)}:
            hint = "Run the audits again, so that the attempt is counted."
            raise InputError(f"the ledger {folder} does not contain this run's attempt", hint=hint)
        return _found(chain, digest)


def _entries(chain: Chain) -> list[Mapping[str, Any]]:
    """Return the entries that are attempts; the chain also contains the entries of `audits.ledger.budgets`."""
    return [entry for entry in chain.entries if "attempt" in entry]


def _found(chain: Chain, digest: str) -> Attempt:
    entries = _entries(chain)
    number = next(entry["attempt"] for entry in reversed(entries) if entry["made"] == digest)
    position = list(dict.fromkeys(entry["made"] for entry in entries)).index(digest) + 1
    return Attempt(number=number, position=position, digest=digest, ledger=chain.head())


def _attempts_on(chain: Chain, persons: set[str], texts: list[set[str]]) -> list[str]:
    """Return the distinct digests of the earlier attempts on these control persons, oldest first."""
    found: list[str] = []
    for entry in _entries(chain):
        before = split(entry["texts"])
        n_persons = len(persons & split(entry["persons"]))
        n_texts = sum(2 * len(text & before) > len(text) for text in texts)
        is_repeated = n_persons > MAX_REPEATED_SHARE * len(persons) or n_texts > MAX_REPEATED_SHARE * len(texts)
        if is_repeated and entry["made"] not in found:
            found.append(entry["made"])
    return found
