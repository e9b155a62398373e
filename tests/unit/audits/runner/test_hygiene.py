from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import InputError
from audits.runner.hygiene import check_split
from audits.runner.run import run


def checked(inputs):
    return check_split(inputs, np.random.default_rng(0))


def test_a_clean_split_has_no_problems(fresh_inputs):
    found = checked(fresh_inputs)
    assert found.problems == ()
    assert len(found.inputs.control) == len(fresh_inputs.control)
    assert found.details["claim_scope"] == "person"


def repeated(inputs, n):
    texts = [t.replace("a", "a ", 1) for t in inputs.train.texts[:n]] + list(inputs.control.texts[n:])
    return replace(inputs, control=replace(inputs.control, texts=tuple(texts)))


def test_a_few_repeated_rows_are_left_out_and_counted(fresh_inputs):
    found = checked(repeated(fresh_inputs, 3))
    assert found.problems == ()
    assert found.details["control_rows_left_out"] == 3
    assert len(found.inputs.control) == len(fresh_inputs.control) - 3


def test_many_repeated_rows_are_a_problem(fresh_inputs):
    found = checked(repeated(fresh_inputs, 20))
    assert len(found.problems) == 1
    assert "nearly repeat a train row" in found.problems[0]


def test_nothing_but_repeats_is_refused(fresh_inputs):
    same = replace(fresh_inputs.train, groups=tuple(f"h{g}" for g in fresh_inputs.train.groups))
    with pytest.raises(InputError, match="every control row repeats"):
        checked(replace(fresh_inputs, control=same))


def test_a_shift_is_a_problem(fresh_inputs):
    texts = tuple(f"{t} winter" if i % 2 else t for i, t in enumerate(fresh_inputs.control.texts))
    found = checked(replace(fresh_inputs, control=replace(fresh_inputs.control, texts=texts)))
    assert len(found.problems) == 1
    assert "differ by more than chance" in found.problems[0]


def test_without_persons_nothing_is_shown_about_persons(fresh_inputs):
    found = checked(replace(fresh_inputs, train=replace(fresh_inputs.train, has_groups=False)))
    assert "do not name persons" in found.problems[0]
    assert found.details["claim_scope"] == "record"


def test_what_was_set_aside_is_nobodys_own(fresh_inputs):
    """A text of a train and of a control person shows nothing about the train person when it comes back."""
    shared = fresh_inputs.train.texts[0]
    inputs = replace(
        fresh_inputs,
        control=replace(fresh_inputs.control, texts=(shared, *fresh_inputs.control.texts[1:])),
        synthetic=replace(fresh_inputs.synthetic, texts=(shared, *fresh_inputs.synthetic.texts[1:])),
    )
    report = run(inputs, names=["replay"], seed=3)
    assert report.results[0].metrics["replay.hard_hits"].value == 0
