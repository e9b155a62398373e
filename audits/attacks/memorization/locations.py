"""Who stands in a copied row, and at which of its characters."""

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
NEAR_COPY = 0  # the row and the person stand for themselves where no run says where
IN_PIECES = -1  # the same, where what stands in the row is a part of what stands in many
_KINDS = {WHOLE_RECORD: "whole record", NEAR_COPY: "near copy", IN_PIECES: "record in pieces"}

Int = NDArray[np.int64]


class CopiedRuns(NamedTuple):
    """Runs of tokens of synthetic rows that are one person's alone, whole records, near copies; one entry each, (r,).

    Args:
        row: of the synthetic table.
        owner: number of the person.
        length: own tokens, at most CAP_TOKENS; WHOLE_RECORD, NEAR_COPY or IN_PIECES where the whole row is meant.
        start: token of the row at which the run begins.
        end: token behind the last one; common text inside a run is part of it.
        masked: whether the tokens are those left after masking numbers.
    """

    row: Int
    owner: Int
    length: Int
    start: Int
    end: Int
    masked: NDArray[np.bool_]


class SourceTexts(NamedTuple):
    """The texts in which a run stands, and who wrote them.

    Args:
        synthetic: texts of the synthetic table.
        train: texts of the train table.
        owners: for each train text the number of its person; (n,).
        names: the group of each person.
    """

    synthetic: Sequence[str]
    train: Sequence[str]
    owners: Int
    names: Sequence[str]


def copied_runs(runs: Runs, left: OwnText, whole: Numbered, wanted: NDArray[np.bool_], *, masked: bool) -> CopiedRuns:
    """Return the wanted runs with the tokens of the whole rows at which they begin and end.

    Args:
        runs: found among what is left of the rows without common text.
        left: what is left.
        whole: the rows.
        wanted: which runs.
        masked: whether numbers were masked.
    """
    row, owner, length, start = (column[wanted] for column in runs)
    first = left.rows.starts[row] + start
    begin, last = left.origin[first] - whole.starts[row], left.origin[first + length - 1] - whole.starts[row]
    return CopiedRuns(row, owner, length, begin, last + 1, np.full(len(row), masked))


def copied_rows(rows: Int, owners: Int, what: int) -> CopiedRuns:
    """Return rows that are as a whole somebody's: WHOLE_RECORD, NEAR_COPY, or IN_PIECES."""
    nothing = np.zeros_like(rows)
    return CopiedRuns(rows, owners, np.full(len(rows), what), nothing, nothing, np.zeros(len(rows), dtype=bool))


def find_copied(texts: SourceTexts, found: Sequence[CopiedRuns], bound: int) -> tuple[list[Finding], int]:
    """Return one finding for each row and person whose words stand in it, and how many are left out.

    A whole record and a near copy are the whole row. A run is the characters of its longest tokens;
    one that was counted only up to CAP_TOKENS is followed in the person's texts as far as it goes.

    Args:
        texts: what the copies were found in.
        found: all copies.
        bound: tokens that a run must have.
    """
    best, n_left = _first_pairs(CopiedRuns(*map(np.concatenate, zip(*found, strict=True))), bound)
    sources = _texts_of(texts, set(best.owner[best.length == CAP_TOKENS].tolist()))
    findings = []
    for row, owner, length, start, end, masked in zip(*(column.tolist() for column in best), strict=True):
        written, kind = texts.synthetic[row], _KINDS.get(length, "run")
        span = 0, len(written)
        if kind == "run":
            span = _characters(written, (start, end), sources.get(owner, ()), masked=masked)
        findings.append(Finding(row=row, start=span[0], end=span[1], kind=kind, person=texts.names[owner]))
    return findings, n_left


def _first_pairs(found: CopiedRuns, bound: int) -> tuple[CopiedRuns, int]:
    """Return the longest copy of each row and person, of the first rows; and how many are left out."""
    order = np.lexsort((found.masked, -found.length, found.owner, found.row))
    order = order[(found.length[order] >= bound) | (found.length[order] <= NEAR_COPY)]
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
    """Return the tokens that the run was found among, each with its characters."""
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
    """Return the characters of the run, and of what stands before and behind it in one of the sources as well."""
    places = _read(written, masked=masked)
    tokens = [place.word for place in places]
    start, end = run
    first, last = run
    for source in sources:
        theirs = [place.word for place in _read(source, masked=masked)]
        for at in _places(theirs, tokens[start:end]):
            before = _common(tokens[:start][::-1], theirs[:at][::-1])
            behind = _common(tokens[end:], theirs[at + end - start :])
            if before + end - start + behind > last - first:
                first, last = start - before, end + behind
    return places[first].start, places[last - 1].end


def _places(words: Sequence[str], run: Sequence[str]) -> Iterator[int]:
    return (i for i in range(len(words) - len(run) + 1) if words[i] == run[0] and words[i : i + len(run)] == run)


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Return how many tokens two sequences begin with in common."""
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n
