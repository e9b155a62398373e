"""Every decoder has these properties; a new one is tested after it is added to DECODERS."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.prompting import prompter
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.xrag import XragDecoder

DECODERS = ("xrag-llama", "xrag-mistral", "xrag-gpt2", "words-llama", "words-gpt2")
N = 7
SEEDS = SeedTree(7).child("decode")
PROMPTS = {"ant": "ant", "bee.hive": "bee hive of the garden"}
DRAWS = {"candidates": 2, "max_new_tokens": 8, "temperature": 0.9, "top_p": 0.9, "top_k": 40, "batch": 3}
PLAIN = Settings(prompts=PROMPTS, context_tokens=20, **DRAWS)
CONTEXTS = ("The doctor sees the river.", "", "A garden.", "Fever. " * 9, "", "the", "An engine in orbit.")


@pytest.fixture(autouse=True, scope="module")
def short_example():
    """Shorten the example in the prompt, because the tiny models have only 96 positions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompter, "EXAMPLE_WORDS", ("roof",))
        patch.setattr(prompter, "EXAMPLE", "It stands.")
        yield


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request, tiny, tmp_path_factory):
    kind, family = request.param.split("-")
    folder = tmp_path_factory.mktemp(request.param)
    model = tiny.save_model(folder, family)
    if kind == "words":
        own = prompter.Prompter(reader=tiny.reader(), template="[{label}][ {terms}]")
        return PromptDecoder(model, own, decoder="tiny")
    bridge = tiny.write_bridge(folder / "bridge", tiny.info(), tiny.bridge_tensors(tiny.info()))
    return XragDecoder(model, load_bridge(str(bridge)), decoder="tiny", encoder="tiny-encoder", dim=7)


@pytest.fixture(scope="module")
def whole(decoder, tiny):
    return decode(decoder, tiny.latents(N))


def decode(decoder, latents, seeds=SEEDS, contexts=(), **changes):
    words = 3 if isinstance(decoder, PromptDecoder) else 0
    given = dataclasses.replace(PLAIN, words=words, **changes)
    return decoder.decode(latents, given, seeds, lambda _: None, contexts)


def test_a_decoder_has_a_name_and_candidates_have_the_order_of_the_latents(decoder, tiny, whole):
    latents = tiny.latents(N)
    assert decoder.name == "tiny"
    assert [(c.latent_id, c.index) for c in whole] == [(name, i) for name in latents.ids for i in range(2)]
    assert [c.label for c in whole] == [label for label in latents.labels for _ in range(2)]
    assert {c.finish for c in whole} <= {"stop", "length"}
    assert all(c.outcomes == () and c.text == c.text.strip() for c in whole)


def test_progress_counts_every_text_and_no_latents_give_no_texts(decoder, tiny):
    seen = []
    decoder.decode(tiny.latents(N), PLAIN, SEEDS, seen.append)
    assert sum(seen) == N * 2
    assert decode(decoder, tiny.rows_of(tiny.latents(1), [])) == ()


def test_texts_depend_on_the_seed_and_the_name_of_the_record(decoder, tiny, whole):
    latents, state = tiny.latents(N), torch.get_rng_state()
    assert decode(decoder, latents) == whole
    assert decode(decoder, latents, SEEDS.child("again")) != whole
    assert torch.equal(torch.get_rng_state(), state)
    renamed = dataclasses.replace(latents, ids=("new", *latents.ids[1:]))
    found = decode(decoder, renamed)
    assert found[2:] == whole[2:]
    assert [c.text for c in found[:2]] != [c.text for c in whole[:2]]


@settings(max_examples=6, deadline=None)
@given(rows=st.lists(st.integers(0, N - 1), min_size=1, max_size=N, unique=True))
def test_the_texts_of_a_record_depend_on_no_other_record(decoder, tiny, whole, rows):
    found = decode(decoder, tiny.rows_of(tiny.latents(N), rows))
    assert found == tuple(whole[row * 2 + i] for row in rows for i in range(2))


def test_another_vector_changes_its_own_texts_only(decoder, tiny, whole):
    latents = tiny.latents(N)
    vectors = latents.vectors.copy()
    vectors[3] = -vectors[3]
    found = decode(decoder, dataclasses.replace(latents, vectors=vectors))
    assert (found[:6], found[8:]) == (whole[:6], whole[8:])
    assert found[6:8] != whole[6:8]


def test_requesting_more_candidates_keeps_the_first_and_all_differ(decoder, tiny, whole):
    many = decode(decoder, tiny.latents(N), candidates=8)
    assert tuple(c for c in many if c.index < 2) == whole
    assert len({c.text for c in many[:8]}) == 8


def test_a_context_affects_only_its_own_record(decoder, tiny):
    latents = tiny.latents(N)
    with_contexts = decode(decoder, latents, contexts=CONTEXTS)
    assert len({c.text for c in with_contexts}) > N
    for rows in ([0], [3, 1], range(N - 1, -1, -1)):
        found = decode(decoder, tiny.rows_of(latents, rows), contexts=[CONTEXTS[i] for i in rows])
        assert found == tuple(with_contexts[row * 2 + i] for row in rows for i in range(2))


def test_an_empty_context_changes_no_text(decoder, tiny, whole):
    empty = decode(decoder, tiny.latents(N), contexts=("",) * N)
    if decoder.weights is not None or decoder.model.dtype is torch.float32:
        assert empty == whole
    # otherwise transformers computes in bfloat16, where the longer padding changes the rounding of a prompt
    found = decode(decoder, tiny.latents(N), contexts=CONTEXTS)
    changed = {c.latent_id for c, plain in zip(found, empty, strict=True) if c.text != plain.text}
    assert changed == {f"x{i}" for i, context in enumerate(CONTEXTS) if context}


@pytest.mark.parametrize("n", [1, N - 1, N + 1])
def test_too_few_or_too_many_contexts_are_refused(decoder, tiny, n):
    with pytest.raises(DataError, match=f"{n} contexts for {N} vectors"):
        decode(decoder, tiny.latents(N), contexts=("a",) * n)
