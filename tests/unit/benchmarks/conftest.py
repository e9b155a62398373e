import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synthgen.decode.prompt_words import FILE, make_reader, save_words

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def script_of(test):
    folder = test.relative_to(Path(__file__).parent).parent
    return BENCHMARKS / folder / f"{test.stem.removeprefix('test_')}.py"


@pytest.fixture(scope="module")
def bench(module_at, request):
    """Return the script that a test file tests: `benchmarks/x.py` for `test_x.py`, also in subfolders."""
    module = module_at(str(script_of(request.path).relative_to(BENCHMARKS.parent)))
    if hasattr(module, "code_digest"):
        digest = module.code_digest()
        module.code_digest = lambda: digest  # the source may change while the tests run
    return module


@pytest.fixture
def run_script(request):
    """Return a function that runs the script as a process of its own and returns what it prints."""

    def run(*arguments):
        command = [sys.executable, script_of(request.path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def tiny_models(tiny):
    """Return a function that saves a tiny encoder, decoder and bridge in a folder and returns their options."""

    def save(folder, words=(), bridge="bridge", positions=512):
        models = {name: str(folder / name) for name in ("encoder", "decoder", bridge)}
        tiny.save_model(folder / "encoder", "mistral")
        tiny.save_model(folder / "decoder", "llama", max_position_embeddings=positions)
        info = tiny.info(encoder=models["encoder"], decoder=models["decoder"], dim=40)
        tiny.write_bridge(folder / bridge, info, tiny.bridge_tensors(info))
        if words:
            vectors = np.random.default_rng(0).normal(size=(len(words), 40)).astype(np.float32)
            reader = make_reader(dict.fromkeys(words, 0.1), vectors, np.zeros(40, dtype=np.float32))
            save_words(reader, folder / bridge / FILE)
        return [f"--{name}={path}" for name, path in models.items()]

    return save
