"""How often control persons have been asked before: audits until one passes would be a search for luck.

A synthetic table that is refused, made again and audited against the same control persons gets another chance to pass
by accident, and so does the same table under another seed, another choice of audits, another confidence. So every
audit is noted in the institution's ledger, by its persons and by what their texts say, and the later it comes, the
surer its intervals must be: see `audits.gate.spending`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audits.core.errors import InputError
from audits.core.types import Table
from audits.ledger.chain import Chain, Head, HighWaterMark, chain_id, opened
from audits.ledger.persons import joined, person_marks, split, text_marks

FILE = "attempts.jsonl"
SAME = 0.01  # share of the control persons, or texts, that may have been asked before, and it counts as fresh


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One audit in the ledger.

    Args:
        number: which attempt on these control persons it is, from 1.
        made: stands for what was audited and how, keyed.
        ledger: where the ledger stands.
    """

    number: int
    made: str
    ledger: Head


def attempt(folder: Path, high_water_mark: HighWaterMark, *, made: str, control: Table) -> Attempt:
    """Return which attempt it is to audit this against these control records, and note it.

    Earlier attempts are those with another `made` of which more than a hundredth of these control persons, or of
    these control texts, were part. The same again is the same attempt.

    A text counts as asked where most of the runs of words that stand for it stood for an earlier one: of the runs of
    5 tokens that no other text of the table holds, the 4 of the smallest keyed hash. So a blank, another encoding,
    another id, a word added or every tenth exchanged make no fresh persons, and a template that all share does not
    make fresh persons old.

    Args:
        folder: the institution's ledger.
        high_water_mark: of its highest head.
        made: a digest of everything that could change a verdict: the tables, seed, audits, confidence, versions.
        control: source records, before any surrogate was put in; groups that are unique in the institution.

    Raises:
        InputError: the ledger cannot be used, was changed, exchanged or set back.

    Privacy: the ledger holds keyed hashes of persons and runs of words, and stays with the institution.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        name = chain.mac(b"made\0" + made.encode())
        persons, texts = person_marks(chain, control), text_marks(chain, control)
        asked = _asked(chain, persons, texts)
        if name not in asked:
            held = {"persons": joined(persons), "texts": joined(set().union(*texts))}
            chain.append({"made": name, "attempt": len(asked) + 1, **held})
        return _found(chain, name)


def asked_before(folder: Path, high_water_mark: HighWaterMark, *, control: Table) -> int:
    """Return how many attempts on these control records the ledger holds, as `attempt` counts them; nothing is noted.

    Raises:
        InputError: as `attempt`.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        return len(_asked(chain, person_marks(chain, control), text_marks(chain, control)))


def noted(folder: Path, high_water_mark: HighWaterMark, made: str) -> Attempt:
    """Return an attempt that the ledger holds.

    Args:
        folder: the institution's ledger.
        high_water_mark: of its highest head.
        made: of the attempt.

    Raises:
        InputError: as `attempt`, and if it does not hold it.
    """
    with opened(folder, FILE, high_water_mark) as chain:
        if made not in {entry["made"] for entry in _attempts(chain)}:
            raise InputError(
                f"the ledger {folder} does not hold this run's attempt", hint="run it again, so that it is counted"
            )
        return _found(chain, made)


def ledger_id(folder: Path) -> str:
    """Return the id by which a trust root names a ledger; one is begun where there is none.

    Raises:
        InputError: the folder cannot be used, others may read it, or a line was changed.
    """
    return chain_id(folder, FILE)


def _attempts(chain: Chain) -> list[Mapping[str, Any]]:
    """Return the lines that are attempts; beside them stand those of `audits.ledger.budgets`."""
    return [entry for entry in chain.entries if "attempt" in entry]


def _found(chain: Chain, made: str) -> Attempt:
    number = next(entry["attempt"] for entry in reversed(_attempts(chain)) if entry["made"] == made)
    return Attempt(number=number, made=made, ledger=chain.head())


def _asked(chain: Chain, persons: set[str], texts: list[set[str]]) -> list[str]:
    """Return the different earlier attempts of which these control persons were part, in their order."""
    found: list[str] = []
    for entry in _attempts(chain):
        before = split(entry["texts"])
        n_persons = len(persons & split(entry["persons"]))
        n_texts = sum(2 * len(text & before) > len(text) for text in texts)
        if (n_persons > SAME * len(persons) or n_texts > SAME * len(texts)) and entry["made"] not in found:
            found.append(entry["made"])
    return found
