import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synthgen.decode.loop.sampling import sample

JUST_BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))


def draw(logits, u, *, top_k=50, top_p=1.0, temperature=1.0):
    return int(
        sample(
            torch.tensor([logits], dtype=torch.float32),
            torch.tensor([u], dtype=torch.float32),
            top_k=top_k,
            top_p=top_p,
            temperature=temperature,
        )
    )


def law(logits, top_k, top_p, temperature):
    """Return token ids and renormalised probabilities, by sorting the whole vocabulary; and the sums before each."""
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))[:top_k]
    weights = [np.exp((logits[i] - logits[order[0]]) / temperature) for i in order]
    p = [w / sum(weights) for w in weights]
    before = [sum(p[:i]) for i in range(len(p))]
    kept = [i for i in range(len(p)) if before[i] < top_p]
    total = sum(p[i] for i in kept)
    return [order[i] for i in kept], [p[i] / total for i in kept], before


def test_a_case_worked_by_hand():
    # p over the 4 largest: 8, 4, 2, 1 of 15 for ids 5, 1, 3, 0; the shortest prefix of 0.85 is 8 + 4 + 2 of 15
    logits = np.log([1.0, 4.0, 0.5, 2.0, 0.25, 8.0]).tolist()
    for u, wanted in [(0.0, 5), (8 / 14 - 0.01, 5), (8 / 14 + 0.01, 1), (12 / 14 - 0.01, 1), (12 / 14 + 0.01, 3)]:
        assert draw(logits, u, top_k=4, top_p=0.85) == wanted
    assert draw(logits, JUST_BELOW_ONE, top_k=4, top_p=0.85) == 3
    assert draw(logits, JUST_BELOW_ONE, top_k=4, top_p=1.0) == 0
    # at temperature 1/2 the weights are squared: 64, 16, 4, 1 of 85
    assert draw(logits, 64 / 85 - 0.01, top_k=4, temperature=0.5) == 5
    assert draw(logits, 64 / 85 + 0.01, top_k=4, temperature=0.5) == 1


@settings(max_examples=80)
@given(
    st.lists(st.integers(-12, 12), min_size=1, max_size=23),
    st.integers(1, 30),
    st.floats(0.01, 1.0),
    st.floats(0.2, 3.0),
    st.integers(0, 1023),
)
def test_the_law_of_the_whole_vocabulary(quarters, top_k, top_p, temperature, at):
    logits, u = [q / 4 for q in quarters], (at + 0.5) / 1024
    falling = sorted(logits, reverse=True)
    assume(top_k >= len(logits) or falling[top_k - 1] != falling[top_k])  # which of two equals is in is not promised
    ids, p, before = law(logits, top_k, top_p, temperature)
    ends = np.cumsum(p)
    assume(min(abs(b - top_p) for b in before) > 1e-5)
    assume(min(abs(e - u) for e in ends) > 1e-5)
    assert draw(logits, u, top_k=top_k, top_p=top_p, temperature=temperature) == ids[int((ends <= u).sum())]


@given(st.lists(st.floats(-80, 80, width=32), min_size=1, max_size=40), st.integers(1, 50), st.floats(0.01, 1.0))
def test_the_ends_of_the_unit_interval(logits, top_k, top_p):
    best = int(np.argmax(np.array(logits, dtype=np.float32)))
    lowest = draw(logits, 0.0, top_k=top_k, top_p=top_p)
    assert np.float32(logits[lowest]) == np.float32(logits[best])
    last = draw(logits, JUST_BELOW_ONE, top_k=top_k, top_p=top_p)
    assert 0 <= last < len(logits)


def test_ties_are_broken_by_token_id():
    logits = [1.0, 3.0, 3.0, 1.0, 3.0]
    assert [draw(logits, u, top_k=3) for u in (0.1, 0.5, 0.9)] == [1, 2, 4]
    assert draw([2.0] * 7, 0.0) == 0
    assert draw([2.0] * 7, JUST_BELOW_ONE) == 6


def test_forbidden_tokens_are_never_drawn():
    logits = [0.0, float("-inf"), 0.0, float("-inf")]
    assert {draw(logits, u) for u in (0.0, 0.3, 0.7, JUST_BELOW_ONE)} == {0, 2}


def test_a_tail_of_zero_probability_is_never_drawn():
    assert draw([0.0, -300.0, -400.0], JUST_BELOW_ONE) == 0


def test_rounding_never_draws_beyond_what_can_be_drawn():
    """The sums are rounded and may end above or below 1; the largest u still draws a token that can be drawn."""
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


def test_rows_do_not_meet():
    generator = torch.Generator().manual_seed(0)
    logits, u = torch.randn(5, 60, generator=generator), torch.rand(5, generator=generator)
    together = sample(logits, u, top_k=9, top_p=0.9, temperature=0.7)
    for row in range(5):
        assert sample(logits[row : row + 1], u[row : row + 1], top_k=9, top_p=0.9, temperature=0.7) == together[row]
