import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from synthgen.decode.train.losses import ROWS, frozen_head_divergence, frozen_head_loss, teacher_inputs

PAD = 9


def problem(n, vocabulary, width, seed):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n, width, generator=generator)
    weight = torch.randn(vocabulary, width, generator=generator)
    return hidden, weight, torch.randint(vocabulary, (n,), generator=generator)


def both(hidden, weight, targets, scale=1.0):
    """Return (loss, gradient) of `frozen_head_loss` and of torch, which keeps all logits."""

    def library(h):
        return functional.cross_entropy(functional.linear(h, weight), targets, reduction="sum")

    return graded(lambda h: frozen_head_loss(h, weight, targets), hidden, scale), graded(library, hidden, scale)


def graded(loss, hidden, scale=1.0):
    """Return the loss and the gradient of `scale` times the loss."""
    h = hidden.clone().requires_grad_()
    value = loss(h)
    (value * scale).backward()
    return value.detach(), h.grad


N = st.one_of(st.integers(1, 9), st.sampled_from([ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 3]))


def SIZES(test):  # noqa: N802 - a decorator
    return settings(max_examples=15)(given(N, st.integers(2, 31), st.integers(1, 6), st.integers(0, 2**31))(test))


@SIZES
def test_loss_equals_the_library(n, vocabulary, width, seed):
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


def test_bfloat16_loss_is_close():
    hidden, weight, targets = problem(270, 23, 8, 2)
    half = weight.to(torch.bfloat16)
    loss, grad = graded(lambda h: frozen_head_loss(h, half, targets), hidden.to(torch.bfloat16))
    _, theirs = both(hidden, weight, targets)
    assert (loss.dtype, grad.dtype) == (torch.float32, torch.bfloat16)
    torch.testing.assert_close(loss, theirs[0], rtol=1e-2, atol=1)
    torch.testing.assert_close(grad.float(), theirs[1], rtol=0.1, atol=0.1)
    assert float(frozen_head_loss(*problem(0, 5, 3, 0))) == 0.0  # no rows


@SIZES
def test_divergence_equals_the_library(n, vocabulary, width, seed):
    hidden, weight, _ = problem(n, vocabulary, width, seed)
    teacher = problem(n, vocabulary, width, seed + 1)[0]

    def library(h):
        log_p, log_q = (functional.log_softmax(x @ weight.T, 1) for x in (h, teacher))
        return functional.kl_div(log_p, log_q, reduction="sum", log_target=True)

    ours = graded(lambda h: frozen_head_divergence(h, weight, teacher), hidden, 0.7)
    torch.testing.assert_close(ours, graded(library, hidden, 0.7), rtol=1e-4, atol=1e-4)
    value, grad = graded(lambda h: frozen_head_divergence(h, weight, hidden), hidden)
    assert abs(float(value)) < 1e-4
    assert grad.abs().max() < 1e-5


def test_teacher_inputs_have_the_text_in_place_of_the_vector():
    ids = torch.tensor([[1, 7, 7, 2, 4, 5, 6, PAD, PAD], [1, 3, 7, 7, 2, 8, PAD, PAD, PAD]])
    is_vector = ids == 7
    is_text = torch.zeros_like(is_vector)
    is_text[0, 4:8] = True  # includes the end-of-text token
    is_text[1, 5:6] = True  # cut, so without the end-of-text token
    full, predicted = teacher_inputs(ids, is_vector, is_text, PAD)
    assert full.tolist() == [[1, 4, 5, 6, 2, 4, 5, 6, PAD], [1, 3, 8, 2, 8, PAD, PAD, PAD, PAD]]
    assert full[predicted].tolist() == ids[is_text].tolist()
    assert predicted.nonzero().tolist() == [[0, 5], [0, 6], [0, 7], [0, 8], [1, 4]]
