import pytest


@pytest.fixture(scope="session")
def words(tiny):  # the tokenizer of the tiny models
    return tiny.tokenizer()


@pytest.fixture(scope="session")
def llama_folder(tiny, tmp_path_factory):
    return tiny.save_model(tmp_path_factory.mktemp("tiny-llama"), "llama")


@pytest.fixture(scope="session")
def mistral_folder(tiny, tmp_path_factory):
    return tiny.save_model(tmp_path_factory.mktemp("tiny-mistral"), "mistral")


@pytest.fixture(scope="session")
def gpt2_folder(tiny, tmp_path_factory):  # a family that `LlamaStepper` does not support
    return tiny.save_model(tmp_path_factory.mktemp("tiny-gpt2"), "gpt2")


@pytest.fixture(scope="session")
def bridge_folder(tiny, tmp_path_factory):
    """Return a folder with a random bridge that fits every tiny model."""
    described = tiny.info()
    return tiny.write_bridge(tmp_path_factory.mktemp("bridge"), described, tiny.bridge_tensors(described))


@pytest.fixture(scope="session")
def tiny_xrag(module_at):
    return module_at("tests/unit/synthgen/decode/tiny_xrag.py")


@pytest.fixture(scope="session")
def xrag_folder(tiny, tiny_xrag, tmp_path_factory):
    """Return a folder with a random decoder of xrag-7b's layout, in three shards."""
    return tiny_xrag.save_decoder(tmp_path_factory.mktemp("tiny-xrag"), tiny.tokenizer())


@pytest.fixture(scope="session")
def sfr_folder(tiny, tiny_xrag, tmp_path_factory):
    """Return a folder with a random encoder of SFR-Embedding-Mistral's layout."""
    return tiny_xrag.save_encoder(tmp_path_factory.mktemp("tiny-sfr"), tiny.tokenizer())
