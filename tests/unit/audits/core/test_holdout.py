import numpy as np
import pytest

from audits.core.errors import NotMeasurable
from audits.core.holdout import arms, hold_out, person_scores
from audits.core.types import AuditInputs, Table


def table(groups, labels=None):
    texts = tuple(f"text {g} {i}" for i, g in enumerate(groups))
    return Table(texts=texts, labels=labels, groups=tuple(groups), has_groups=True)


def people(prefix, n, each=2):
    return [f"{prefix}{i // each}" for i in range(n * each)]


def test_the_reference_is_a_fifth_of_the_control_persons_or_a_given_table():
    tables = {role: table(people(role, n)) for role, n in {"synthetic": 31, "train": 40, "control": 55}.items()}
    parts = hold_out(AuditInputs(**tables), np.random.default_rng(2))
    aside, compared = set(parts.reference.groups), set(parts.control.groups)
    assert (len(aside), len(compared), aside & compared) == (11, 44, set())
    assert sorted(parts.reference.texts + parts.control.texts) == sorted(tables["control"].texts)
    assert parts.train is tables["train"]
    inputs = AuditInputs(**tables, reference=table(people("r", 25)))
    parts = hold_out(inputs, np.random.default_rng(2))
    assert parts.control is inputs.control
    assert parts.reference is inputs.reference
    assert not parts.reference_is_control


@pytest.mark.parametrize("sizes", [(31, 19, 25), (31, 25, 19), (9, 25, 26)])
def test_too_few_persons_or_rows_are_not_measurable(sizes):
    synthetic, train, control = (table(people(p, n, 1)) for p, n in zip("sth", sizes, strict=True))
    with pytest.raises(NotMeasurable, match="at least 20 of each are required"):
        hold_out(AuditInputs(synthetic=synthetic, train=train, control=control), np.random.default_rng(0))


def test_a_reference_of_less_than_twenty_records_is_not_measurable():
    tables = {name: table(people(name, 30)) for name in ("synthetic", "train", "control")}
    with pytest.raises(NotMeasurable, match="the reference table needs at least 20 records"):
        hold_out(AuditInputs(**tables, reference=table(people("r", 19, 1))), np.random.default_rng(0))


def test_arms_number_persons_and_classes_and_keep_the_highest_score():
    train = table(people("t", 20), ("b", "a", *["b"] * 38))
    synthetic, control = table(people("s", 21, 1), ("c",) * 21), table(people("t", 22), ("a",) * 44)
    inputs = AuditInputs(synthetic=synthetic, train=train, control=control, reference=table(people("r", 30)))
    compared = arms(hold_out(inputs, np.random.default_rng(0)))
    assert (compared.n_train, compared.n_control, compared.n_classes) == (20, 22, 3)
    assert list(compared.person_class[:3]) == [1, 1, 1]
    assert set(compared.person_class[20:]) == {0}
    assert list(compared.row_person[38:42]) == [19, 19, 20, 20]
    assert set(compared.synthetic_class) == {2}
    assert person_scores(np.array([0.5, -1.0, 2.0, -3.0]), np.array([0, 1, 0, 1])).tolist() == [2.0, -1.0]
