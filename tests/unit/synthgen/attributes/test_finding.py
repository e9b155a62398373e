from synthgen.attributes.finding import AttributeFinding


def test_a_finding_is_affirmed_by_default_and_hides_its_value():
    found = AttributeFinding(attribute="age", value="54", start=2, end=7)
    assert not found.negated
    assert repr(found) == "AttributeFinding(age, 2 to 7)"
