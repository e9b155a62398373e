import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "neighbours.py"


@pytest.mark.slow
def test_the_quick_bench_runs_and_all_ways_find_the_same():
    done = subprocess.run([sys.executable, str(SCRIPT), "--quick"], capture_output=True, text=True, check=True)
    assert [line.split(":")[0] for line in done.stdout.splitlines()[1:]] == ["n = 300", "n = 700"]
    assert done.stdout.count("'tiles': '1.0000'") == 2
