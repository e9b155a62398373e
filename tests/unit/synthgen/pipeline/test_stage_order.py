"""Test what the public names import, and `has_finished`; test_pipeline.py tests the order of the stages."""

import subprocess
import sys
from types import SimpleNamespace

from synthgen.pipeline import stage_order
from synthgen.pipeline.stage_order import has_finished

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


def test_a_stage_is_finished_only_for_the_configuration_of_the_last_run(monkeypatch, tmp_path):
    stages = (SimpleNamespace(is_of=lambda name: name == "filter"),)
    monkeypatch.setattr(stage_order, "read_record", lambda _root: SimpleNamespace(config="a", stages=stages))

    def job(digest):
        return SimpleNamespace(
            workspace=SimpleNamespace(root=tmp_path), config=SimpleNamespace(digest=lambda: digest)
        )

    assert has_finished(job("a"), "filter")
    assert not has_finished(job("a"), "audit")
    assert not has_finished(job("b"), "filter")
    monkeypatch.undo()
    assert not has_finished(job("a"), "filter")  # there is no record
