import numpy as np
import pytest

from synthgen.core.neighbours import screen


def test_flat64_is_exact_even_if_all_candidates_are_equally_far(bench):
    x = np.zeros((40, bench.D), dtype=np.float32)
    x[np.arange(40), np.arange(40)] = 1  # all distances are equal, so the rows with the lowest numbers are chosen
    searched = np.array([0, 3, 30])
    assert bench.flat64(x, searched).tolist() == [[1, 2, 3, 4, 5], [0, 1, 2, 4, 5], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize("options", [(), ("--float32",)])
def test_quick_table_has_every_way_and_the_exact_ways_agree(bench, monkeypatch, capsys, options):
    monkeypatch.setattr(screen, "KINDS", screen.KINDS)
    screen.fastest_precision.cache_clear()
    bench.main(["--quick", *options])
    lines = capsys.readouterr().out.splitlines()
    screen.fastest_precision.cache_clear()
    sizes = [line.split(",")[0] for line in lines if line.startswith("n = ")]
    assert sizes == ["n = 300", "n = 1100"]
    found = [line.split() for line in lines if line.startswith("  ")]
    assert [words[0] for words in found] == list(bench.WAYS) * 2
    for words in found:
        exactly = float(words[-1])
        assert exactly == 1 if words[0] in ("blocks", "tiles", "flat64") else exactly > 0.5
    if options:
        assert "tiles in torch.float32" in lines[0]
