from dataclasses import replace

import pytest

from audits.identifiers.straddling import straddling_identifiers


def said(table, row, what):
    return replace(table, texts=(*table.texts[:row], f"{table.texts[row]} {what}", *table.texts[row + 1 :]))


def test_fresh_people_share_none(fresh_inputs):
    assert straddling_identifiers(fresh_inputs) == 0


@pytest.mark.parametrize(
    "number", ["MRN 4821337705", "NHS 943-476-5919", "IBAN DE89 3704 0044 0532 0130 00", "SSN 536-22-4399"]
)
def test_a_number_on_both_sides_is_found(fresh_inputs, number):
    both = replace(
        fresh_inputs, train=said(fresh_inputs.train, 3, number), control=said(fresh_inputs.control, 7, number)
    )
    assert straddling_identifiers(both) == 1
    one_side = replace(fresh_inputs, train=said(said(fresh_inputs.train, 3, number), 40, number))
    assert straddling_identifiers(one_side) == 0


def test_a_number_on_record_counts(fresh_inputs):
    listed = tuple(("MRN 4821337705",) if i == 5 else () for i in range(len(fresh_inputs.train)))
    inputs = replace(fresh_inputs, identifiers=listed, control=said(fresh_inputs.control, 7, "record no 4821337705"))
    assert straddling_identifiers(inputs) == 1


def test_what_everybody_has_is_a_template(fresh_inputs):
    template = replace(fresh_inputs.train, texts=tuple(f"{t} device 48213377" for t in fresh_inputs.train.texts))
    assert (
        straddling_identifiers(
            replace(fresh_inputs, train=template, control=said(fresh_inputs.control, 7, "device 48213377"))
        )
        == 0
    )
