"""What holds for every test: no network, one thread, a scratch folder to stand in, named hypothesis profiles."""

import functools
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

# before numpy and torch are imported, because they read these once
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket

os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="tests-data-home-")
# what the tests start is watched too: it may not reach the network, and who tries is written down
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
    """Fail the whole run where anything that a test started tried the network."""
    tried = Path(os.environ["TESTS_TRIED_NETWORK"])
    if tried.is_file():
        sys.stderr.write(f"\nthe network was tried by:\n{tried.read_text()}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def _scratch_folder(tmp_path_factory):
    """Stand in a scratch folder, so that a test which writes to a relative path cannot write into the project.

    The user's data folder, and with it the institution's ledger of attempts, is a scratch folder too; see above.
    """
    before = Path.cwd()
    os.environ.pop("SYNTHGEN_LEDGER", None)
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def module_at():
    """Return the module of a file of the project, loaded once; test folders and benchmarks are no packages."""
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
    """The module of tiny models, tokenizer and bridges."""
    return module_at("tests/unit/synthgen/decode/tiny.py")
