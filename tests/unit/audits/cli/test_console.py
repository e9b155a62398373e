import pytest

from audits.cli.console import listed, say


@pytest.mark.parametrize(
    ("given", "names"),
    [(None, None), ("", []), (" , ", []), ("memorization", ["memorization"]), ("a, b,", ["a", "b"])],
)
def test_names_separated_by_commas(given, names):
    assert listed(given) == names


def test_people_are_told_on_stderr(capsys):
    say("memorization: pass")
    assert capsys.readouterr() == ("", "memorization: pass\n")
