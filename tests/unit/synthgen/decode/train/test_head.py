import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from synthgen.decode.train.head import ROWS, frozen_head_loss


def problem(n, vocabulary, width, seed):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n, width, generator=generator)
    weight = torch.randn(vocabulary, width, generator=generator)
    return hidden, weight, torch.randint(vocabulary, (n,), generator=generator)


def both(hidden, weight, targets, scale=1.0):
    """Return (loss, gradient) of ours and of the library's, which keeps all logits."""
    out = []
    for loss in (
        lambda h: frozen_head_loss(h, weight, targets),
        lambda h: functional.cross_entropy(functional.linear(h, weight), targets, reduction="sum"),
    ):
        h = hidden.clone().requires_grad_()
        value = loss(h)
        (value * scale).backward()
        out.append((value.detach(), h.grad))
    return out


@settings(max_examples=15)
@given(
    st.one_of(st.integers(1, 9), st.sampled_from([ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 3])),
    st.integers(2, 31),
    st.integers(1, 6),
    st.integers(0, 2**31),
)
def test_value_and_gradient(n, vocabulary, width, seed):
    ours, theirs = both(*problem(n, vocabulary, width, seed))
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, -2.5, 1 / 300])
def test_the_gradient_is_scaled(scale):
    ours, theirs = both(*problem(300, 17, 5, 0), scale=scale)
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-4, atol=1e-5)


def test_large_logits_do_not_overflow():
    hidden, weight, targets = problem(3, 11, 4, 1)
    ours, theirs = both(hidden * 1000, weight, targets)
    assert torch.isfinite(ours[0])
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-5, atol=1e-2)


def test_half_precision_is_close():
    hidden, weight, targets = problem(270, 23, 8, 2)
    h = hidden.to(torch.bfloat16).requires_grad_()
    loss = frozen_head_loss(h, weight.to(torch.bfloat16), targets)
    loss.backward()
    _, theirs = both(hidden, weight, targets)
    assert loss.dtype == torch.float32
    assert h.grad.dtype == torch.bfloat16
    torch.testing.assert_close(loss.detach(), theirs[0], rtol=1e-2, atol=1)
    torch.testing.assert_close(h.grad.float(), theirs[1], rtol=0.1, atol=0.1)


def test_no_rows_are_no_loss():
    hidden, weight, targets = problem(0, 5, 3, 0)
    assert float(frozen_head_loss(hidden, weight, targets)) == 0.0
