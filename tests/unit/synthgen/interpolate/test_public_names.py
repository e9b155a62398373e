import subprocess
import sys

import pytest

from synthgen import interpolate

LAZY = """
import sys, synthgen.interpolate as i
assert not {"sklearn", "torch"} & set(sys.modules) and "OverSampler" in i.__all__
from synthgen.interpolate import OverSampler
assert "imblearn" in sys.modules
try:
    i.Oversampler
except AttributeError as error:
    assert "Oversampler" in str(error)
else:
    raise SystemExit(1)
"""
WITHOUT_IMBALANCED_LEARN = """
import sys
sys.modules["imblearn"] = None
from synthgen.interpolate import Smote
try:
    from synthgen.interpolate import OverSampler
except ImportError as error:
    assert type(error).__name__ == "DependencyError" and "pip install '.[imblearn]'" in str(error), error
else:
    raise SystemExit(1)
"""


def test_public_names_can_be_imported():
    public = [getattr(interpolate, name) for name in interpolate.__all__ if not name.endswith("METHODS")]
    assert {*interpolate.METHODS.values()} < {*public}


@pytest.mark.parametrize("code", [LAZY, WITHOUT_IMBALANCED_LEARN])
def test_imbalanced_learn_is_imported_only_with_over_sampler(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
