"""Locate copied text: person, row and characters of each copy."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.core.findings import MAX_FINDINGS
from audits.core.types import Finding
from audits.text.common_text import OwnText
from audits.text.normalise import without_numbers
from audits.text.shared_runs import CAP_TOKENS, Numbered, Runs
from audits.text.spans import Placed, placed_tokens

WHOLE_RECORD = int(np.iinfo(np.int64).max)  # longer than any run
NEAR_COPY = 0  # the row as a whole is a near copy
IN_PIECES = -1  # the row holds one of several pieces of a record
_KINDS = {WHOLE_RECORD: "whole record", NEAR_COPY: "near copy", IN_PIECES: "record in pieces"}

Int = NDArray[np.int64]


class CopiedRuns(NamedTuple):
    """Copies in synthetic rows of text that only one person has; all arrays (r,)."""

    row: Int  # row of the synthetic table
    owner: Int  # number of the person
    length: Int  # own tokens, at most CAP_TOKENS; or WHOLE_RECORD, NEAR_COPY or IN_PIECES if the whole row is meant
    start: Int  # first token of the run in the row
    end: Int  # token after the last one; common text inside a run is part of it
    masked: NDArray[np.bool_]  # whether tokens are counted after masking numbers


class SourceTexts(NamedTuple):
    """The texts that the copies were found in."""

    synthetic: Sequence[str]  # texts of the synthetic table
    train: Sequence[str]  # texts of the train table
    owners: Int  # number of the person of each train text, (n,)
    names: Sequence[str]  # group id of each person


def copied_runs(runs: Runs, left: OwnText, whole: Numbered, wanted: NDArray[np.bool_], *, masked: bool) -> CopiedRuns:
    """Return the selected runs, with start and end as tokens of the whole rows.

    Args:
        runs: runs found in the rows without common text.
        left: the rows without common text.
        whole: the rows.
        wanted: mask of the runs to return.
        masked: whether numbers were masked.
    """
    row, owner, length, start = (column[wanted] for column in runs)
    first = left.rows.starts[row] + start
    begin, last = left.origin[first] - whole.starts[row], left.origin[first + length - 1] - whole.starts[row]
    return CopiedRuns(row, owner, length, begin, last + 1, np.full(len(row), masked))


def copied_rows(rows: Int, owners: Int, what: int) -> CopiedRuns:
    """Return copies that cover whole rows; `what` is WHOLE_RECORD, NEAR_COPY or IN_PIECES."""
    zeros = np.zeros_like(rows)
    return CopiedRuns(rows, owners, np.full(len(rows), what), zeros, zeros, np.zeros(len(rows), dtype=bool))


def find_copied(texts: SourceTexts, found: Sequence[CopiedRuns], limit: int) -> tuple[list[Finding], int]:
    """Return one finding per row and person, and how many findings are left out.

    A whole record and a near copy cover the whole row. For a run, the longest one is reported; a run counted only up
    to CAP_TOKENS is extended as far as it matches the person's texts.

    Args:
        texts: the texts that the copies were found in.
        found: all copies.
        limit: smallest number of tokens of a run.
    """
    best, n_left = _first_pairs(CopiedRuns(*map(np.concatenate, zip(*found, strict=True))), limit)
    sources = _texts_of(texts, set(best.owner[best.length == CAP_TOKENS].tolist()))
    findings = []
    for row, owner, length, start, end, masked in zip(*(column.tolist() for column in best), strict=True):
        written, kind = texts.synthetic[row], _KINDS.get(length, "run")
        span = 0, len(written)
        if kind == "run":
            span = _characters(written, (start, end), sources.get(owner, ()), masked=masked)
        findings.append(Finding(row=row, start=span[0], end=span[1], kind=kind, person=texts.names[owner]))
    return findings, n_left


def _first_pairs(found: CopiedRuns, limit: int) -> tuple[CopiedRuns, int]:
    """Return the longest copy of each row and person, for the first MAX_FINDINGS, and how many are left out."""
    order = np.lexsort((found.masked, -found.length, found.owner, found.row))
    order = order[(found.length[order] >= limit) | (found.length[order] <= NEAR_COPY)]
    row, owner = found.row[order], found.owner[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (owner[1:] != owner[:-1])
    pairs = order[first]
    kept = pairs[:MAX_FINDINGS]
    columns: list[Any] = [column[kept] for column in found]
    return CopiedRuns(*columns), len(pairs) - len(kept)


def _texts_of(texts: SourceTexts, wanted: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for i in np.flatnonzero(np.isin(texts.owners, sorted(wanted))).tolist():
        found[int(texts.owners[i])].append(texts.train[i])
    return found


def _read(text: str, *, masked: bool) -> list[Placed]:
    """Return the tokens among which the run was found, with their characters."""
    places = placed_tokens(text)
    if not masked:
        return places
    read: list[Placed] = []
    for place in places:
        (masked_word,) = without_numbers([place.word])
        if masked_word == "0" and read and read[-1].word == "0":
            read[-1] = read[-1]._replace(end=place.end)
        else:
            read.append(place._replace(word=masked_word))
    return read


def _characters(written: str, run: tuple[int, int], sources: Iterable[str], *, masked: bool) -> tuple[int, int]:
    """Return the characters of the run, extended by the tokens around it that match one of the sources."""
    places = _read(written, masked=masked)
    tokens = [place.word for place in places]
    start, end = run
    first, last = run
    for source in sources:
        words = [place.word for place in _read(source, masked=masked)]
        for at in _places(words, tokens[start:end]):
            before = _common(tokens[:start][::-1], words[:at][::-1])
            behind = _common(tokens[end:], words[at + end - start :])
            if before + end - start + behind > last - first:
                first, last = start - before, end + behind
    return places[first].start, places[last - 1].end


def _places(words: Sequence[str], run: Sequence[str]) -> Iterator[int]:
    return (i for i in range(len(words) - len(run) + 1) if words[i] == run[0] and words[i : i + len(run)] == run)


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the common prefix."""
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n
