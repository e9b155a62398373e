from synthgen.attributes.occupations import OCCUPATIONS


def test_every_name_is_plain_and_once():
    names = [name.strip() for name in " ".join(OCCUPATIONS.split()).split(";")]
    assert len(set(names)) == len(names)
    assert all(name.replace(" ", "").isalpha() and name.islower() for name in names)
