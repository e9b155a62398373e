import os

import pytest


@pytest.fixture(scope="session")
def releases(module_at):
    """Return the module `releases`, which makes keys, trust roots and small bundles."""
    return module_at("tests/unit/releases.py")


@pytest.fixture(scope="session")
def stamps(module_at):
    """Return the module `stamps`, which makes timestamp authorities with the local openssl."""
    pytest.importorskip("rfc3161_client")
    module = module_at("tests/unit/stamps.py")
    if module.OPENSSL is None:
        pytest.skip("openssl is not installed")
    return module


@pytest.fixture(scope="session")
def authority(stamps, tmp_path_factory):
    """Return a timestamp authority for the trust roots of tests."""
    return stamps.Authority(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture(scope="session")
def llama_folder(tiny, tmp_path_factory):
    """Return a folder with a random three-layer Llama."""
    return tiny.save_model(tmp_path_factory.mktemp("tiny-llama"), "llama", max_position_embeddings=400)


@pytest.fixture(scope="session")
def bridge_folder(tiny, tmp_path_factory):
    """Return a folder with a random bridge that fits it."""
    described = tiny.info()
    return tiny.write_bridge(tmp_path_factory.mktemp("bridge"), described, tiny.bridge_tensors(described))


@pytest.fixture(autouse=True)
def umask():
    """Restore the umask, which a command that runs in this process changes."""
    mask = os.umask(0o022)
    os.umask(mask)
    yield
    os.umask(mask)
