import pytest

from audits.errors import InputError
from audits.registry import ABSENT, build, names


@pytest.mark.parametrize("name", names())
def test_every_audit_can_be_built_and_knows_its_name(name):
    assert build(name).name == name


@pytest.mark.parametrize("name", [*ABSENT, "nonsense"])
def test_others_are_refused_with_the_list(name):
    with pytest.raises(InputError, match="present: replay, neighbours, identifiers, membership"):
        build(name)


def test_the_contract_has_nine():
    assert len({*names(), *ABSENT}) == 9
