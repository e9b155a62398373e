"""Split of the audit tables into compared persons and a reference for fitting.

Everything an attack must fit first (word frequencies, projections, a language model of the domain) is fitted on a
public reference table or on control persons who are then excluded from the comparison. It is never fitted on train,
nor on the control persons that are compared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import NotMeasurable
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table, persons

REFERENCE_SHARE = 0.2
MIN_PERSONS = 20
MIN_SYNTHETIC = 20

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutTables:
    """The attacked table (synthetic), the compared persons (train, control) and the fitting data (reference)."""

    synthetic: Table
    train: Table
    control: Table
    reference: Table
    reference_is_control: bool

    @property
    def has_groups(self) -> bool:
        """Whether both arms identify persons; if not, every claim is per record."""
        return self.train.has_groups and self.control.has_groups

    @property
    def has_labels(self) -> bool:
        """Whether the synthetic, train and control tables all have a class for each row."""
        return all(t.labels is not None for t in (self.synthetic, self.train, self.control))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The compared persons of both arms: train first, then control.

    Args:
        row_person: person index of each row of train and then control; int64 (n,).
        is_train: whether each person is in train; bool (P,).
        person_class: class index of the first record of each person; int64 (P,), all 0 without labels.
        synthetic_class: class index of each synthetic row; int64 (m,), all 0 without labels.
        n_classes: number of classes over all tables.
    """

    row_person: Int
    is_train: NDArray[np.bool_]
    person_class: Int
    synthetic_class: Int
    n_classes: int

    @property
    def n_train(self) -> int:
        """Number of compared train persons."""
        return int(self.is_train.sum())

    @property
    def n_control(self) -> int:
        """Number of compared control persons."""
        return int((~self.is_train).sum())


def hold_out(inputs: AuditInputs, rng: np.random.Generator) -> HoldoutTables:
    """Return the tables with the reference table or, without one, with a fifth of the control persons as reference.

    Raises:
        NotMeasurable: there are too few persons, synthetic rows or reference rows; the message names the minimum.

    Randomness: one permutation of the control persons if there is no reference table.
    """
    n_train, n_control = len(set(inputs.train.groups)), len(set(inputs.control.groups))
    if min(n_train, n_control) < MIN_PERSONS or len(inputs.synthetic) < MIN_SYNTHETIC:
        raise NotMeasurable(
            f"{n_train} train persons, {n_control} control persons and {len(inputs.synthetic)} synthetic records are "
            f"too few to compare; at least {MIN_PERSONS} of each are required, and a verdict needs many more"
        )
    if inputs.reference is not None:
        if len(inputs.reference) < MIN_PERSONS:
            raise NotMeasurable(f"the reference table needs at least {MIN_PERSONS} records")
        return HoldoutTables(
            synthetic=inputs.synthetic,
            train=inputs.train,
            control=inputs.control,
            reference=inputs.reference,
            reference_is_control=False,
        )
    _, row_person = persons(inputs.control.groups)
    aside = np.zeros(n_control, dtype=np.bool_)
    aside[rng.permutation(n_control)[: max(1, round(REFERENCE_SHARE * n_control))]] = True
    return HoldoutTables(
        synthetic=inputs.synthetic,
        train=inputs.train,
        control=take(inputs.control, np.flatnonzero(~aside[row_person])),
        reference=take(inputs.control, np.flatnonzero(aside[row_person])),
        reference_is_control=True,
    )


def arms(holdout: HoldoutTables) -> Arms:
    """Return the compared persons and the class of each person and synthetic row."""
    train_names, train_person = persons(holdout.train.groups)
    control_names, control_person = persons(holdout.control.groups)
    row_person = np.concatenate([train_person, control_person + len(train_names)])
    is_train = np.arange(len(train_names) + len(control_names)) < len(train_names)
    if holdout.synthetic.labels is None or holdout.train.labels is None or holdout.control.labels is None:
        return Arms(
            row_person=row_person,
            is_train=is_train,
            person_class=np.zeros(len(is_train), dtype=np.int64),
            synthetic_class=np.zeros(len(holdout.synthetic), dtype=np.int64),
            n_classes=1,
        )
    labels = [*holdout.synthetic.labels, *holdout.train.labels, *holdout.control.labels]
    number = {label: i for i, label in enumerate(sorted(set(labels)))}
    codes = np.array([number[label] for label in labels], dtype=np.int64)
    first_row = np.unique(row_person, return_index=True)[1]
    m = len(holdout.synthetic)
    return Arms(
        row_person=row_person,
        is_train=is_train,
        person_class=codes[m:][first_row],
        synthetic_class=codes[:m],
        n_classes=len(number),
    )


def person_scores(row_scores: NDArray[np.floating], row_person: Int) -> NDArray[np.float64]:
    """Return the highest record score of each person, so that each person is one trial; float64 (P,)."""
    best = np.full(int(row_person.max()) + 1, -np.inf)
    np.maximum.at(best, row_person, row_scores)
    return best
