"""Separate the compared persons from the reference: the texts on which the attacks of an audit are fitted.

Attacks fit, for example, word frequencies, projections and language models. The reference is a public table, if one
is given. Otherwise, a fifth of the control persons become the reference and are not compared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import NotMeasurable
from audits.core.inputs import take
from audits.core.types import AuditInputs, Bool, Float, Int, Table, persons

REFERENCE_SHARE = 0.2  # share of the control persons who become the reference if there is no reference table
MIN_PERSONS = 20  # smallest number of persons in train and in control, and of records in a reference table
MIN_SYNTHETIC = 20  # smallest number of synthetic records


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutTables:
    """The attacked table (synthetic), the compared persons (train, control), and the reference."""

    synthetic: Table
    train: Table
    control: Table
    reference: Table
    reference_is_control: bool  # whether the reference consists of control persons

    @property
    def has_groups(self) -> bool:
        """Whether train and control both have person ids; if not, every privacy claim is about single records."""
        return self.train.has_groups and self.control.has_groups

    @property
    def has_labels(self) -> bool:
        """Whether the synthetic, train and control tables all have a class for each row."""
        return all(t.labels is not None for t in (self.synthetic, self.train, self.control))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The persons of the two compared groups (arms): first all train persons, then all control persons.

    P is the number of compared persons, n the number of their rows, and m the number of synthetic rows.
    """

    row_person: Int  # person index of each train row, then of each control row; int64 (n,)
    is_train: Bool  # whether each person is in train; bool (P,)
    person_class: Int  # class index of the first record of each person; int64 (P,), all 0 without labels
    synthetic_class: Int  # class index of each synthetic row; int64 (m,), all 0 without labels
    n_classes: int  # number of classes over all tables

    @property
    def n_train(self) -> int:
        """Number of compared train persons."""
        return int(self.is_train.sum())

    @property
    def n_control(self) -> int:
        """Number of compared control persons."""
        return int((~self.is_train).sum())


def hold_out(inputs: AuditInputs, rng: np.random.Generator) -> HoldoutTables:
    """Return the compared tables and the reference.

    Raise NotMeasurable if there are too few persons, synthetic rows or reference rows.

    Randomness: one permutation of the control persons, only if there is no reference table.
    """
    n_train, n_control = len(set(inputs.train.groups)), len(set(inputs.control.groups))
    if min(n_train, n_control) < MIN_PERSONS or len(inputs.synthetic) < MIN_SYNTHETIC:
        raise NotMeasurable(
            f"{n_train} train persons, {n_control} control persons and {len(inputs.synthetic)} synthetic records are "
            f"too few to compare; at least {MIN_PERSONS} of each are required, and a verdict needs many more"
        )
    control, reference = inputs.control, inputs.reference
    if reference is None:
        n_reference = max(1, round(REFERENCE_SHARE * n_control))
        is_reference = np.isin(persons(control.groups)[1], rng.permutation(n_control)[:n_reference])
        control, reference = (take(control, np.flatnonzero(rows)) for rows in (~is_reference, is_reference))
    elif len(reference) < MIN_PERSONS:
        raise NotMeasurable(f"the reference table needs at least {MIN_PERSONS} records")
    return HoldoutTables(
        synthetic=inputs.synthetic,
        train=inputs.train,
        control=control,
        reference=reference,
        reference_is_control=inputs.reference is None,
    )


def arms(holdout: HoldoutTables) -> Arms:
    """Return the compared persons and the class of each person and synthetic row."""
    train_names, train_person = persons(holdout.train.groups)
    control_names, control_person = persons(holdout.control.groups)
    row_person = np.concatenate([train_person, control_person + len(train_names)])
    is_train = np.arange(len(train_names) + len(control_names)) < len(train_names)
    m = len(holdout.synthetic)
    labels = [""] * (m + len(row_person))  # if one of the tables has no classes, all rows of all tables get one class
    if holdout.has_labels:
        tables = (holdout.synthetic, holdout.train, holdout.control)
        labels = [label for table in tables for label in table.labels or ()]
    number = {label: i for i, label in enumerate(sorted(set(labels)))}
    codes = np.array([number[label] for label in labels], dtype=np.int64)
    return Arms(
        row_person=row_person,
        is_train=is_train,
        person_class=codes[m:][np.unique(row_person, return_index=True)[1]],
        synthetic_class=codes[:m],
        n_classes=len(number),
    )


def person_scores(row_scores: NDArray[np.floating], row_person: Int) -> Float:
    """Return the highest record score of each of the P persons, so that each person counts once; float64 (P,)."""
    best = np.full(int(row_person.max()) + 1, -np.inf)
    np.maximum.at(best, row_person, row_scores)
    return best
