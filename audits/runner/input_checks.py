"""Whether train and control can be compared: what stands on both sides, a shift between them, the reference."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.patterns import DIRECT, QUASI, entities
from audits.core.errors import InputError
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table, persons
from audits.embeddings.shift import shift_auc
from audits.text.common_text import CONTROL, MANY, TRAIN, Owned, repeated_records, shared_phrases
from audits.text.disguise import disguise
from audits.text.minhash import CLOSE, near_pairs, sketch
from audits.text.normalise import tokens, without_numbers
from audits.text.shared_runs import number_rows

NEAR_DUPLICATE = 0.8
MAX_NEAR_DUPLICATES = 0.01
MAX_STRADDLING = 0.01  # of the control persons
MAX_REPEATING_REFERENCE = 0.01  # of the reference rows
_RECORD_NUMBER = re.compile(r"[a-z]{0,4}[- ]?\d(?:[-/ ]?\d){5,13}")

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChecks:
    """What the split allows.

    Args:
        inputs: the tables; control without the rows that are of train persons, the reference without those that
            repeat somebody.
        problems: why no audit may pass on these tables; empty where all is well.
        details: the numbers, for the report; those under `metrics` are evidence, as `input_checks.NAME`.
    """

    inputs: AuditInputs
    problems: tuple[str, ...]
    details: Mapping[str, Any]


def check_split(inputs: AuditInputs, rng: np.random.Generator) -> InputChecks:
    """Return the tables fit for comparing, and what stands against any comparison.

    A control row that nearly repeats a train row (Jaccard of 5-token shingles >= .8) makes copying look like chance;
    it is left out. So are all rows of a control person whose record number (or national id, bank account, card
    number) a train person has as well, as long as no more than ten persons have it: they are one person, or of one
    family. So are reference rows that hold most of a record of train or control, which would excuse its return.
    More than 1 % of any of these, or a classifier that tells train persons from control persons without having seen
    the synthetic table, means that a difference between them says nothing about the generator. What was left out
    before, by whoever made the tables (`near_duplicate_rate`), counts as found here.

    Metrics: `problems`, how many stand against comparing; `near_duplicate_rate`, of the control rows;
    `straddling_rate`, of the control persons; `reference_rate`, of the reference rows. That a source names no persons
    narrows the claim (`claim_scope`) and is no problem of comparing, so `problems` does not count it.

    Raises:
        InputError: every control row is left out, or a rate is no share.

    Privacy: reads all tables but the synthetic; the result holds counts.
    Random: folds, and which persons where there are more than 4,000 in an arm.
    """
    before = _share(inputs.near_duplicate_rate)
    repeated, straddling = _repeated(inputs), _straddling(inputs)
    names, person = persons(inputs.control.groups)
    repeating = np.zeros(0, np.bool_) if inputs.reference is None else _repeating_reference(inputs, inputs.reference)
    rates = {
        "near_duplicate_rate": (before + (1 - before) * float(repeated.mean()), len(inputs.control)),
        "straddling_rate": (len(np.unique(person[straddling])) / len(names), len(names)),
        "reference_rate": (float(repeating.mean()) if len(repeating) > 0 else 0.0, len(repeating)),
    }
    problems = _problems({name: rate for name, (rate, _) in rates.items()})
    kept = _kept(inputs, repeated | straddling, repeating)
    shift = shift_auc(inputs.train, kept.control, rng)
    if shift is not None and not shift.low <= 0.5 <= shift.high:
        problems.append(
            f"train and control differ by more than chance (AUC {shift.value:.3f}, {shift.low:.3f} to "
            f"{shift.high:.3f}, must contain .5): draw control from the same people as train"
        )
    problems += _unreadable(inputs)
    n_problems = len(problems)
    if not (inputs.train.has_groups and inputs.control.has_groups):
        problems.append(
            "the tables do not name persons, so nothing is shown about persons: give a group column, "
            "or say that every row is another person"
        )
    details: dict[str, Any] = {
        "near_duplicate_rate": rates["near_duplicate_rate"][0],
        "control_rows_left_out": int((repeated | straddling).sum()),
        "reference_rows_left_out": int(repeating.sum()),
        "shift_auc": None if shift is None else [shift.value, shift.low, shift.high],
        "claim_scope": "person" if inputs.train.has_groups and inputs.control.has_groups else "record",
        "problems": list(problems),
        "metrics": {
            "problems": _counted(n_problems, len(inputs.control)),
            **{name: _counted(rate, n) for name, (rate, n) in rates.items()},
        },
    }
    return InputChecks(inputs=kept, problems=tuple(problems), details=details)


def _unreadable(inputs: AuditInputs) -> list[str]:
    found = disguise(inputs.synthetic.texts, (*inputs.train.texts, *inputs.control.texts))
    if not found.proven:
        return []
    return [
        (
            f"{found.synthetic} synthetic rows had to be rewritten to be read (look-alike or invisible characters), "
            f"of real rows {found.real}, so a search in them proves nothing: write them in plain characters"
        )
    ]


def _share(rate: float) -> float:
    if not (math.isfinite(rate) and 0 <= rate <= 1):
        raise InputError("the rate of near-duplicates that were left out must lie between 0 and 1")
    return rate


def _problems(rates: Mapping[str, float]) -> list[str]:
    found = []
    if rates["near_duplicate_rate"] > MAX_NEAR_DUPLICATES:
        found.append(
            f"{rates['near_duplicate_rate']:.1%} of the control rows nearly repeat a train row (at most "
            f"{MAX_NEAR_DUPLICATES:.0%} allowed): split so that near-duplicates stay on one side"
        )
    if rates["straddling_rate"] > MAX_STRADDLING:
        found.append(
            f"{rates['straddling_rate']:.1%} of the control persons have the record number of a train person "
            f"(at most {MAX_STRADDLING:.0%} allowed), so persons are wrongly declared: give one id to all records "
            "of a person, and split families together"
        )
    if rates["reference_rate"] > MAX_REPEATING_REFERENCE:
        found.append(
            f"{rates['reference_rate']:.1%} of the reference rows repeat a record of train or control (at most "
            f"{MAX_REPEATING_REFERENCE:.0%} allowed): the reference must be public text and nobody's record"
        )
    return found


def _counted(value: float, n: int) -> dict[str, float]:
    return {"value": float(value), "low": float(value), "high": float(value), "confidence": 1.0, "n": n}


def _kept(inputs: AuditInputs, left_out: Bools, repeating: Bools) -> AuditInputs:
    if left_out.all():
        raise InputError("every control row repeats a train row; control must be persons the generator never saw")
    reference = inputs.reference
    if reference is not None and repeating.any():
        reference = None if repeating.all() else take(reference, np.flatnonzero(~repeating))
    identifiers = inputs.control_identifiers
    if identifiers is not None:
        identifiers = tuple(row for row, is_out in zip(identifiers, left_out, strict=True) if not is_out)
    return replace(
        inputs,
        control=take(inputs.control, np.flatnonzero(~left_out)),
        control_identifiers=identifiers,
        set_aside=take(inputs.control, np.flatnonzero(left_out)) if left_out.any() else None,
        reference=reference,
    )


def _repeated(inputs: AuditInputs) -> Bools:
    """Return which control rows nearly repeat a train row, (n_control rows,)."""
    pairs = near_pairs(*(sketch(table.texts, bands=CLOSE) for table in (inputs.control, inputs.train)))
    repeated = np.zeros(len(inputs.control), dtype=bool)
    repeated[pairs.left[pairs.jaccard >= NEAR_DUPLICATE]] = True
    return repeated


def _straddling(inputs: AuditInputs) -> Bools:
    """Return which control rows are of a person with an identifier of a train person, (n_control rows,)."""
    train, control = (
        _owners(table, recorded)
        for table, recorded in ((inputs.train, inputs.identifiers), (inputs.control, inputs.control_identifiers))
    )
    shared = {
        person
        for value, owners in control.items()
        if value in train and len(owners) + len(train[value]) <= MANY
        for person in owners
    }
    return np.array([group in shared for group in inputs.control.groups], dtype=np.bool_)


def _owners(table: Table, recorded: tuple[tuple[str, ...], ...] | None) -> dict[str, set[str]]:
    """Return the persons of each identifier that is given to one person, as it stands in text or was recorded."""
    found: dict[str, set[str]] = defaultdict(set)
    for row, (text, group) in enumerate(zip(table.texts, table.groups, strict=True)):
        values = {entity.key for entity in entities(text) if entity.kind in DIRECT}
        for value in values | _record_numbers(() if recorded is None else recorded[row]):
            found[value].add(group)
    return found


def _record_numbers(recorded: Iterable[str]) -> set[str]:
    """Return the digits of those recorded identifiers that are a record number; dates and the like are not."""
    found = set()
    for text in recorded:
        if _RECORD_NUMBER.fullmatch(text.strip().lower()) and all(e.kind not in QUASI for e in entities(text)):
            found.add("".join(filter(str.isdigit, text)))
    return found


def _repeating_reference(inputs: AuditInputs, reference: Table) -> Bools:
    """Return which reference rows hold words of a train or control record that the reference mostly holds.

    A phrase that more than ten persons have is no record's. Who is train is not looked at.
    """
    _, owner = persons(inputs.train.groups + inputs.control.groups)
    n_rows, n_persons = len(owner), int(owner.max()) + 1
    texts = inputs.train.texts + inputs.control.texts + reference.texts
    rows = number_rows((without_numbers(tokens(text)) for text in texts), {})
    side = np.where(np.arange(n_persons + 1) < len(set(inputs.train.groups)), TRAIN, CONTROL)
    pool = Owned(rows, np.concatenate([owner, np.full(len(reference), n_persons)]), side)
    shared = shared_phrases(pool)
    repeated = [row for row, other in repeated_records(pool, shared) if other == n_persons]
    row = rows.row(shared.at)
    theirs = np.isin(row, repeated) & ~shared.boilerplate[shared.phrase]
    rows_with = row[(row >= n_rows) & np.isin(shared.phrase, shared.phrase[theirs])]
    return np.isin(np.arange(len(reference)), rows_with - n_rows)
