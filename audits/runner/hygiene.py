"""Whether train and control can be compared at all: near-duplicates across them, and a shift between them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError
from audits.core.inputs import take
from audits.core.types import AuditInputs
from audits.identifiers.straddling import straddling_identifiers
from audits.space.shift import shift_auc
from audits.text.disguise import disguise
from audits.text.minhash import CLOSE, near_pairs, sketch

NEAR_DUPLICATE = 0.8
MAX_NEAR_DUPLICATES = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Hygiene:
    """What the split allows.

    Args:
        inputs: the tables, control without the rows that nearly repeat a train row.
        problems: why no audit may pass on these tables; empty where all is well.
        details: the numbers, for the report.
    """

    inputs: AuditInputs
    problems: tuple[str, ...]
    details: Mapping[str, Any]


def check_split(inputs: AuditInputs, rng: np.random.Generator) -> Hygiene:
    """Return the tables fit for comparing, and what stands against any comparison.

    A control row that nearly repeats a train row (Jaccard of 5-token shingles >= .8) makes copying look like chance;
    it is left out. More than 1 % of them, or a classifier that tells train persons from control persons without
    having seen the synthetic table, means that a difference between them says nothing about the generator.

    Raises:
        InputError: every control row nearly repeats a train row.

    Privacy: reads train and control; the result holds counts.
    Random: folds, and which persons where there are more than 4,000 in an arm.
    """
    repeated = _repeated(inputs)
    rate = float(repeated.mean())
    if repeated.all():
        raise InputError("every control row repeats a train row; control must be persons the generator never saw")
    problems = []
    if rate > MAX_NEAR_DUPLICATES:
        problems.append(
            f"{rate:.1%} of the control rows nearly repeat a train row (at most {MAX_NEAR_DUPLICATES:.0%} allowed): "
            "split so that near-duplicates stay on one side"
        )
    kept = replace(
        inputs,
        control=take(inputs.control, np.flatnonzero(~repeated)),
        control_identifiers=_kept(inputs.control_identifiers, repeated),
        set_aside=take(inputs.control, np.flatnonzero(repeated)) if repeated.any() else None,
    )
    shift = shift_auc(inputs.train, kept.control, rng)
    if shift is not None and not shift.low <= 0.5 <= shift.high:
        problems.append(
            f"train and control differ by more than chance (AUC {shift.value:.3f}, {shift.low:.3f} to "
            f"{shift.high:.3f}, must contain .5): draw control from the same people as train"
        )
    problems += _unreadable(inputs) + _wrongly_declared(kept)
    if not (inputs.train.has_groups and inputs.control.has_groups):
        problems.append(
            "the tables do not name persons, so nothing is shown about persons: give a group column, "
            "or say that every row is another person"
        )
    details: dict[str, Any] = {
        "near_duplicate_rate": rate,
        "control_rows_left_out": int(repeated.sum()),
        "shift_auc": None if shift is None else [shift.value, shift.low, shift.high],
        "claim_scope": "person" if inputs.train.has_groups and inputs.control.has_groups else "record",
        "problems": list(problems),
    }
    return Hygiene(inputs=kept, problems=tuple(problems), details=details)


def _wrongly_declared(inputs: AuditInputs) -> list[str]:
    n = straddling_identifiers(inputs)
    if n == 0:
        return []
    return [
        (
            f"{n} record numbers or other direct identifiers stand with persons of train and of control alike, so "
            "persons are wrongly declared: give all records of one person one group, and split anew"
        )
    ]


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


def _kept(
    identifiers: tuple[tuple[str, ...], ...] | None, repeated: NDArray[np.bool_]
) -> tuple[tuple[str, ...], ...] | None:
    if identifiers is None:
        return None
    return tuple(row for row, is_out in zip(identifiers, repeated, strict=True) if not is_out)


def _repeated(inputs: AuditInputs) -> NDArray[np.bool_]:
    """Return which control rows nearly repeat a train row, (n_control rows,)."""
    pairs = near_pairs(*(sketch(table.texts, bands=CLOSE) for table in (inputs.control, inputs.train)))
    repeated = np.zeros(len(inputs.control), dtype=bool)
    repeated[pairs.left[pairs.jaccard >= NEAR_DUPLICATE]] = True
    return repeated
