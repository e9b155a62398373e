import dataclasses
import os
from pathlib import Path

import pytest

from synthgen.core.errors import DependencyError, ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.prompter import Prompter
from synthgen.decode.xrag import XragDecoder

SEEDS = SeedTree(4).child("decode")
SETTINGS = Settings(
    prompts={"ant": "ant", "bee.hive": "bee hive"}, candidates=2, max_new_tokens=7, temperature=0.9, top_p=0.9,
    top_k=50, batch=4, avoided=("ant",),
)  # fmt: skip
STUB = Path(__file__).parent / "stub"


@pytest.fixture(scope="module")
def stub():
    """Put the stand-in for vLLM on the import path of this process and of its child processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STUB))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(STUB), os.environ.get("PYTHONPATH", "")]))
        yield


@pytest.fixture(scope="module", params=["prompts", "embeddings"])
def made(request, stub, tiny, llama_folder, bridge_folder):
    """Return a decoder; all tests use its vLLM process, and the last test with this fixture ends the process."""
    if request.param == "prompts":
        decoder = PromptDecoder(llama_folder, Prompter(template="[{label}]{terms}"), decoder="tiny", own_loop=False)
    else:
        bridge = load_bridge(str(bridge_folder))
        decoder = XragDecoder(llama_folder, bridge, decoder="tiny", encoder="tiny-encoder", dim=7, own_loop=False)
    decoder.use_vllm()
    yield decoder
    decoder.vllm.close()


def decode(made, latents, advance=lambda _: None, **changes):
    return made.decode(latents, dataclasses.replace(SETTINGS, **changes), SEEDS, advance)


def test_without_vllm_the_error_names_it(llama_folder):
    with pytest.raises(DependencyError, match="vllm is not installed"):
        PromptDecoder(llama_folder, Prompter(), decoder="tiny").use_vllm()


def test_vector_reaches_the_model_as_embeddings(made, tiny):
    latents = tiny.latents(3)
    other = dataclasses.replace(latents, vectors=-latents.vectors)
    is_same = decode(made, latents) == decode(made, other)
    assert is_same == (not made.reads_vectors)


def test_words_of_a_query_are_refused(made, tiny):
    latents = dataclasses.replace(tiny.latents(2), prompt_words=(("a",), ("b",)))
    with pytest.raises(ModelError, match="cannot raise the probability of the words"):
        decode(made, latents)


def test_texts_depend_on_the_stream_of_their_latent_alone(made, tiny):
    latents, seen = tiny.latents(5), []
    found = decode(made, latents, seen.append)
    assert [(c.latent_id, c.index) for c in found] == [(name, i) for name in latents.ids for i in range(2)]
    assert sum(seen) == 10
    assert len({c.text for c in found}) > 5
    assert all(0 < c.surprisal < 1.5 for c in found)
    assert decode(made, tiny.rows_of(latents, [3])) == found[6:8]
    place = Path(made.vllm.place.name)
    made.vllm.close()
    assert not place.exists()


@pytest.mark.slow
def test_ended_process_is_an_error_without_its_message(stub, llama_folder, tiny, monkeypatch):
    monkeypatch.setenv("STUB_FAILS", "load")
    decoder = PromptDecoder(llama_folder, Prompter(), decoder="tiny", own_loop=False)
    with pytest.raises(ModelError, match=r"the process of vLLM ended before it answered \(exit code 1\)") as refused:
        decoder.use_vllm()
    assert refused.value.problems == ("last error in the log of this process: ValueError",)
    assert "Achebe" not in str(refused.value)
    monkeypatch.setenv("STUB_FAILS", "write")
    decoder.use_vllm()
    place = Path(decoder.vllm.place.name)
    with pytest.raises(ModelError, match=r"ended before it answered \(exit code 3\)"):
        decode(decoder, tiny.latents(2))
    assert not place.exists()
