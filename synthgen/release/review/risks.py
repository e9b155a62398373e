"""For each audit, rank the synthetic records by their risk, for the review page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.attacks.memorization.search import FLOOR_TOKENS
from audits.attacks.parent_recovery.lineage import weights_by_person
from audits.attacks.parent_recovery.parent_recovery_audit import MIN_EFFECTIVE_PARENTS
from audits.core.types import Finding
from audits.text.normalise import tokens
from audits.text.shared_runs import SHORTEST, TokenNumbers, most_owners, number_rows, runs_alone
from synthgen.release.review.passages import Passage, shared_passages
from synthgen.release.review.tables import ReviewTables

MAX_RECORDS = 20  # largest number of records that the page shows for each audit
MIN_WORDS = 3  # runs of fewer words are ignored when records are ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskyRecord:
    """A synthetic record with its result in one audit."""

    row: int  # row in the synthetic table, from 0
    result: str  # score or finding, as a text
    train_row: int | None = None  # row (from 0) of the train record that the result names, if any
    found: tuple[Passage, ...] = ()  # places that the audit found in the synthetic text
    shortest: int = SHORTEST  # smallest number of words of a shared passage that is marked


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRanking:
    """The records with the highest risk according to one audit, highest risk first."""

    records: tuple[RiskyRecord, ...]
    meaning: str  # how the records are ranked, or why there are none


def rank(name: str, tables: ReviewTables) -> RiskRanking:
    """Return the records with the highest risk in the audit `name`; none if the audit does not judge single records.

    Privacy: reads all texts and vectors; the result names records and contains no text.
    """
    if name not in _RANKINGS:
        return RiskRanking(records=(), meaning="This audit has no result for a single record.")
    return _RANKINGS[name](tables)


def _memorization(tables: ReviewTables) -> RiskRanking:
    """Rank records with a copy first, then the others by their longest run of words that few persons wrote."""
    groups, owners = tables.persons
    vocabulary = TokenNumbers()
    synthetic, train = (number_rows(map(tokens, of.texts), vocabulary) for of in (tables.synthetic, tables.train))
    runs = runs_alone(synthetic, train, owners, public=len(groups), shortest=MIN_WORDS)
    # row -> (length of the longest run, minus the index of its owner); for equal lengths, the lowest owner is kept
    longest: dict[int, tuple[int, int]] = {}
    for row, owner, length in zip(runs.row.tolist(), runs.owner.tolist(), runs.length.tolist(), strict=True):
        longest[row] = max(longest.get(row, (0, 0)), (length, -owner))
    limit = _details(tables, "memorization").get("limit_tokens", FLOOR_TOKENS)
    found = _with_findings(tables, "memorization")
    for row, (length, minus_owner) in sorted(longest.items(), key=lambda item: (-item[1][0], item[0])):
        n = most_owners(length)
        who = "only one training person" if n == 1 else f"at most {n} training persons"
        result = f"{length} consecutive words that {who} wrote; the audit reports runs of {limit} words or more"
        shortest = min(length, SHORTEST)
        source = _most_shared(tables, row, groups[-minus_owner], shortest)
        found.setdefault(row, RiskyRecord(row=row, result=result, train_row=source, shortest=shortest))
        if len(found) >= MAX_RECORDS:
            break
    meaning = (
        f"The records in which the audit found a copy (a run of {limit} words or more) come first. The other records "
        "are ordered by the length of their longest run of words that only one or a few training persons wrote."
    )
    return RiskRanking(records=tuple(found.values())[:MAX_RECORDS], meaning=meaning)


def _identifiers(tables: ReviewTables) -> RiskRanking:
    found = _with_findings(tables, "identifiers")
    meaning = "Records in which the audit found an identifier of one training person; the identifier is marked."
    return RiskRanking(records=tuple(found.values()), meaning=meaning if found else "The audit found no identifier.")


def _neighbours(tables: ReviewTables) -> RiskRanking:
    train, control = (tables.nearest("synthetic", side).cosine for side in ("train", "control"))
    result = "similarity {:.3f} to the nearest training record, {:.3f} to the nearest control record"
    records = [
        RiskyRecord(row=row, result=result.format(train[row], control[row]))
        for row in np.argsort(control - train, kind="stable")[:MAX_RECORDS].tolist()
    ]
    meaning = (
        "Ranked by how much more similar a record is to its nearest training record than to its nearest control "
        "record. The generator never reads control records. Similarity is the cosine of the vectors."
    )
    return RiskRanking(records=tuple(records), meaning=meaning)


def _membership(tables: ReviewTables) -> RiskRanking:
    train, control = (tables.nearest(side, "synthetic") for side in ("train", "control"))
    found: dict[int, RiskyRecord] = {}
    for row in np.argsort(-train.cosine, kind="stable").tolist():
        if len(found) >= MAX_RECORDS:
            break
        share = float((control.cosine >= train.cosine[row]).mean())
        result = (
            "this is the synthetic record most similar to the training record that the audit names (similarity "
            f"{train.cosine[row]:.3f}); {share:.1%} of the control records have one that is at least as similar"
        )
        near = int(train.row[row])
        found.setdefault(near, RiskyRecord(row=near, result=result, train_row=row))
    meaning = (
        "An attacker would first identify as members the training records that are most similar to a synthetic "
        "record. The list shows these synthetic records. The ranking uses one score of the audit, the similarity of "
        "the vectors."
    )
    return RiskRanking(records=tuple(found.values()), meaning=meaning)


def _parent_recovery(tables: ReviewTables) -> RiskRanking:
    person, nearest = tables.persons[1], tables.nearest("synthetic", "train").row
    ranked = []
    for row, (parents, weights) in enumerate(zip(tables.parents, tables.weights, strict=True)):
        of_person = weights_by_person(parents, weights, person)
        if not of_person:
            continue
        heaviest = max(of_person, key=lambda p: (of_person[p], -p))  # the person with the largest weight
        pairs = zip(weights, parents, strict=True)
        # (weight, minus the row) of the parents of this person, so that `max` finds the lowest row of equal weights
        of_heaviest = [(weight, -parent) for weight, parent in pairs if person[parent] == heaviest]
        is_found = bool(person[nearest[row]] == heaviest)
        effective = 1 / sum(weight**2 for weight in of_person.values())
        which = "belongs to this person" if is_found else "belongs to another person"
        result = (
            f"{of_person[heaviest]:.0%} of the weight comes from one training person ({effective:.2f} effective "
            f"parents; the audit requires at least {MIN_EFFECTIVE_PARENTS}); the nearest training record {which}"
        )
        record = RiskyRecord(row=row, result=result, train_row=-max(of_heaviest)[1])
        ranked.append(((not is_found, -of_person[heaviest], row), record))
    meaning = (
        "Each record is a weighted mixture of training records. The list starts with the records whose nearest "
        "training record belongs to the person with the largest weight; the other records follow. Both parts of the "
        "list are sorted by this weight, the largest first."
    )
    records = tuple(record for _, record in sorted(ranked, key=lambda pair: pair[0])[:MAX_RECORDS])
    return RiskRanking(records=records, meaning=meaning if ranked else "No record was made from training records.")


def _linkage(tables: ReviewTables) -> RiskRanking:
    """Rank, by similarity, the synthetic records that the attack `inversion` links to a training person.

    The attack goes from a real record to the nearest synthetic record, and from there to the nearest real record in
    train and control together. It succeeds if both real records are of the same person.
    """
    forward = {side: tables.nearest(side, "synthetic") for side in ("train", "control")}
    back = {side: tables.nearest("synthetic", side) for side in ("train", "control")}
    is_nearest_in_train = back["train"].cosine >= back["control"].cosine
    hits: dict[str, list[int]] = {}  # key: role; value: the rows of records that the attack links to their person
    for corpus in (tables.train, tables.control):
        role, groups = corpus.role, [record.group for record in corpus.records]
        leads_back = is_nearest_in_train if role == "train" else ~is_nearest_in_train
        hits[role] = [
            row
            for row, near in enumerate(forward[role].row.tolist())
            if leads_back[near] and groups[back[role].row[near]] == groups[row]
        ]
    cosine, found = forward["train"].cosine, dict[int, RiskyRecord]()
    for row in sorted(hits["train"], key=lambda i: (-cosine[i], i)):
        near = int(forward["train"].row[row])
        result = (
            "this is the synthetic record most similar to the training record that the audit names (similarity "
            f"{cosine[row]:.3f}); the real record most similar to this synthetic record is of the same person"
        )
        found.setdefault(near, RiskyRecord(row=near, result=result, train_row=row))
    of_train, of_control = (f"{len(hits[c.role])} of {len(c)}" for c in (tables.train, tables.control))
    meaning = (
        "Records that an attacker can link to a training person (attack `inversion` on the vectors of the run). "
        f"The attack succeeds for {of_train} training records and {of_control} control records. The other "
        "attacks of the audit judge persons, not single records."
    )
    return RiskRanking(records=tuple(found.values())[:MAX_RECORDS], meaning=meaning)


_RANKINGS: Mapping[str, Callable[[ReviewTables], RiskRanking]] = {
    "memorization": _memorization,
    "identifiers": _identifiers,
    "neighbours": _neighbours,
    "membership": _membership,
    "parent_recovery": _parent_recovery,
    "linkage": _linkage,
}


def _with_findings(tables: ReviewTables, audit: str) -> dict[int, RiskyRecord]:
    """Return row -> record for at most `MAX_RECORDS` records with findings of an audit, most findings first."""
    by_row: dict[int, list[Finding]] = {}
    for finding in tables.findings.get(audit, ()):
        by_row.setdefault(finding.row, []).append(finding)
    found = {}
    for row in sorted(by_row, key=lambda r: (-len(by_row[r]), r))[:MAX_RECORDS]:
        kinds = sorted({finding.kind for finding in by_row[row]})
        n = len({finding.person for finding in by_row[row]})
        persons = "one training person" if n == 1 else f"{n} training persons"
        found[row] = RiskyRecord(
            row=row,
            result=f"the audit found text of {persons}: {', '.join(kinds)}",
            train_row=_most_shared(tables, row, by_row[row][0].person),
            found=tuple(Passage(finding.start, finding.end, finding.kind) for finding in by_row[row]),
        )
    return found


def _most_shared(tables: ReviewTables, row: int, person: str, shortest: int = SHORTEST) -> int | None:
    """Return the train row of `person` with the most text shared with the synthetic record `row`, or None."""
    text = tables.synthetic.records[row].text

    def shared(train_row: int) -> tuple[int, int]:
        passages = shared_passages(text, tables.train.records[train_row].text, shortest)[0]
        return sum(passage.end - passage.start for passage in passages), -train_row

    return max(tables.rows_of.get(person, ()), key=shared, default=None)


def _details(tables: ReviewTables, audit: str) -> Mapping[str, Any]:
    return next((result["details"] for result in tables.results if result["name"] == audit), {})
