import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "audit_times.py"


@pytest.mark.slow
def test_the_quick_bench_times_every_size_and_says_what_cannot_be_carried():
    asked = ["--quick", "--audits", "input checks", "memorization", "the whole suite"]
    done = subprocess.run([sys.executable, str(SCRIPT), *asked], capture_output=True, text=True, check=True)
    audits = done.stdout.splitlines()
    assert [line.split(":")[0] for line in audits] == ["input checks", "memorization", "the whole suite"]
    assert all("60: " in line and "120: " in line and "grows with n^" in line for line in audits)
