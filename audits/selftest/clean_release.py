"""Divide the user's persons for the self-test into train, control and persons whose rows are a clean release.

The self-test runs the audits on simulated releases whose leaks are known. A clean release has no leak.
"""

from dataclasses import dataclass, replace

import numpy as np

from audits.attacks.identifiers.judged_codes import codes_of
from audits.attacks.identifiers.patterns import QUASI, Entity, RowContent, number_key, numbers, read_content
from audits.attacks.memorization.search import CEILING_TOKENS, FLOOR_TOKENS, own_runs, pooled
from audits.core.errors import InputError
from audits.core.holdout import MIN_PERSONS
from audits.core.inputs import take
from audits.core.types import AuditInputs, Bool, Int, Rng, Table, persons
from audits.text.layout import plain_layout

UNSEEN_SHARE = 1 / 3  # share of the control persons whose rows become `unseen`; the others stay in control
MAX_PERSONS = 2000  # largest number of persons in `Population.train`, and in `Population.control`


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The tables of the self-test."""

    train: Table  # rows of the persons on whom the simulated generator was trained
    control: Table  # rows of the persons with whom the audits compare the persons of `train`
    unseen: Table  # the clean release: rows of other persons, without text or identifiers of train and control
    n_unseen: int  # number of persons in `unseen`
    n_repeating: int  # number of rows removed from `unseen` because they repeat a train or control person
    # for each train row, number of tokens of the longest passage that at most a few persons share; 0 if below 13
    own_run: Int  # (rows,)
    reference: Table | None = None  # the user's table of public text; None if the user gave none
    set_aside: Table | None = None  # control rows that may belong to a train person; None if there are none

    def inputs(self, synthetic: Table, train: Table | None = None, control: Table | None = None) -> AuditInputs:
        """Return the audit inputs with this synthetic table."""
        return AuditInputs(
            synthetic=synthetic,
            train=self.train if train is None else train,
            control=self.control if control is None else control,
            reference=self.reference,
            set_aside=self.set_aside,
        )


def draw_population(inputs: AuditInputs, rng: Rng) -> Population:
    """Return train, two thirds of the control persons, and the other third (`unseen`) as a clean release.

    People quote each other and fill in the same forms. An unseen row can thus repeat text of a train or control
    person, and an audit would rightly fail a release with this row. An unseen row is therefore removed if it
    - shares with a train or control person 13 consecutive tokens outside common text, or is a near copy of that
      person's text. Like the audit `memorization`, the search reads each text in three ways: as written, with masked
      numbers, and as consonants only;
    - contains an identifier of a train or control person, or the digits of this identifier in any grouping; or
    - contains, in any grouping, a long or mixed code of a train or control person (`Code.is_long`, `Code.is_mixed`),
      such as `12-345-abc`.

    At most 2,000 train persons and 3,000 control persons (2,000 for control, 1,000 unseen) are drawn. The caller
    must first run the input checks (`check_split`), which remove control rows that may belong to a train person.

    Raises:
        InputError: there are fewer than 60 control persons, or every unseen row repeats a train or control person.
    """
    _, control_person = persons(inputs.control.groups)
    n_control = int(control_person.max(initial=-1)) + 1
    if n_control < MIN_PERSONS / UNSEEN_SHARE:
        problem = f"control has {n_control} persons, but the self-test requires {round(MIN_PERSONS / UNSEEN_SHARE)}"
        hint = "Add control persons whom the generator never saw; for a verdict, about 1,000 are needed."
        raise InputError(problem, hint=hint)
    order = rng.permutation(n_control)[: round(MAX_PERSONS / (1 - UNSEEN_SHARE))]
    n_unseen = round(UNSEEN_SHARE * len(order))
    names, train_person = persons(inputs.train.groups)
    train = _of_persons(inputs.train, train_person, rng.permutation(len(names))[:MAX_PERSONS])
    unseen = _of_persons(inputs.control, control_person, order[:n_unseen])
    control = _of_persons(inputs.control, control_person, order[n_unseen:])
    repeating, own_run = repeating_rows(train, control, unseen, inputs.reference)
    if repeating.all():
        raise InputError(
            "the self-test cannot build a release without leaks: each row of the control persons reserved for this "
            "release repeats text or an identifier of another person",
            hint="Remove near-duplicates and templates from the tables.",
        )
    kept = take(unseen, np.flatnonzero(~repeating))
    return Population(
        train=train,
        control=control,
        unseen=as_synthetic(kept),
        n_unseen=len(set(kept.groups)),
        n_repeating=int(repeating.sum()),
        own_run=own_run,
        reference=inputs.reference,
        set_aside=inputs.set_aside,
    )


def as_synthetic(table: Table) -> Table:
    """Return the table as a release: texts in plain layout, the same labels, and one group per row."""
    groups = tuple(f"synthetic row {i}" for i in range(len(table)))
    return Table(texts=tuple(map(plain_layout, table.texts)), labels=table.labels, groups=groups, has_groups=False)


def stack_tables(first: Table, second: Table) -> Table:
    """Return the rows of the first and then of the second table; the result has labels if both tables have labels."""
    labels = None if first.labels is None or second.labels is None else first.labels + second.labels
    return Table(
        texts=first.texts + second.texts,
        labels=labels,
        groups=first.groups + second.groups,
        has_groups=first.has_groups and second.has_groups,
    )


def deal_persons(train: Table, control: Table, rng: Rng) -> tuple[Table, Table]:
    """Return train and control with all persons reassigned at random; each table keeps its number of persons."""
    both = stack_tables(train, control)
    names, person = persons(both.groups)
    of_train = np.isin(person, rng.permutation(len(names))[: len(set(train.groups))])
    return take(both, np.flatnonzero(of_train)), take(both, np.flatnonzero(~of_train))


def _of_persons(table: Table, person: Int, chosen: Int) -> Table:
    # vectors are dropped, because the texts of the simulated releases have none
    return replace(take(table, np.flatnonzero(np.isin(person, chosen))), vectors={})


def repeating_rows(train: Table, control: Table, unseen: Table, reference: Table | None = None) -> tuple[Bool, Int]:
    """Return which unseen rows must be removed (see `draw_population`), bool (rows,), and the `own_run` of train."""
    pool = pooled(AuditInputs(synthetic=unseen, train=train, control=control, reference=reference))
    longest, is_near = own_runs([*unseen.texts, *train.texts], pool)
    is_quoting = (longest[: len(unseen)] >= FLOOR_TOKENS) | is_near[: len(unseen)]
    rows = [read_content(text) for text in (*train.texts, *control.texts)]
    pooled_identifiers = {entity for row in rows for entity in _identifiers(row)}
    pooled_codes = {code.key for row in rows for code in codes_of(row) if code.is_long or code.is_mixed}
    digits = {key for key in map(number_key, pooled_identifiers) if key is not None}
    has_identifier = [
        not pooled_identifiers.isdisjoint(_identifiers(row))
        or not digits.isdisjoint(numbers(row.text))
        or not pooled_codes.isdisjoint(code.key for code in codes_of(row))
        for row in map(read_content, unseen.texts)
    ]
    return is_quoting | np.array(has_identifier, dtype=np.bool_), longest[len(unseen) :]


def _identifiers(row: RowContent) -> set[Entity]:
    """Return the identifiers in a row, except dates, postal codes and ages (`QUASI`)."""
    return {entity for entity in row.entities if entity.kind not in QUASI}


def copyable(population: Population) -> Int:
    """Return the indices of train rows with 30 consecutive tokens that at most a few persons share (`own_run`).

    The audits can detect a copy of such a row.
    """
    return np.asarray(np.flatnonzero(population.own_run >= CEILING_TOKENS), dtype=np.int64)
