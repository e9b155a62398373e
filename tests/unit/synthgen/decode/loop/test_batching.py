import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import NoRepeatNGramLogitsProcessor

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings
from synthgen.decode.loop.batching import REPEAT, TokenConstraints, padded, sample, shared_prefix, uniforms_of, write

SIZE, END, NEVER = 7, 3, 5
PLAIN = Settings(
    prompts={}, candidates=1, max_new_tokens=6, temperature=1.0, top_p=1.0, top_k=SIZE, batch=4, context_tokens=0
)


class Counting:
    """A stepper whose logits depend on all tokens that a row has read. It counts its reads and steps."""

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


def run(stepper, prompts, *, advance=lambda _: None, wanted=(), banned=(), prefix=0, biases=None, **changes):
    plain = dataclasses.replace(PLAIN, **changes)
    uniforms = uniforms_of(SeedTree(0), [f"x{sum(p)}-{len(p)}" for p in prompts], plain)
    longest = max(map(len, prompts), default=1) - prefix
    if prefix:
        stepper.read_prefix(stepper.embed(torch.tensor(prompts[0][:prefix])))

    def embed_prompts(rows):
        ids, lengths = padded([prompts[i][prefix:] for i in rows], longest)
        return stepper.embed(ids), lengths

    rules = TokenConstraints(frozenset({END}), torch.tensor([NEVER]), wanted, banned, biases)
    texts, _ = write(stepper, embed_prompts, uniforms, plain, rules, advance)
    return texts


def alone(prompt, **changes):
    """Return the texts of one prompt, written without other prompts (the slow reference)."""
    candidates = changes.get("candidates", 1)
    return run(Counting(batch=candidates, group=1), [prompt], **changes)


SMALLER = st.none() | st.sets(st.integers(1, 8)).map(lambda these: sorted(these, reverse=True))
PROMPTS = st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=5).map(tuple), max_size=11)


@settings(max_examples=60, deadline=None)
@given(PROMPTS, st.integers(1, 3), st.integers(1, 9), st.integers(1, 5), st.integers(1, 6), SMALLER)
def test_rows_do_not_depend_on_other_rows(prompts, candidates, batch, group, most, smaller):
    changes = {"candidates": candidates, "max_new_tokens": most}
    fewer = [n for n in smaller or () if n < batch]
    stepper = Counting(continuous=smaller is not None, batch=batch, group=group, smaller=fewer)
    found = run(stepper, prompts, **changes)
    assert found == [row for prompt in prompts for row in alone(prompt, **changes)]


@pytest.mark.parametrize("continuous", [True, False])
def test_biases_change_the_texts_of_their_latent_alone(continuous):
    prompts, tokens = [(i,) for i in range(7)], torch.tensor([0, 4])
    plain = run(Counting(continuous=continuous), prompts, candidates=2)
    none = torch.zeros(7, 2)
    assert run(Counting(continuous=continuous), prompts, candidates=2, biases=(tokens, none)) == plain
    none[3, 1] = 50  # the logits of token 4 in the texts of the fourth latent
    biased = run(Counting(continuous=continuous), prompts, candidates=2, biases=(tokens, none))
    assert biased[6:8] == [[4] * 6] * 2
    assert biased[:6] + biased[8:] == plain[:6] + plain[8:]


def test_text_ends_at_an_end_token_or_the_limit():
    found = run(Counting(), [(i,) for i in range(40)])
    assert {len(row) for row in found} > {1, PLAIN.max_new_tokens}
    for row in found:
        assert row[-1] == END or len(row) == PLAIN.max_new_tokens
        assert END not in row[:-1]
        assert NEVER not in row


@pytest.mark.parametrize("candidates", [1, 3])
def test_surprisal_of_a_guess_is_that_of_equal_logits(candidates):
    """Six of the seven tokens are allowed, so equal logits give ln 6 / ln 7; a certain token gives 0."""
    for logits, share in ((torch.zeros(4, SIZE), math.log(6) / math.log(SIZE)), (torch.eye(SIZE)[[2] * 4] * 900, 0)):
        stepper = Counting()
        stepper.logits = lambda _rows, logits=logits: logits.clone()
        plain = dataclasses.replace(PLAIN, candidates=candidates)
        prompts = (torch.zeros(2, 1), torch.ones(2, dtype=torch.long))
        uniforms = np.full((5 * candidates, 6), 0.4, dtype=np.float32)
        rules = TokenConstraints(frozenset({END}), torch.tensor([NEVER]))
        texts, surprisal = write(stepper, lambda _, prompts=prompts: prompts, uniforms, plain, rules, lambda _: None)
        assert len(texts) == len(surprisal) == 5 * candidates
        assert surprisal == pytest.approx([share] * len(texts))


def test_favoured_tokens_are_likelier_in_their_own_row():
    prompts, changes = [(i,) for i in range(12)], {"candidates": 2, "max_new_tokens": 2}
    wanted = [[2 + 2 * (i % 2)] for i in range(12)]
    plain, found = run(Counting(), prompts, **changes), run(Counting(), prompts, wanted=wanted, **changes)

    def share(rows):
        return np.mean([wanted[i // 2][0] in row for i, row in enumerate(rows)])

    assert share(found) > share(plain)
    for i, prompt in enumerate(prompts):
        alone_too = run(Counting(batch=2, group=1), [prompt], wanted=[wanted[i]], **changes)
        assert alone_too == found[2 * i : 2 * i + 2]


def test_banned_sequences_are_not_written_whatever_the_batch_is():
    prompts = [(i,) for i in range(40)]
    plain = run(Counting(), prompts)
    pair, single = next(tuple(row[1:3]) for row in plain if len(row) > 3), plain[0][0]
    found = run(Counting(), prompts, banned=[pair, (single,)])
    assert any(pair in pairwise(row) for row in plain)
    assert not any(pair in pairwise(row) or single in row for row in found)
    assert found == [run(Counting(batch=1, group=1), [p], banned=[pair, (single,)])[0] for p in prompts]


def last_logits(_rows, lasts):
    """Return logits that depend on the last token alone, so that most likely tokens form a cycle of three tokens."""
    return torch.tensor([[9.0 * (i == {0: 1, 1: 2}.get(last, 0)) + i / 9 for i in range(SIZE)] for last in lasts])


@pytest.mark.parametrize("continuous", [True, False])
def test_no_sequence_of_tokens_is_repeated(continuous):
    """The peer is `no_repeat_ngram_size` of transformers: both forbid the same tokens after each beginning."""
    stepper = Counting(continuous=continuous)
    stepper.logits = lambda rows: last_logits(rows, [row[-1] for row in rows])
    texts = run(stepper, [(0,), (1,), (2,), (0,), (1,)], max_new_tokens=80, top_k=1)
    peer = NoRepeatNGramLogitsProcessor(REPEAT)
    for text in texts:
        assert text[3:6] == text[:3]  # shorter repetitions are allowed
        for n in range(1, len(text)):
            allowed = last_logits(None, [text[n - 1]])
            allowed[0, NEVER] = -math.inf
            assert text[n] == int(peer(torch.tensor([text[:n]]), allowed).argmax())
        sequences = [tuple(text[i : i + REPEAT]) for i in range(len(text) - REPEAT + 1)]
        assert len(sequences) == len(set(sequences))


def test_texts_of_a_latent_share_one_reading_and_free_slots_are_used_at_once():
    prompts, changes, seen = [(i,) for i in range(12)], {"candidates": 3, "max_new_tokens": 40}, []
    stepper = Counting(batch=6, group=4)
    found = run(stepper, prompts, advance=seen.append, **changes)
    assert stepper.n_read == 3
    assert len(found) == sum(seen) == 36
    todo = sum(len(row) - 1 for row in found)  # reading a prompt gives the first token of its texts
    assert todo / 6 <= stepper.n_steps <= todo / 6 + max(map(len, found))
    waiting = Counting(continuous=False, batch=6)
    assert run(waiting, prompts, **changes) == found
    assert waiting.n_steps > stepper.n_steps


def test_last_rows_are_compacted():
    stepper = Counting(batch=8, group=3, smaller=(4, 2))
    found = run(stepper, [(i,) for i in range(40)], max_new_tokens=30)
    assert stepper.stepped[0] == 8
    assert stepper.stepped == sorted(stepper.stepped, reverse=True)
    assert set(stepper.stepped) == {8, 4, 2}
    assert found == run(Counting(batch=8, group=3), [(i,) for i in range(40)], max_new_tokens=30)
    few = Counting(batch=8, group=3, smaller=(4, 2))
    run(few, [(0,)], max_new_tokens=30)
    assert set(few.stepped) <= {2}


def test_reading_the_prefix_once_changes_no_text():
    prompts = [(8, 9, i, *range(i % 3)) for i in range(9)]
    assert run(Counting(), prompts, prefix=2, candidates=2) == run(Counting(), prompts, candidates=2)


@pytest.mark.parametrize(
    ("prompts", "wanted"),
    [
        ([[0, 5, 1, 6, 7], [0, 5, 1, 6, 8]], 3),  # ends at the last common special token, not the last common token
        ([[0, 5, 1, 6], [0, 5, 2, 6]], 1),
        ([[0, 5, 6]], 1),
        ([[0, 5, 1]], 1),  # at least one token remains after the prefix
        ([[5, 6], [5, 7]], 0),
        ([[0, 5, 1, 6], [0, 5, 1]], 1),
        ([[0], [0]], 0),
    ],
)
def test_shared_prefix_ends_with_a_special_token(prompts, wanted):
    assert shared_prefix(prompts, {0, 1}) == wanted


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("verb", ["read", "step"])
def test_output_that_is_not_finite_is_rejected(monkeypatch, value, verb):
    stepper = Counting()
    plain = getattr(stepper, verb)

    def damaged(*given):
        logits = plain(*given)
        logits[0, 2] = value
        return logits

    monkeypatch.setattr(stepper, verb, damaged)
    with pytest.raises(ModelError, match="not finite"):
        run(stepper, [(i,) for i in range(8)])


def test_uniforms_are_named_by_record_and_ordered_by_candidate():
    assert run(Counting(), []) == []
    ids, lengths = padded([[4, 5], [6]], 3)
    assert (ids.tolist(), lengths.tolist()) == ([[4, 5, 0], [6, 0, 0]], [2, 1])
    made = uniforms_of(SeedTree(1), ["a", "b"], dataclasses.replace(PLAIN, candidates=2))
    assert (made.shape, made.dtype) == ((4, 6), np.float32)
    wanted = SeedTree(1).child("b").generator().random((2, 6), dtype=np.float32)
    assert np.array_equal(made[2:], wanted)


JUST_BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))


def draw_one(logits, u, **changes):
    values, uniform = torch.tensor([logits], dtype=torch.float32), torch.tensor([u], dtype=torch.float32)
    return int(sample(values, uniform, **{"top_k": 50, "top_p": 1.0, "temperature": 1.0, **changes}))


def law(logits, top_k, top_p, temperature):
    """Return (token ids, renormalised probabilities, sums before each token) by sorting the whole vocabulary."""
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))[:top_k]
    weights = [np.exp((logits[i] - logits[order[0]]) / temperature) for i in order]
    p = [w / sum(weights) for w in weights]
    before = [sum(p[:i]) for i in range(len(p))]
    kept = [i for i in range(len(p)) if before[i] < top_p]
    total = sum(p[i] for i in kept)
    return [order[i] for i in kept], [p[i] / total for i in kept], before


def test_sample_worked_example():
    # the 4 largest have the probabilities 8, 4, 2, 1 of 15 (ids 5, 1, 3, 0); the first three reach the sum 0.85
    logits = np.log([1.0, 4.0, 0.5, 2.0, 0.25, 8.0]).tolist()
    for u, wanted in [(0.0, 5), (8 / 14 - 0.01, 5), (8 / 14 + 0.01, 1), (12 / 14 - 0.01, 1), (12 / 14 + 0.01, 3)]:
        assert draw_one(logits, u, top_k=4, top_p=0.85) == wanted
    assert draw_one(logits, JUST_BELOW_ONE, top_k=4, top_p=0.85) == 3
    assert draw_one(logits, JUST_BELOW_ONE, top_k=4, top_p=1.0) == 0
    # at temperature 1/2 the weights are squared: 64, 16, 4, 1 of 85
    assert draw_one(logits, 64 / 85 - 0.01, top_k=4, temperature=0.5) == 5
    assert draw_one(logits, 64 / 85 + 0.01, top_k=4, temperature=0.5) == 1


@settings(max_examples=80)
@given(
    st.lists(st.integers(-12, 12), min_size=1, max_size=23),
    st.integers(1, 30),
    st.floats(0.01, 1.0),
    st.floats(0.2, 3.0),
    st.integers(0, 1023),
)
def test_sample_equals_sorting_the_whole_vocabulary(quarters, top_k, top_p, temperature, at):
    logits, u = [q / 4 for q in quarters], (at + 0.5) / 1024
    falling = sorted(logits, reverse=True)
    assume(top_k >= len(logits) or falling[top_k - 1] != falling[top_k])  # a tie at the limit has no fixed order
    ids, p, before = law(logits, top_k, top_p, temperature)
    ends = np.cumsum(p)
    assume(min(abs(b - top_p) for b in before) > 1e-5)
    assume(min(abs(e - u) for e in ends) > 1e-5)
    assert draw_one(logits, u, top_k=top_k, top_p=top_p, temperature=temperature) == ids[int((ends <= u).sum())]


@given(st.lists(st.floats(-80, 80, width=32), min_size=1, max_size=40), st.integers(1, 50), st.floats(0.01, 1.0))
def test_sample_at_the_ends_of_the_unit_interval(logits, top_k, top_p):
    best = int(np.argmax(np.array(logits, dtype=np.float32)))
    lowest = draw_one(logits, 0.0, top_k=top_k, top_p=top_p)
    assert np.float32(logits[lowest]) == np.float32(logits[best])
    last = draw_one(logits, JUST_BELOW_ONE, top_k=top_k, top_p=top_p)
    assert 0 <= last < len(logits)


@pytest.mark.parametrize(
    ("logits", "us", "tokens"),
    [
        ([1.0, 3.0, 3.0, 1.0, 3.0], (0.1, 0.5, 0.9), [1, 2, 4]),  # ties are broken by token id
        ([2.0] * 7, (0.0, JUST_BELOW_ONE), [0, 6]),
        ([0.0, float("-inf"), 0.0, float("-inf")], (0.0, 0.3, 0.7, JUST_BELOW_ONE), [0, 0, 2, 2]),
        ([0.0, -300.0, -400.0], (JUST_BELOW_ONE,), [0]),  # a tail of zero probability
    ],
)
def test_sample_breaks_ties_and_never_draws_impossible_tokens(logits, us, tokens):
    assert [draw_one(logits, u, top_k=3 if len(logits) == 5 else 50) for u in us] == tokens


def test_sample_never_draws_impossible_tokens_by_rounding():
    """The rounded sums may end above or below 1; the largest u must still draw a token of positive probability."""
    logits = torch.randn(4000, 30, generator=torch.Generator().manual_seed(0))
    logits[:, 7] = float("-inf")
    drawn = sample(logits, torch.full((4000,), JUST_BELOW_ONE), top_k=30, top_p=1.0, temperature=1.0)
    assert not bool((drawn == 7).any())


@pytest.mark.parametrize(("top_k", "top_p"), [(50, 1.0), (4, 1.0), (50, 0.8)])
def test_frequencies_follow_the_law(top_k, top_p):
    logits = [0.3, 1.9, -0.4, 1.1, 0.8, -2.0, 0.0]
    n = 20000
    u = torch.from_numpy(np.random.default_rng(6).random(n, dtype=np.float32))
    drawn = sample(torch.tensor([logits]).expand(n, -1), u, top_k=top_k, top_p=top_p, temperature=0.9)
    ids, p, _ = law(logits, top_k, top_p, 0.9)
    counts = np.bincount(drawn.numpy(), minlength=len(logits)) / n
    wanted = np.zeros(len(logits))
    wanted[ids] = p
    assert (np.abs(counts - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / n) + 1e-9).all()


def test_sampled_rows_are_independent():
    generator = torch.Generator().manual_seed(0)
    logits, u = torch.randn(5, 60, generator=generator), torch.rand(5, generator=generator)
    together = sample(logits, u, top_k=9, top_p=0.9, temperature=0.7)
    for row in range(5):
        assert sample(logits[row : row + 1], u[row : row + 1], top_k=9, top_p=0.9, temperature=0.7) == together[row]
