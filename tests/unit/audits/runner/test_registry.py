from dataclasses import fields, replace

import pytest

from audits.core.errors import InputError
from audits.runner.registry import AUDITS, NEEDS, applicable_audits, build


@pytest.mark.parametrize("name", AUDITS)
def test_every_audit_can_be_built_and_knows_its_name(name):
    assert build(name).name == name


def test_unknown_audit_is_refused_with_the_list():
    with pytest.raises(InputError, match="no audit 'nonsense'") as caught:
        build("nonsense")
    assert "memorization, neighbours, identifiers, membership" in caught.value.hint


def test_an_audit_applies_if_its_inputs_are_given(fresh_inputs):
    assert len(AUDITS) == 9
    six = ("memorization", "neighbours", "identifiers", "membership", "parent_recovery", "linkage")
    assert applicable_audits(fresh_inputs) == six
    assert applicable_audits(replace(fresh_inputs, mechanism={})) == (*six, "accounting")
    assert set(NEEDS.values()) <= {f.name for f in fields(fresh_inputs)}
