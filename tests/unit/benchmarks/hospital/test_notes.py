import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[4] / "benchmarks" / "hospital" / "notes.py"


@pytest.mark.slow
def test_the_quick_bench_measures_every_step_at_both_sizes(tmp_path):
    command = [sys.executable, SCRIPT, "--quick", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        [step, n] for n in ("200", "2,000") for step in ("json and base64 alone", "reader", "extract")
    ]
