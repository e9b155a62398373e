from dataclasses import replace

import numpy as np
import pytest

from audits.base import AuditInputs
from audits.identifiers import Identifiers


def audited(inputs, extra=(), retexted=None):
    if extra:
        inputs = replace(inputs, synthetic=retexted(inputs.synthetic, [*inputs.synthetic.texts, *extra]))
    return Identifiers().run(inputs, np.random.default_rng(0), 0.95)


def mrn_of(table, row):
    return table.texts[row].split("MRN: ")[1].split(",")[0]


def test_fresh_people_pass(fresh_inputs):
    result = audited(fresh_inputs)
    assert result.verdict == "pass", result.reason
    assert result.metrics["hard_hits"].value == 0


@pytest.mark.parametrize("form", ["MRN: {}", "record number {}", "the number {} was written", "no {0:.4}-{1}"])
def test_one_record_number_in_one_row_fails(fresh_inputs, retexted, form):
    number = mrn_of(fresh_inputs.train, 5)
    result = audited(fresh_inputs, [form.format(number, number[4:])], retexted)
    assert result.verdict == "fail"
    assert result.metrics["hard_hits"].value == 1
    assert number not in repr(result)


def test_a_record_number_of_control_is_no_hard_hit(fresh_inputs, retexted):
    result = audited(fresh_inputs, [f"MRN: {mrn_of(fresh_inputs.control, 5)}"], retexted)
    assert result.metrics["hard_hits"].value == 0


def test_one_address_fails_where_nobody_shares_addresses(fresh_inputs, retexted):
    address = fresh_inputs.train.texts[8].split("mail ")[1].rstrip(".")
    assert audited(fresh_inputs, [f"from {address.upper()}"], retexted).verdict == "fail"


def test_contacts_that_people_quote_are_judged_by_the_excess_alone(fresh_inputs, retexted):
    addresses = [t.texts[8].split("mail ")[1].rstrip(".") for t in (fresh_inputs.train, fresh_inputs.control)]
    result = audited(fresh_inputs, [" ".join(addresses)], retexted)
    assert result.metrics["hard_hits"].value == 0
    assert result.details["contact_kinds_people_share"] == ["email"]


def test_copies_fail(fresh_inputs, retexted):
    inputs = replace(fresh_inputs, synthetic=retexted(fresh_inputs.train, fresh_inputs.train.texts))
    result = audited(inputs)
    assert result.verdict == "fail"
    assert result.estimate.low > 0.9


@pytest.fixture(scope="module")
def replaced(people):
    """Train without identifiers in its text, and the names that stood there before."""
    train = people(305, seed=11, prefix="t")
    names = ("Wojciechowska", "Featherstonehaugh", "Szymborski")
    return AuditInputs(
        synthetic=people(300, seed=13, prefix="s"),
        train=train,
        control=people(310, seed=12, prefix="h"),
        identifiers=tuple((names[i % 3] + chr(97 + i // 26 % 26) + chr(97 + i % 26),) for i in range(len(train))),
    )


def test_a_replaced_name_that_comes_back_fails(replaced, retexted):
    assert audited(replaced).verdict == "pass"
    assert audited(replaced).details["known_identifiers_tested"] > 300
    result = audited(replaced, [f"as {replaced.identifiers[40][0].lower()} said"], retexted)
    assert result.verdict == "fail"
    assert result.details["known_identifiers_found"] == 1


def test_a_name_that_control_also_uses_is_no_hit(replaced, retexted):
    name = replaced.identifiers[40][0]
    control = retexted(replaced.control, [*replaced.control.texts, f"as {name} said"])
    result = audited(replace(replaced, control=control), [f"as {name} said"], retexted)
    assert result.details["known_identifiers_found"] == 0


@pytest.fixture(scope="module")
def both_recorded(replaced):
    """One town recorded for a train person and another for a control person, neither in anybody's text any more."""
    return replace(
        replaced,
        identifiers=(("Quixotebury",), *[()] * (len(replaced.train) - 1)),
        control_identifiers=(("Zephyrhaven",), *[()] * (len(replaced.control) - 1)),
    )


def test_what_returns_for_control_as_well_is_a_phantom(both_recorded, retexted):
    said = ["near Quixotebury", "near Zephyrhaven"]
    result = audited(both_recorded, said, retexted)
    assert result.details["known_identifiers_found"] == 1
    assert result.details["known_identifiers_of_control_found"] == 1
    assert result.metrics["hard_hits"].value == 0
    for unknown in (replace(both_recorded, control_identifiers=None), both_recorded):
        alone = said[:1] if unknown is both_recorded else said
        assert audited(unknown, alone, retexted).metrics["hard_hits"].value == 1


def test_a_name_far_rarer_than_any_phantom_is_a_leak(both_recorded, retexted):
    name = "Wojciechowska-Featherstonehaugh"
    inputs = replace(both_recorded, identifiers=((name,), *both_recorded.identifiers[1:]))
    result = audited(inputs, [f"as {name} said", "near Zephyrhaven"], retexted)
    assert result.metrics["hard_hits"].value == 1
    assert result.verdict == "fail"


def test_a_record_number_is_a_leak_whatever_returns_for_control(both_recorded, retexted):
    inputs = replace(both_recorded, identifiers=(("48213377",), *both_recorded.identifiers[1:]))
    result = audited(inputs, ["see record 48213377", "near Zephyrhaven"], retexted)
    assert result.metrics["hard_hits"].value == 1


def test_a_short_name_is_left_to_chance(replaced, retexted):
    named = replace(replaced, identifiers=tuple(("Ana",) if i == 0 else () for i in range(len(replaced.train))))
    assert audited(named, ["as Ana said"], retexted).details["known_identifiers_tested"] == 0


def test_too_few_people(people):
    inputs = AuditInputs(
        synthetic=people(50, seed=1, prefix="s"),
        train=people(60, seed=2, prefix="t"),
        control=people(65, seed=3, prefix="h"),
    )
    result = audited(inputs)
    assert result.verdict == "insufficient"
    assert "299" in result.reason
