"""Settings for every test: no network, one thread, a scratch working directory, and named hypothesis profiles."""

import functools
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

# set before numpy and torch are imported, because they read these variables only at import
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket

os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="tests-data-home-")
# Processes that a test starts cannot use the network either; each attempt is recorded in this file.
os.environ.setdefault("TESTS_TRIED_NETWORK", str(Path(tempfile.mkdtemp(prefix="tests-network-")) / "tried"))
_GUARD = str(Path(__file__).parent / "no_network")
os.environ["PYTHONPATH"] = os.pathsep.join([_GUARD, *filter(None, [os.environ.get("PYTHONPATH")])])

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("deep", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_runtest_setup():
    disable_socket(allow_unix_socket=True)
    # Fixtures copy one ledger for several tests; a shared high-water mark would see the copies diverge.
    for seen in (Path(os.environ["XDG_DATA_HOME"]) / "synthgen" / "ledgers-seen").glob("?" * 32 + ".json"):
        seen.unlink()


def pytest_sessionfinish(session):
    """Fail the whole run if a process that a test started tried to use the network."""
    tried = Path(os.environ["TESTS_TRIED_NETWORK"])
    if tried.is_file():
        sys.stderr.write(f"\nthe network was tried by:\n{tried.read_text()}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def _scratch_folder(tmp_path_factory):
    """Use a scratch folder as the working directory, so that a relative path never leads into the project.

    XDG_DATA_HOME, set above, makes a second scratch folder the user's data folder, which contains the default ledger.
    """
    before = Path.cwd()
    os.environ.pop("SYNTHGEN_LEDGER", None)
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def module_at():
    """Return a function that loads a file of the project as a module, once; tests and benchmarks are no packages."""
    root = Path(__file__).parents[1]

    @functools.cache
    def load(path):
        spec = importlib.util.spec_from_file_location(path.removesuffix(".py").replace("/", "_"), root / path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def tiny(module_at):
    """Return the module that makes tiny models, tokenizers and bridges."""
    return module_at("tests/unit/synthgen/decode/tiny.py")
