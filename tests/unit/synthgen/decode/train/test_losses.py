import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from synthgen.decode.train.losses import ROWS, frames_with_text, frozen_head_divergence, frozen_head_loss

PAD = 9


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


def pair(n, vocabulary, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(k, width, generator=generator) for k in (n, vocabulary, n)]


@settings(max_examples=15)
@given(
    st.one_of(st.integers(1, 9), st.sampled_from([ROWS, ROWS + 1])),
    st.integers(2, 31),
    st.integers(1, 6),
    st.integers(0, 2**31),
)
def test_value_and_gradient_are_the_library_s(n, vocabulary, width, seed):
    hidden, weight, teacher = pair(n, vocabulary, width, seed)
    ours, theirs = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    value = frozen_head_divergence(ours, weight, teacher)
    (value * 0.7).backward()
    wanted = functional.kl_div(
        functional.log_softmax(theirs @ weight.T, 1),
        functional.log_softmax(teacher @ weight.T, 1),
        reduction="sum",
        log_target=True,
    )
    (wanted * 0.7).backward()
    torch.testing.assert_close(value.detach(), wanted.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-4)


def test_no_divergence_from_oneself():
    hidden, weight, _ = pair(5, 17, 3, 0)
    h = hidden.clone().requires_grad_()
    value = frozen_head_divergence(h, weight, hidden)
    value.backward()
    assert float(value.detach()) == pytest.approx(0, abs=1e-5)
    assert h.grad.abs().max() < 1e-5


def test_the_text_stands_where_the_vector_stood():
    ids = torch.tensor([[1, 7, 7, 2, 4, 5, 6, PAD, PAD], [1, 3, 7, 7, 2, 8, PAD, PAD, PAD]])
    is_vector = ids == 7
    is_text = torch.zeros_like(is_vector)
    is_text[0, 4:8] = True  # with its end of text
    is_text[1, 5:6] = True  # cut before its end
    full, predicted = frames_with_text(ids, is_vector, is_text, PAD)
    assert full.tolist() == [[1, 4, 5, 6, 2, 4, 5, 6, PAD], [1, 3, 8, 2, 8, PAD, PAD, PAD, PAD]]
    assert full[predicted].tolist() == ids[is_text].tolist()
    assert predicted.nonzero().tolist() == [[0, 5], [0, 6], [0, 7], [0, 8], [1, 4]]
