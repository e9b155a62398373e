"""The order of the stages is tested by whole runs in test_pipeline.py; here is what an import costs."""

import subprocess
import sys

CODE = """
import sys
from synthgen import Config, Pipeline, Release, verify
import synthgen
assert dir(synthgen) == ["Config", "Pipeline", "Release", "__version__", "verify"]
assert synthgen.__version__.count(".") == 2
heavy = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy.stats", "pandas", "onnxruntime"}
heavy |= {"duckdb"}
print(*sorted(heavy & sys.modules.keys()))
"""


def test_importing_the_public_names_imports_no_heavy_library():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
