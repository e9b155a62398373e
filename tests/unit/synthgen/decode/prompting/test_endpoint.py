import dataclasses
import re

import pytest

from synthgen.core.errors import DataError, Interrupted, ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.config import EndpointConfig
from synthgen.decode.prompting import endpoint as module
from synthgen.decode.prompting.client import Client
from synthgen.decode.prompting.endpoint import EndpointDecoder, cleaned
from synthgen.decode.prompting.prompter import Prompter

SEEDS = SeedTree(4).child("decode")
SETTINGS = Settings(
    prompts={"ant": "ant", "bee.hive": "bee hive"}, candidates=3, max_new_tokens=40, temperature=0.7, top_p=0.9,
    top_k=50, batch=4, words=2,
)  # fmt: skip


@pytest.fixture
def made(server, tiny):
    config = EndpointConfig(url=server.url, model="writer", parallel=3)
    return EndpointDecoder(Client(config), Prompter(reader=tiny.reader()), lambda texts: [0.25] * len(texts))


def decode(made, latents, advance=lambda _: None, **changes):
    return made.decode(latents, dataclasses.replace(SETTINGS, **changes), SEEDS, advance)


def test_candidates_are_in_order_and_depend_on_the_stream_of_their_latent(tiny, server, made):
    latents, seen = tiny.latents(5), []
    found = decode(made, latents, seen.append)
    assert [(c.latent_id, c.index) for c in found] == [(name, i) for name in latents.ids for i in range(3)]
    assert {(c.finish, c.surprisal) for c in found} == {("stop", 0.25)}
    assert len({c.text for c in found}) == 15
    assert sum(seen) == 15
    assert {(b["temperature"], b["top_p"], b["max_tokens"]) for b in server.bodies} == {(0.7, 0.9, 40)}
    alone = decode(made, tiny.rows_of(latents, [3]))
    assert alone == found[9:12]
    assert decode(made, tiny.rows_of(latents, [])) == ()
    assert made.name == "writer"


def test_answers_are_cleaned_and_cut_ones_end_with_a_sentence(tiny, server, made):
    text = "<think>Two words: no.</think>\nShe has fever and a cough. She was"
    server.answer = lambda _: (200, {"choices": [{"message": {"content": text}, "finish_reason": "length"}]})
    (one, *_) = decode(made, tiny.latents(1))
    assert (one.text, one.finish) == ("She has fever and a cough.", "length")
    assert cleaned("```text\nA note.\n```") == "A note."
    assert cleaned("<think>without an end") == ""
    assert cleaned("The note needs a dose.</think>\n\nShe is well.") == "She is well."
    assert cleaned(" A note with ``` inside. ") == "A note with ``` inside."


def test_empty_answers_alone_are_an_error(tiny, server, made):
    answer, empty = server.answer, (200, {"choices": [{"message": {"content": " "}, "finish_reason": "stop"}]})
    server.answer = lambda body: empty if len(server.bodies) % 2 else answer(body)
    assert [c.text == "" for c in decode(made, tiny.latents(2))].count(True) == 3
    server.answer = lambda _: empty
    with pytest.raises(ModelError, match="all 9 answers of 'writer' are empty"):
        decode(made, tiny.latents(3))
    assert {c.text for c in decode(made, tiny.latents(1))} == {""}  # a few empty answers are no error


def test_first_error_and_an_interruption_end_the_decoding(tiny, server, made, monkeypatch):
    monkeypatch.setattr(module, "TICK", 0.05)
    answer = server.answer
    server.answer = lambda body: answer(body) if len(server.bodies) < 4 else (422, {})
    with pytest.raises(ModelError, match="status 422"):
        decode(made, tiny.latents(20))
    assert len(server.bodies) < 30
    server.answer = answer

    def stop(_):
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        decode(made, tiny.latents(20), stop)
    assert made.client.connections == set()


def test_context_is_in_the_prompt_and_their_number_is_checked(tiny, server, made):
    made.decode(tiny.latents(2), SETTINGS, SEEDS, lambda _: None, ["It began.", ""])
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert sum(bool(re.search(r"\n\nIt began\.$", text)) for text in asked) == 3
    with pytest.raises(DataError, match="1 contexts for 2 vectors"):
        made.decode(tiny.latents(2), SETTINGS, SEEDS, lambda _: None, [""])
