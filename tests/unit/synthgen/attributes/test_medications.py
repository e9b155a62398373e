from synthgen.attributes.lexicon import entries
from synthgen.attributes.medications import MEDICATIONS


def test_every_line_is_a_value_with_names():
    of = dict(entries(MEDICATIONS))
    assert len(of) == len(MEDICATIONS.strip().splitlines())  # no value twice
    for value, names in of.items():
        assert value == value.strip() == value.casefold() != ""
        assert len(set(names)) == len(names)
