import pytest


@pytest.mark.slow
def test_every_score_is_measured_on_every_leak(bench, capsys):
    bench.main(["--corpus", "clinic", "--persons", "200", "--draws", "1"])
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert {line[0] for line in lines[2:]} == {"rmia", "coverage", "words_top1", "words_mass", "stacked"}
    assert {len(line) for line in lines if len(line) > 1} == {9}
    at = lines[0].index("two-word model of 30 %")
    assert max(float(line[at].split(",")[0]) for line in lines[2:]) > 2  # standard errors above one half
