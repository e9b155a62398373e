import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "private_vectors.py"


@pytest.mark.slow
@pytest.mark.models
def test_the_quick_bench_tells_every_method_beside_real_vectors():
    asked = [sys.executable, str(SCRIPT), "--quick", "--dataset", "clinic", "--epsilon", "4"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    first, *rest = done.stdout.splitlines()
    assert first.startswith("clinic: 40 persons asked")
    assert [line.split(":")[0] for line in rest] == [
        f"epsilon 4, {name}" for name in ("dp-gaussian", "dp-vote", "dp-vae")
    ]
    assert all(0 <= float(line.split(": ")[1].split()[0]) <= 1 for line in rest)
