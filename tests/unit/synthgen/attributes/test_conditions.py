from synthgen.attributes.conditions import CONDITIONS
from synthgen.attributes.lexicon import entries


def test_every_line_is_a_value_with_names():
    of = dict(entries(CONDITIONS))
    assert len(of) == len(CONDITIONS.strip().splitlines())  # no value twice
    for value, names in of.items():
        assert value == value.strip() == value.casefold() != ""
        assert len(set(names)) == len(names)
