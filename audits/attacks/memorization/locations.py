"""Locate each copy: the synthetic row, the characters of the row, and the person whose text is copied.

A run is a sequence of consecutive words. Common text is text that several persons share; the other words of a person
are own words.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np

from audits.core.findings import MAX_FINDINGS
from audits.core.types import Bool, Finding, Int
from audits.text.common_text import OwnText
from audits.text.ngrams import starts_group
from audits.text.normalise import without_numbers
from audits.text.shared_runs import CAP_TOKENS, Numbered, Runs
from audits.text.spans import Placed, placed_tokens

# special values of `CopiedRuns.length` for copies that are reported as the whole row
WHOLE_RECORD = int(np.iinfo(np.int64).max)  # the row equals a record; larger than the length of any run
NEAR_COPY = 0  # the row contains most of a record, with changes
IN_PIECES = -1  # the row contains one part of a record that is spread over several rows
_KINDS = {WHOLE_RECORD: "whole record", NEAR_COPY: "near copy", IN_PIECES: "record in pieces"}  # see `Finding.kind`


class CopiedRuns(NamedTuple):
    """The r copies that were found in synthetic rows, each of one person's text; every array is (r,)."""

    row: Int  # row of the synthetic table
    owner: Int  # index of the person whose text is copied
    length: Int  # number of own words, at most CAP_TOKENS; or WHOLE_RECORD, NEAR_COPY or IN_PIECES
    start: Int  # first token of the copy in the row; 0 if the copy is reported as the whole row
    end: Int  # token after the copy, or 0 for the whole row; the copy includes common text between its own words
    masked: Bool  # whether start and end count adjacent numbers of the row as one token


class SourceTexts(NamedTuple):
    """The synthetic texts, and the train texts from which copies may come."""

    synthetic: Sequence[str]
    train: Sequence[str]
    owners: Int  # index of the person of each train text, (n,)
    names: Sequence[str]  # group id of each person


def copied_runs(runs: Runs, own: OwnText, full: Numbered, is_selected: Bool, *, masked: bool) -> CopiedRuns:
    """Return the runs selected by `is_selected`, with their positions in the full rows.

    Positions in `runs` refer to the rows without common text (`own`). `full` has the rows with common text.
    """
    row, owner, length, start, _ = (column[is_selected] for column in runs)
    first = own.rows.starts[row] + start
    begin, last = own.origin[first] - full.starts[row], own.origin[first + length - 1] - full.starts[row]
    return CopiedRuns(row, owner, length, begin, last + 1, np.full(len(row), masked))


def copied_rows(rows: Int, owners: Int, kind: int) -> CopiedRuns:
    """Return copies that are reported as whole rows; `kind` is WHOLE_RECORD, NEAR_COPY or IN_PIECES."""
    zeros = np.zeros_like(rows)
    return CopiedRuns(rows, owners, np.full(len(rows), kind), zeros, zeros, np.zeros(len(rows), dtype=bool))


def find_copied(texts: SourceTexts, found: Sequence[CopiedRuns], limit: int) -> tuple[list[Finding], int]:
    """Return one finding per pair (row, person), and the number of findings omitted because of `MAX_FINDINGS`.

    A finding covers the longest run of at least `limit` tokens, or the whole row if the copy is not a run. Runs are
    found only up to CAP_TOKENS, so a run of CAP_TOKENS tokens is extended as far as a text of the person matches.
    """
    best, n_omitted = _longest_per_pair(CopiedRuns(*map(np.concatenate, zip(*found, strict=True))), limit)
    sources: dict[int, list[str]] = defaultdict(list)
    for i in np.flatnonzero(np.isin(texts.owners, best.owner[best.length == CAP_TOKENS])).tolist():
        sources[int(texts.owners[i])].append(texts.train[i])
    findings = []
    for row, owner, length, start, end, masked in zip(*(column.tolist() for column in best), strict=True):
        written, kind = texts.synthetic[row], _KINDS.get(length, "run")
        span = 0, len(written)
        if kind == "run":
            span = _characters(written, (start, end), sources.get(owner, ()), masked=masked)
        findings.append(Finding(row=row, start=span[0], end=span[1], kind=kind, person=texts.names[owner]))
    return findings, n_omitted


def _longest_per_pair(found: CopiedRuns, limit: int) -> tuple[CopiedRuns, int]:
    """Return the longest copy of each pair of a row and an owner, and the number of pairs omitted.

    At most MAX_FINDINGS pairs are returned. Runs of fewer than `limit` tokens do not count.
    """
    order = np.lexsort((found.masked, -found.length, found.owner, found.row))
    order = order[(found.length[order] >= limit) | (found.length[order] <= NEAR_COPY)]
    pairs = order[starts_group(found.row[order], found.owner[order])]
    columns: list[Any] = [column[pairs[:MAX_FINDINGS]] for column in found]
    return CopiedRuns(*columns), max(0, len(pairs) - MAX_FINDINGS)


def _placed(text: str, *, masked: bool) -> list[Placed]:
    """Return the tokens of a text with their characters; if `masked`, adjacent numbers become one token "0"."""
    places = placed_tokens(text)
    if not masked:
        return places
    merged: list[Placed] = []
    for place in places:
        (word,) = without_numbers([place.word])
        if word == "0" and merged and merged[-1].word == "0":
            merged[-1] = merged[-1]._replace(end=place.end)
        else:
            merged.append(place._replace(word=word))
    return merged


def _characters(written: str, run: tuple[int, int], sources: Iterable[str], *, masked: bool) -> tuple[int, int]:
    """Return the positions [start, end) of the characters of a run in the row `written`.

    `run` has the positions [start, end) of its tokens. If a text of the person (`sources`) contains the run, the run
    is extended as far as this text matches the row.
    """
    places = _placed(written, masked=masked)
    tokens = [place.word for place in places]
    start, end = first, last = run
    copied = tokens[start:end]
    for source in sources:
        words = [place.word for place in _placed(source, masked=masked)]
        at = 0
        while at + len(copied) <= len(words):
            if words[at : at + len(copied)] != copied:
                at += 1
                continue
            before = _common_prefix(tokens[:start][::-1], words[:at][::-1])
            after = _common_prefix(tokens[end:], words[at + len(copied) :])
            if before + len(copied) + after > last - first:
                first, last = start - before, end + after
            at += len(copied) + after  # a text that repeats one word would otherwise take quadratic time
    return places[first].start, places[last - 1].end


def _common_prefix(a: Sequence[str], b: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
