import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.loop.batching import TokenConstraints, padded, shared_prefix, uniforms_of, write

SIZE, END, NEVER = 7, 3, 5
PLAIN = Settings(
    prompts={}, candidates=1, max_new_tokens=6, temperature=1.0, top_p=1.0, top_k=SIZE, batch=4, context_tokens=0
)


class Counting:
    """A stepper whose logits are a function of all a row has read, and which counts what it is asked for."""

    def __init__(self, *, continuous=True, batch=4, group=2, smaller=()):
        self.continuous, self.batch, self.group = continuous, batch, batch if not continuous else group
        self.read_so_far, self.rows = [()] * self.group, [()] * batch
        self.n_read = self.n_steps = self.prefix_length = 0
        self.sizes, self.stepped = (batch, *smaller), []
        self.head = ()

    def read_prefix(self, embeddings):
        self.head = tuple(map(int, embeddings))
        self.prefix_length = len(self.head)

    def embed(self, ids):
        return ids.float()

    def logits(self, rows):
        hashes = [hash((9, *row)) for row in rows]
        return torch.tensor([[math.sin(h % 1000 + 2 * i) * 3 for i in range(SIZE)] for h in hashes])

    def read(self, embeddings, lengths):
        assert len(embeddings) == len(lengths) == self.group
        self.n_read += 1
        self.read_so_far = [(*self.head, *map(int, e[:n])) for e, n in zip(embeddings.tolist(), lengths, strict=True)]
        if not self.continuous:
            self.rows = list(self.read_so_far)
        return self.logits(self.read_so_far)

    def assign(self, rows, prompts):
        for row, prompt in zip(rows.tolist(), prompts.tolist(), strict=True):
            if self.continuous:
                self.rows[row] = self.read_so_far[prompt]
            assert self.continuous or row == prompt

    def move(self, rows, to):
        assert not set(rows.tolist()) & set(to.tolist())
        for row, place in zip(rows.tolist(), to.tolist(), strict=True):
            self.rows[place] = self.rows[row]

    def step(self, ids, positions):
        assert len(ids) == len(positions)
        assert len(ids) in self.sizes
        self.n_steps += 1
        self.stepped.append(len(ids))
        for i, (token, position) in enumerate(zip(ids.tolist(), positions.tolist(), strict=True)):
            if position == len(self.rows[i]):
                self.rows[i] = (*self.rows[i], token)
        return self.logits(self.rows[: len(ids)])


def run(stepper, prompts, *, advance=lambda _: None, seed=0, wanted=(), **changes):
    said = dataclasses.replace(PLAIN, **changes)
    uniforms = uniforms_of(SeedTree(seed), [f"x{sum(p)}-{len(p)}" for p in prompts], said)
    longest = max(map(len, prompts), default=1)

    def ask(rows):
        ids, lengths = padded([prompts[i] for i in rows], longest)
        return stepper.embed(ids), lengths

    rules = TokenConstraints(frozenset({END}), torch.tensor([NEVER]), wanted)
    return write(stepper, ask, uniforms, said, rules, advance)


def alone(prompt, **changes):
    """The slow reference: one record at a time, nothing shared."""
    candidates = changes.get("candidates", 1)
    return run(Counting(batch=candidates, group=1), [prompt], **changes)


SMALLER = st.none() | st.sets(st.integers(1, 8)).map(lambda these: sorted(these, reverse=True))
PROMPTS = st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=5).map(tuple), max_size=11)


@settings(max_examples=60, deadline=None)
@given(PROMPTS, st.integers(1, 3), st.integers(1, 9), st.integers(1, 5), st.integers(1, 6), SMALLER)
def test_each_row_is_written_as_if_alone(prompts, candidates, batch, group, most, smaller):
    changes = {"candidates": candidates, "max_new_tokens": most}
    fewer = [n for n in smaller or () if n < batch]
    stepper = Counting(continuous=smaller is not None, batch=batch, group=group, smaller=fewer)
    found = run(stepper, prompts, **changes)
    assert found == [row for prompt in prompts for row in alone(prompt, **changes)]


def test_a_text_ends_at_its_end_or_at_the_limit():
    found = run(Counting(), [(i,) for i in range(40)])
    assert {len(row) for row in found} > {1, PLAIN.max_new_tokens}
    for row in found:
        assert row[-1] == END or len(row) == PLAIN.max_new_tokens
        assert END not in row[:-1]
        assert NEVER not in row


def test_what_is_wanted_is_likelier_until_it_is_written_and_of_its_own_row_alone():
    prompts, changes = [(i,) for i in range(12)], {"candidates": 2, "max_new_tokens": 2}
    wanted = [[2 + 2 * (i % 2)] for i in range(12)]
    plain, found = run(Counting(), prompts, **changes), run(Counting(), prompts, wanted=wanted, **changes)

    def share(rows):
        return np.mean([wanted[i // 2][0] in row for i, row in enumerate(rows)])

    assert share(found) > share(plain)
    for i, prompt in enumerate(prompts):
        alone_too = run(Counting(batch=2, group=1), [prompt], wanted=[wanted[i]], **changes)
        assert alone_too == found[2 * i : 2 * i + 2]


def test_each_finished_text_is_told_once():
    seen = []
    found = run(Counting(), [(i,) for i in range(9)], candidates=2, advance=seen.append)
    assert len(found) == sum(seen) == 18


def test_a_latents_texts_share_one_reading_and_free_seats_are_taken_at_once():
    prompts, changes = [(i,) for i in range(12)], {"candidates": 3, "max_new_tokens": 40}
    stepper = Counting(batch=6, group=4)
    found = run(stepper, prompts, **changes)
    assert stepper.n_read == 3
    todo = sum(len(row) - 1 for row in found)  # the first token of each comes with the reading
    assert todo / 6 <= stepper.n_steps <= todo / 6 + max(map(len, found))
    waiting = Counting(continuous=False, batch=6)
    assert run(waiting, prompts, **changes) == found
    assert waiting.n_steps > stepper.n_steps


def test_the_last_rows_move_together():
    stepper = Counting(batch=8, group=3, smaller=(4, 2))
    found = run(stepper, [(i,) for i in range(40)], max_new_tokens=30)
    assert stepper.stepped[0] == 8
    assert stepper.stepped == sorted(stepper.stepped, reverse=True)
    assert set(stepper.stepped) == {8, 4, 2}
    assert found == run(Counting(batch=8, group=3), [(i,) for i in range(40)], max_new_tokens=30)
    few = Counting(batch=8, group=3, smaller=(4, 2))
    run(few, [(0,)], max_new_tokens=30)
    assert set(few.stepped) <= {2}


def test_what_all_prompts_begin_with_changes_no_text():
    prompts = [(8, 9, i, *range(i % 3)) for i in range(9)]
    said = dataclasses.replace(PLAIN, candidates=2)
    uniforms = uniforms_of(SeedTree(0), [f"x{sum(p)}-{len(p)}" for p in prompts], said)
    stepper = Counting()
    stepper.read_prefix(stepper.embed(torch.tensor([8, 9])))

    def ask(rows):
        ids, lengths = padded([prompts[i][2:] for i in rows], 3)
        return stepper.embed(ids), lengths

    rules = TokenConstraints(frozenset({END}), torch.tensor([NEVER]))
    assert write(stepper, ask, uniforms, said, rules, lambda _: None) == run(Counting(), prompts, candidates=2)


@pytest.mark.parametrize(
    ("prompts", "wanted"),
    [
        ([[0, 5, 1, 6, 7], [0, 5, 1, 6, 8]], 3),  # up to the last special token, not to the last common one
        ([[0, 5, 1, 6], [0, 5, 2, 6]], 1),
        ([[0, 5, 6]], 1),
        ([[0, 5, 1]], 1),  # something is left to read
        ([[5, 6], [5, 7]], 0),
        ([[0, 5, 1, 6], [0, 5, 1]], 1),
        ([[0], [0]], 0),
    ],
)
def test_what_prompts_share(prompts, wanted):
    assert shared_prefix(prompts, {0, 1}) == wanted


def test_nothing_to_write():
    assert run(Counting(), []) == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("verb", ["read", "step"])
def test_output_that_is_not_finite_is_refused(monkeypatch, value, verb):
    stepper = Counting()
    plain = getattr(stepper, verb)

    def damaged(*given):
        logits = plain(*given)
        logits[0, 2] = value
        return logits

    monkeypatch.setattr(stepper, verb, damaged)
    with pytest.raises(ModelError, match="not finite"):
        run(stepper, [(i,) for i in range(8)])


def test_padding_stands_on_the_right():
    ids, lengths = padded([[4, 5], [6]], 3)
    assert ids.tolist() == [[4, 5, 0], [6, 0, 0]]
    assert lengths.tolist() == [2, 1]


def test_uniforms_are_named_by_record_and_ordered_by_candidate():
    said = dataclasses.replace(PLAIN, candidates=2)
    made = uniforms_of(SeedTree(1), ["a", "b"], said)
    assert made.shape == (4, 6)
    assert made.dtype == np.float32
    wanted = SeedTree(1).child("b").generator().random((2, 6), dtype=np.float32)
    assert np.array_equal(made[2:], wanted)
