"""Check the tables before the audits compare train (used by the generator) with control (persons it never saw).

Train and control must be comparable, and the synthetic texts must contain usual characters only.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from audits.attacks.identifiers.patterns import DIRECT, QUASI, entities
from audits.core.errors import InputError
from audits.core.inputs import take
from audits.core.quarantine import most_quarantined
from audits.core.rates import exact
from audits.core.types import AuditInputs, Bool, Estimate, Table, persons
from audits.embeddings.shift import shift_auc
from audits.runner.layout import unlike_real
from audits.text.common_text import CONTROL, MANY, TRAIN, Owned, repeated_records, shared_phrases
from audits.text.disguise import disguise
from audits.text.layout import BROKEN
from audits.text.minhash import near_pairs, sketch
from audits.text.normalise import tokens, without_numbers
from audits.text.shared_runs import TokenNumbers, number_rows

NEAR_DUPLICATE = 0.8  # smallest Jaccard index of the 5-word sequences of two near-duplicate rows
MAX_NEAR_DUPLICATES = 0.01  # at most this share of the control rows may nearly duplicate a train row
MAX_SHARED_IDENTIFIERS = 0.01  # at most this share of the control persons may share an identifier with a train person
MAX_REPEATING_REFERENCE = 0.01  # at most this share of the rows of public text may repeat a train or control record
COMMON_LABEL = 10  # a label (class) of fewer than 10 train persons must not contain an identifier
MIN_IDENTIFIER = 5  # shortest identifier that is searched for in labels; a shorter one may be a usual word
NO_PERSONS = (
    "the tables do not identify persons, so privacy is measured per record only: add a group column, "
    "or pass --rows-are-persons if each row belongs to a different person"
)
_RECORD_NUMBER = re.compile(r"[a-z]{0,4}[- ]?\d(?:[-/ ]?\d){5,13}")  # at most 4 letters, then 6 to 14 digits


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChecks:
    """The result of the input checks."""

    inputs: AuditInputs  # the tables without the removed control and reference rows
    problems: tuple[str, ...]  # reasons why no audit may pass on these tables
    # indices of the disguised synthetic rows and of those with unusual layout, see `check_split`; a release must
    # not contain them. If more than 1 % of the rows are disguised, these rows are a problem and are not listed
    # here. The same applies to unusual layout
    quarantined: tuple[int, ...]
    details: Mapping[str, Any]  # section of the report; a policy refers to its metric NAME as `input_checks.NAME`


def check_split(inputs: AuditInputs, rng: np.random.Generator, *, quarantine: bool = True) -> InputChecks:
    """Return the tables without three kinds of rows that invalidate a comparison, and the problems of the tables.

    If more than 1 % of the rows of a table are of one kind, this kind is also a problem. The three kinds are:
    - Control rows that nearly duplicate a train row (`NEAR_DUPLICATE`), because a synthetic copy of the train row is
      equally close to both rows. Rows removed before the call (`inputs.near_duplicate_rate`) count towards the 1 %.
    - All rows of control persons who share a direct identifier with a train person: the two may be the same person
      or relatives. Identifiers of more than ten persons are ignored. For this kind, 1 % of the persons is the limit.
    - Rows of the reference (public text) that repeat phrases of a train or control record, if the reference
      contains at least half of this record: with these rows, a synthetic copy would count as common text.

    Five further findings are problems:
    - Shift: the AUC interval of a classifier that distinguishes train from control persons excludes 0.5. If it is
      above 0.5, audits could mistake the shift for a leak. If it is below, control records reword or quote train.
    - Disguise: rows with many look-alike characters (such as Greek for Latin letters) or invisible characters are
      more frequent in the synthetic table than in the real tables (`audits.text.disguise`).
    - Layout: rows with one kind of unusual white space, or with invisible characters, are more frequent in the
      synthetic table than in the real tables (`audits.runner.layout`).
    - A synthetic label contains an identifier and belongs to fewer than ten train persons.
    - The tables do not identify persons, and the user did not declare that each row belongs to a different person.

    With `quarantine`, disguise or layout in at most 1 % of synthetic rows is no problem: the rows are quarantined.

    Raises:
        InputError: there is no control row or none remains, or `near_duplicate_rate` is not between 0 and 1.
    """
    if len(inputs.control) == 0:
        raise InputError("there is no control record; pass records of persons whom the generator never saw")
    if not 0 <= (before := inputs.near_duplicate_rate) <= 1:
        raise InputError(f"near_duplicate_rate must be between 0 and 1, got {before:g}")
    duplicating, sharing = _duplicating(inputs), _sharing_identifiers(inputs)
    names, person = persons(inputs.control.groups)
    repeating = np.zeros(0, np.bool_) if inputs.reference is None else _repeating_reference(inputs, inputs.reference)
    # metric -> (share, total number of rows or persons); `straddling_rate`: share of the control persons who share an
    # identifier with a train person
    rates = {
        "near_duplicate_rate": (before + (1 - before) * float(duplicating.mean()), len(inputs.control)),
        "straddling_rate": (len(np.unique(person[sharing])) / len(names), len(names)),
        "reference_rate": (float(repeating.mean()) if len(repeating) > 0 else 0.0, len(repeating)),
    }
    kept = _kept(inputs, duplicating | sharing, repeating)
    shift = shift_auc(inputs.train, kept.control, rng)
    problems = [*_rate_problems({name: rate for name, (rate, _) in rates.items()}), *_shift_problems(shift)]
    disguised, of_disguise = _disguised(inputs, quarantine=quarantine)
    unusual, of_layout = _unusual_layout(inputs, quarantine=quarantine)
    has_groups = inputs.train.has_groups and inputs.control.has_groups
    problems += [*of_disguise, *of_layout, *_label_problems(inputs), *([] if has_groups else [NO_PERSONS])]
    counts = {"problems": (len(problems), len(inputs.control)), **rates}
    details = {
        "near_duplicate_rate": rates["near_duplicate_rate"][0],
        "control_rows_left_out": int((duplicating | sharing).sum()),
        "reference_rows_left_out": int(repeating.sum()),
        "shift_auc": None if shift is None else [shift.value, shift.low, shift.high],
        "claim_scope": "person" if has_groups else "record",
        "problems": list(problems),
        "metrics": {name: asdict(exact(float(value), confidence=1.0, n=n)) for name, (value, n) in counts.items()},
    }
    quarantined = tuple(sorted({*disguised, *unusual}))
    return InputChecks(inputs=kept, problems=tuple(problems), quarantined=quarantined, details=details)


def _shift_problems(shift: Estimate | None) -> Iterator[str]:
    if shift is None or shift.low <= 0.5 <= shift.high:
        return
    measured = f"(AUC {shift.value:.3f}, interval {shift.low:.3f} to {shift.high:.3f} must contain 0.5)"
    if shift.low > 0.5:
        remedy = "draw control from the same population as train"
        yield f"train and control differ more than chance explains {measured}: {remedy}"
    else:
        yield (
            f"control records resemble single train records more than chance explains {measured}: leave out "
            "control records that reword, quote or answer a train record"
        )


def _disguised(inputs: AuditInputs, *, quarantine: bool) -> tuple[tuple[int, ...], list[str]]:
    """Return the indices of the disguised synthetic rows to quarantine, and the problems.

    Disguised rows have many look-alike or invisible characters. If too many rows are disguised to be quarantined,
    none is quarantined, and they are a problem.
    """
    found = disguise(inputs.synthetic.texts, (*inputs.train.texts, *inputs.control.texts))
    if not found.proven:
        return (), []
    if quarantine and len(found.synthetic) <= most_quarantined(len(inputs.synthetic)):
        return found.synthetic, []
    problem = (
        f"{len(found.synthetic)} synthetic rows and {found.real} real rows contain many look-alike or invisible "
        "characters, so a text search in the synthetic rows is unreliable: replace these characters by plain ones"
    )
    return (), [problem]


def _unusual_layout(inputs: AuditInputs, *, quarantine: bool) -> tuple[tuple[int, ...], list[str]]:
    """Return the indices of the synthetic rows with unusual layout to quarantine, and the problems."""
    found = unlike_real(inputs.synthetic.texts, (*inputs.train.texts, *inputs.control.texts))
    if quarantine and len(found.rows) <= most_quarantined(len(inputs.synthetic)):
        return found.rows, []
    if not found.rows:
        return (), []
    remedy = "remove them with `audits rewrite TABLE NEW`, and audit NEW"
    if BROKEN in found.kinds:
        others = "; remove the other characters with `audits rewrite TABLE NEW`, and audit NEW"
        remedy = "join the lines of each sentence" + (others if len(found.kinds) > 1 else "")
    problem = (
        f"{len(found.rows)} synthetic rows contain white space or invisible characters ({', '.join(found.kinds)}) "
        f"that real rows contain less often; no audit reads these characters: {remedy}"
    )
    return (), [problem]


def _label_problems(inputs: AuditInputs) -> Iterator[str]:
    n_persons = Counter(label for label, _ in set(zip(inputs.train.labels or (), inputs.train.groups, strict=False)))
    rare = {label for label in inputs.synthetic.labels or () if n_persons[label] < COMMON_LABEL}
    if not rare:
        return
    identifiers_of_records = {
        _words(text) for row in inputs.identifiers or () for text in row if len(text) >= MIN_IDENTIFIER
    }
    n = sum(
        any(entity.kind in DIRECT for entity in entities(label))
        or any(words in _words(label) for words in identifiers_of_records - {""})
        for label in rare
    )
    if n > 0:
        yield (
            f"labels of the synthetic table that contain an identifier and belong to fewer than {COMMON_LABEL} train "
            f"persons: {n}; merge such classes"
        )


def _words(text: str) -> str:
    """Return the tokens of a text with single spaces between, before and after them: `"Ann, 5"` -> `" ann 5 "`."""
    words = tokens(text)
    return f" {' '.join(words)} " if words else ""


def _rate_problems(rates: Mapping[str, float]) -> Iterator[str]:
    if rates["near_duplicate_rate"] > MAX_NEAR_DUPLICATES:
        yield (
            f"{rates['near_duplicate_rate']:.1%} of the control rows nearly duplicate a train row (at most "
            f"{MAX_NEAR_DUPLICATES:.0%} allowed): split the data so that near-duplicates are in the same table"
        )
    if rates["straddling_rate"] > MAX_SHARED_IDENTIFIERS:
        yield (
            f"{rates['straddling_rate']:.1%} of the control persons have a direct identifier of a train person "
            f"(at most {MAX_SHARED_IDENTIFIERS:.0%} allowed), so the group column is probably wrong, or families are "
            "in both tables: give all records of a person one id, and keep each family in one table"
        )
    if rates["reference_rate"] > MAX_REPEATING_REFERENCE:
        yield (
            f"{rates['reference_rate']:.1%} of the reference rows repeat a train or control record (at most "
            f"{MAX_REPEATING_REFERENCE:.0%} allowed): the reference must be public text without private records"
        )


def _kept(inputs: AuditInputs, left_out: Bool, repeating: Bool) -> AuditInputs:
    if left_out.all():
        raise InputError(
            "every control row nearly duplicates a train row or belongs to a person with an identifier of a train "
            "person; control must contain persons whom the generator never saw"
        )
    reference, identifiers = inputs.reference, inputs.control_identifiers
    if reference is not None and repeating.any():
        reference = None if repeating.all() else take(reference, np.flatnonzero(~repeating))
    if identifiers is not None:
        identifiers = tuple(row for row, is_out in zip(identifiers, left_out, strict=True) if not is_out)
    return replace(
        inputs,
        control=take(inputs.control, np.flatnonzero(~left_out)),
        control_identifiers=identifiers,
        set_aside=take(inputs.control, np.flatnonzero(left_out)) if left_out.any() else None,
        reference=reference,
    )


def _duplicating(inputs: AuditInputs) -> Bool:
    pairs = near_pairs(*(sketch(table.texts) for table in (inputs.control, inputs.train)))
    duplicating = np.zeros(len(inputs.control), dtype=bool)
    duplicating[pairs.left[pairs.jaccard >= NEAR_DUPLICATE]] = True
    return duplicating


def _sharing_identifiers(inputs: AuditInputs) -> Bool:
    train, control = (
        _owners(table, replaced)
        for table, replaced in ((inputs.train, inputs.identifiers), (inputs.control, inputs.control_identifiers))
    )
    shared = {
        person
        for value, owners in control.items()
        if value in train and len(owners) + len(train[value]) <= MANY
        for person in owners
    }
    return np.array([group in shared for group in inputs.control.groups], dtype=np.bool_)


def _owners(table: Table, replaced: tuple[tuple[str, ...], ...] | None) -> dict[str, set[str]]:
    """Return, for each direct identifier, the ids of the persons who have it.

    The identifiers are the direct identifiers in the texts, and the record numbers in `replaced` (by row, the
    identifiers that de-identification replaced).
    """
    owners: dict[str, set[str]] = defaultdict(set)
    for row, (text, group) in enumerate(zip(table.texts, table.groups, strict=True)):
        values = {entity.key for entity in entities(text) if entity.kind in DIRECT}
        for value in values | _record_numbers(() if replaced is None else replaced[row]):
            owners[value].add(group)
    return owners


def _record_numbers(replaced: Iterable[str]) -> set[str]:
    # returns the digits of each record number (6 to 14 digits); quasi-identifiers, such as dates, are omitted
    return {
        "".join(filter(str.isdigit, text))
        for text in replaced
        if _RECORD_NUMBER.fullmatch(text.strip().lower()) and all(e.kind not in QUASI for e in entities(text))
    }


def _repeating_reference(inputs: AuditInputs, reference: Table) -> Bool:
    """Return whether each reference row repeats a phrase of a copied record; bool, one entry per reference row.

    A copied record is a train or control record of which the reference contains at least half.
    """
    _, owner = persons(inputs.train.groups + inputs.control.groups)
    n_rows, n_persons = len(owner), int(owner.max()) + 1
    texts = inputs.train.texts + inputs.control.texts + reference.texts
    rows = number_rows((without_numbers(tokens(text)) for text in texts), TokenNumbers())
    # the whole reference counts as one additional control person, with the index n_persons
    side = np.where(np.arange(n_persons + 1) < len(set(inputs.train.groups)), TRAIN, CONTROL)
    pool = Owned(rows, np.concatenate([owner, np.full(len(reference), n_persons)]), side)
    shared = shared_phrases(pool)
    repeated = [row for row, other in repeated_records(pool, shared) if other == n_persons]
    row = rows.row(shared.at)
    is_record_phrase = np.isin(row, repeated) & ~shared.boilerplate[shared.phrase]
    repeating_rows = row[(row >= n_rows) & np.isin(shared.phrase, shared.phrase[is_record_phrase])]
    return np.isin(np.arange(len(reference)), repeating_rows - n_rows)
