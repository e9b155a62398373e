"""People for the self-test: part of the control persons act as a release that is known to be clean."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audits.attacks.identifiers.patterns import QUASI, Entity, entities, number_key, numbers
from audits.attacks.memorization.search import CEILING_TOKENS, FLOOR_TOKENS, own_runs, pooled
from audits.core.errors import InputError
from audits.core.holdout import MIN_PERSONS
from audits.core.inputs import take
from audits.core.types import AuditInputs, Table, persons

FRESH_SHARE = 1 / 3  # of the control persons; the others are the arm that the audits compare with train
MAX_PERSONS = 2000  # per arm, drawn at random: more would only make the self-test slower, not the audits better

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Who plays what in the self-test.

    Args:
        train: what the pretended generator saw.
        control: persons it never saw, compared with train.
        unseen: persons it never saw either, whose texts stand for a clean release: those of their rows that repeat
            nobody.
        n_unseen: how many persons these are.
        n_repeating: how many rows of fresh persons were left out because they repeat somebody.
        own_run: for each train row the longest run of tokens that is its person's alone, 0 if under 13; (n_train,).
        reference: the user's reference table, or None.
        set_aside: control rows taken out by the split check, or None.
    """

    train: Table
    control: Table
    unseen: Table
    n_unseen: int
    n_repeating: int
    own_run: Int
    reference: Table | None = None
    set_aside: Table | None = None

    def inputs(self, synthetic: Table, train: Table | None = None, control: Table | None = None) -> AuditInputs:
        """Return what an audit gets where the synthetic table is this one."""
        return AuditInputs(
            synthetic=synthetic,
            train=self.train if train is None else train,
            control=self.control if control is None else control,
            reference=self.reference,
            set_aside=self.set_aside,
        )


def draw_population(inputs: AuditInputs, rng: np.random.Generator) -> Population:
    """Return train, two thirds of the control persons, and the other third as fresh people.

    People quote one another and fill in the same forms, so a fresh person's text may repeat words or an identifier of
    a train person; a release of it would rightly be stopped. Rows of fresh persons that hold a run of 13 tokens (as
    they are, or with numbers masked, as `memorization` reads them), half of a record (a reply that quotes it line by line),
    or an identifier, with its label or without, of one train or control person are therefore left out. Which they are
    is decided without looking at who is train, so leaving them out betrays nobody, and what remains is a release
    known to be clean.

    Args:
        inputs: checked tables (`audits.runner.input_checks.check_split`); its synthetic table is not read.
        rng: draws at most 2,000 train persons and 3,000 control persons, and deals the latter into two parts.

    Raises:
        InputError: fewer than 60 control persons, or fresh people who all repeat somebody.

    Privacy: reads train and control; returns texts, which stay in memory.
    Cost: one search for runs over all texts.
    """
    _, control_person = persons(inputs.control.groups)
    n_control = int(control_person.max(initial=-1)) + 1
    n_unseen = round(FRESH_SHARE * n_control)
    if n_unseen < MIN_PERSONS:
        needed = round(MIN_PERSONS / FRESH_SHARE)
        raise InputError(
            f"control has {n_control} persons; a third of them act as fresh people, so {needed} are the least",
            hint="give more persons that the generator never saw; a verdict needs about a thousand of them",
        )
    order = rng.permutation(n_control)[: round(MAX_PERSONS / (1 - FRESH_SHARE))]
    n_unseen = round(FRESH_SHARE * len(order))
    train = _of_persons(inputs.train, rng)
    unseen, control = (
        _take(inputs.control, np.isin(control_person, part)) for part in (order[:n_unseen], order[n_unseen:])
    )
    repeating, own_run = _repeats(train, control, unseen, inputs.reference)
    if repeating.all():
        raise InputError(
            "every text of one third of the control persons repeats train or the other control persons, so no clean "
            "release can be made up to calibrate with",
            hint="leave near-duplicates and templates out of the tables",
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
    """Return the table as a release: the same texts and labels, every row on its own."""
    return Table(
        texts=table.texts,
        labels=table.labels,
        groups=tuple(f"synthetic row {i}" for i in range(len(table))),
        has_groups=False,
    )


def stack_tables(first: Table, second: Table) -> Table:
    """Return the rows of both tables, first and then second; labels only where both have them."""
    labels = None if first.labels is None or second.labels is None else first.labels + second.labels
    return Table(
        texts=first.texts + second.texts,
        labels=labels,
        groups=first.groups + second.groups,
        has_groups=first.has_groups and second.has_groups,
    )


def deal_persons(train: Table, control: Table, rng: np.random.Generator) -> tuple[Table, Table]:
    """Return all persons of both tables dealt anew into as many of train and as many of control as there are."""
    both = stack_tables(train, control)
    names, person = persons(both.groups)
    n_train = len(set(train.groups))
    of_train = np.isin(person, rng.permutation(len(names))[:n_train])
    return take(both, np.flatnonzero(of_train)), take(both, np.flatnonzero(~of_train))


def _of_persons(table: Table, rng: np.random.Generator) -> Table:
    names, person = persons(table.groups)
    return _take(table, np.isin(person, rng.permutation(len(names))[:MAX_PERSONS]))


def _take(table: Table, chosen: NDArray[np.bool_]) -> Table:
    """Return the chosen rows without vectors: the texts made up here have none."""
    return replace(take(table, np.flatnonzero(chosen)), vectors={})


def _repeats(
    train: Table, control: Table, unseen: Table, reference: Table | None = None
) -> tuple[NDArray[np.bool_], Int]:
    """Return which fresh rows repeat a person of train or control, and the longest own run of each train row."""
    pool = pooled(AuditInputs(synthetic=unseen, train=train, control=control, reference=reference))
    longest, is_near = own_runs([*unseen.texts, *train.texts], pool)
    quoting = (longest[: len(unseen)] >= FLOOR_TOKENS) | is_near[: len(unseen)]
    pooled_identifiers = {e for text in (*train.texts, *control.texts) for e in _identifiers(text)}
    digits = {key for key in map(number_key, pooled_identifiers) if key is not None}
    named = [
        not pooled_identifiers.isdisjoint(_identifiers(text)) or not digits.isdisjoint(numbers(text))
        for text in unseen.texts
    ]
    return quoting | np.array(named, dtype=np.bool_), longest[len(unseen) :]


def _identifiers(text: str) -> set[Entity]:
    return {entity for entity in entities(text) if entity.kind not in QUASI}


def copyable(population: Population) -> Int:
    """Return the train rows with a run of 30 tokens that is their person's alone: what a copy can be told by."""
    return np.asarray(np.flatnonzero(population.own_run >= CEILING_TOKENS), dtype=np.int64)
