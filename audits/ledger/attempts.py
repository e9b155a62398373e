"""Count the audits of the same control persons across all runs of an institution.

An audit compares the train persons with control persons, whose records the generator never saw. If the audit is
repeated with the same control persons until it passes, it can pass by chance. Therefore the ledger records the
control persons and their texts for every audit, as keyed hashes (marks). Each audit of the same control persons is an
attempt, and each further attempt must reach a higher confidence (`audits.gate.rule.confidence_of`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audits.core.errors import InputError
from audits.core.types import Table
from audits.ledger.chain import Chain, Head, HighWaterMark, opened
from audits.ledger.persons import joined, person_marks, split, text_marks

MAX_REPEATED_SHARE = 0.01  # see `record_attempt`


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One audit in the ledger."""

    number: int  # position among the audits of the same control persons, counted from 1
    position: int  # position among all audits in the ledger, counted from 1
    digest: str  # keyed digest of the audit's inputs and settings
    ledger: Head  # head (state) of the ledger when this entry was read


def record_attempt(folder: Path, high_water_mark: HighWaterMark, *, digest: str, control: Table) -> Attempt:
    """Record an audit of the persons in `control` in the ledger, and return this attempt with its number.

    An earlier audit counts as an attempt on the same control persons if its entry contains more than 1 % of the
    persons in `control`, or more than 1 % of the texts in `control`. An entry contains a text if it contains more
    than half of the text's marks (`text_marks`). The marks of a text do not depend on person ids, letter
    case, punctuation, the number of spaces, or invisible characters in words of usual length. If words are added to
    long texts, or every tenth of their words is replaced, enough texts are still found.

    Args:
        folder: folder of the ledger.
        high_water_mark: file that detects a rollback of the ledger.
        digest: identifies everything that could change a verdict: tables, seed, audits, confidence, versions. Two
            audits with equal digests are one attempt. The ledger and the result contain only a keyed digest of it.
        control: source records before identifiers are replaced; person ids are unique in the institution.

    Raises:
        InputError: the ledger cannot be used, or it was changed, replaced or rolled back.

    Privacy: the ledger contains keyed hashes of persons and of sequences of words, and stays in the institution.
    """
    with opened(folder, high_water_mark) as chain:
        keyed_digest = chain.mac(b"made\0" + digest.encode())
        persons, texts = person_marks(chain, control), text_marks(chain, control)
        earlier = _attempts_on(chain, persons, texts)
        if keyed_digest not in earlier:
            marks = {"persons": joined(persons), "texts": joined(set().union(*texts))}
            # the field `made` is the keyed digest, which identifies the audit
            chain.append({"made": keyed_digest, "attempt": len(earlier) + 1, **marks})
        return _attempt_with(chain, keyed_digest)


def create_or_check_ledger(folder: Path, high_water_mark: HighWaterMark) -> None:
    """Create the ledger if there is none; raise InputError if attempts cannot be recorded in it."""
    with opened(folder, high_water_mark):
        pass


def attempts_before(folder: Path, high_water_mark: HighWaterMark, *, control: Table) -> int:
    """Return the number of earlier attempts on the persons in `control`; raise the errors of `record_attempt`."""
    with opened(folder, high_water_mark) as chain:
        return len(_attempts_on(chain, person_marks(chain, control), text_marks(chain, control)))


def recorded_attempt(folder: Path, high_water_mark: HighWaterMark, keyed_digest: str) -> Attempt:
    """Return the attempt with this keyed digest; raise InputError as `record_attempt` does, or if there is none."""
    with opened(folder, high_water_mark) as chain:
        if keyed_digest not in {entry["made"] for entry in _entries(chain)}:
            hint = "Run the audits again, so that the ledger counts them."
            raise InputError(f"the ledger {folder} has no entry for the audits of this run", hint=hint)
        return _attempt_with(chain, keyed_digest)


def _entries(chain: Chain) -> list[Mapping[str, Any]]:
    return [entry for entry in chain.entries if "attempt" in entry]  # entries without this key are about budgets


def _attempt_with(chain: Chain, keyed_digest: str) -> Attempt:
    """Return the newest attempt with this keyed digest.

    Several entries have the same digest if an audit is repeated and its control persons and texts have no marks.
    """
    entries = _entries(chain)
    number = next(entry["attempt"] for entry in reversed(entries) if entry["made"] == keyed_digest)
    position = list(dict.fromkeys(entry["made"] for entry in entries)).index(keyed_digest) + 1
    return Attempt(number=number, position=position, digest=keyed_digest, ledger=chain.head())


def _attempts_on(chain: Chain, persons: set[str], texts: list[set[str]]) -> list[str]:
    """Return the keyed digests of the earlier audits of control persons with the marks `persons` and `texts`."""

    def is_repeated(entry: Mapping[str, Any]) -> bool:
        before = split(entry["texts"])
        n_persons = len(persons & split(entry["persons"]))
        n_texts = sum(2 * len(text & before) > len(text) for text in texts)
        return n_persons > MAX_REPEATED_SHARE * len(persons) or n_texts > MAX_REPEATED_SHARE * len(texts)

    return list(dict.fromkeys(entry["made"] for entry in _entries(chain) if is_repeated(entry)))
