import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny():
    """The module beside this one: tiny models, tokenizer and bridges; test folders are not packages."""
    path = Path(__file__).with_name("tiny.py")
    spec = importlib.util.spec_from_file_location("unit_decode_tiny", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["unit_decode_tiny"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def words(tiny):
    """Return the tokenizer the tiny models share."""
    return tiny.tokenizer()


@pytest.fixture(scope="session")
def llama_folder(tiny, tmp_path_factory):
    """Return a folder with a random three-layer Llama with grouped queries."""
    return tiny.save_model(tmp_path_factory.mktemp("tiny-llama"), "llama")


@pytest.fixture(scope="session")
def mistral_folder(tiny, tmp_path_factory):
    """Return a folder with a random three-layer Mistral."""
    return tiny.save_model(tmp_path_factory.mktemp("tiny-mistral"), "mistral")


@pytest.fixture(scope="session")
def gpt2_folder(tiny, tmp_path_factory):
    """Return a folder with a random two-layer GPT-2, a family without a stepper of its own."""
    return tiny.save_model(tmp_path_factory.mktemp("tiny-gpt2"), "gpt2")


@pytest.fixture(scope="session")
def bridge_folder(tiny, tmp_path_factory):
    """Return a folder with a random bridge that fits every tiny model."""
    described = tiny.info()
    return tiny.write_bridge(tmp_path_factory.mktemp("bridge"), described, tiny.bridge_tensors(described))


@pytest.fixture(scope="session")
def tiny_xrag():
    """The module beside this one: tiny checkpoints of the published layouts."""
    path = Path(__file__).with_name("tiny_xrag.py")
    spec = importlib.util.spec_from_file_location("unit_decode_tiny_xrag", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["unit_decode_tiny_xrag"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def xrag_folder(tiny, tiny_xrag, tmp_path_factory):
    """Return a folder with a random decoder of xrag-7b's layout, in three shards."""
    return tiny_xrag.save_decoder(tmp_path_factory.mktemp("tiny-xrag"), tiny.tokenizer())


@pytest.fixture(scope="session")
def sfr_folder(tiny, tiny_xrag, tmp_path_factory):
    """Return a folder with a random encoder of SFR-Embedding-Mistral's layout."""
    return tiny_xrag.save_encoder(tmp_path_factory.mktemp("tiny-sfr"), tiny.tokenizer())
