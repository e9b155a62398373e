import subprocess
import sys

from synthgen import interpolate


def test_public_names_can_be_imported():
    public = [getattr(interpolate, name) for name in interpolate.__all__ if not name.endswith("METHODS")]
    assert {*interpolate.METHODS.values()} < {*public}


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


def test_package_import_does_not_import_scikit_learn():
    done = run("""
import sys, synthgen.interpolate as i
assert "sklearn" not in sys.modules and "OverSampler" in i.__all__
from synthgen.interpolate import OverSampler
assert "imblearn" in sys.modules
try:
    i.Oversampler
except AttributeError as error:
    assert "Oversampler" in str(error)
else:
    raise SystemExit(1)
""")
    assert done.returncode == 0, done.stderr


def test_missing_imbalanced_learn_affects_only_over_sampler():
    done = run("""
import sys
sys.modules["imblearn"] = None
from synthgen.interpolate import Smote
try:
    from synthgen.interpolate import OverSampler
except ImportError as error:
    assert type(error).__name__ == "DependencyError" and "pip install 'synthgen[imblearn]'" in str(error), error
else:
    raise SystemExit(1)
""")
    assert done.returncode == 0, done.stderr
