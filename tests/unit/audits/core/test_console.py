import pytest

from audits.core.console import listed, say


@pytest.mark.parametrize(
    ("given", "names"), [(None, None), ("", []), (" , ", []), ("replay", ["replay"]), ("a, b,", ["a", "b"])]
)
def test_names_separated_by_commas(given, names):
    assert listed(given) == names


def test_people_are_told_on_stderr(capsys):
    say("replay: pass")
    assert capsys.readouterr() == ("", "replay: pass\n")
