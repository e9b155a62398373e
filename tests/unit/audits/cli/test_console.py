import pytest

from audits.cli.console import listed, say, standard_streams


@pytest.mark.parametrize(
    ("given", "names"),
    [(None, None), ("", []), (" , ", []), ("memorization", ["memorization"]), ("a, b,", ["a", "b"])],
)
def test_listed_splits_at_commas(given, names):
    assert listed(given) == names


def test_say_writes_to_stderr(capsys):
    say("memorization: pass")
    assert capsys.readouterr() == ("", "memorization: pass\n")


def test_say_replaces_control_characters_and_keeps_lines(capsys):
    say("a\x1b[31mb\nc\x85d\u2028e\u202ef\rg")
    assert capsys.readouterr().err == "a\ufffd[31mb\nc\ufffdd\ufffde\ufffdf\ufffdg\n"


def test_an_error_of_the_system_is_not_hidden(capsys):
    with pytest.raises(OSError, match="no such device"), standard_streams():
        raise OSError(19, "no such device")
    assert capsys.readouterr() == ("", "\n")
