import pytest

from audits.cli.console import listed, say


@pytest.mark.parametrize(
    ("given", "names"),
    [(None, None), ("", []), (" , ", []), ("memorization", ["memorization"]), ("a, b,", ["a", "b"])],
)
def test_listed_splits_at_commas(given, names):
    assert listed(given) == names


def test_say_writes_to_stderr(capsys):
    say("memorization: pass")
    assert capsys.readouterr() == ("", "memorization: pass\n")
