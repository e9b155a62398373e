import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from synthgen.decode.train.distil import frozen_head_divergence, with_text
from synthgen.decode.train.head import ROWS

PAD = 9


def problem(n, vocabulary, width, seed):
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
    hidden, weight, teacher = problem(n, vocabulary, width, seed)
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
    hidden, weight, _ = problem(5, 17, 3, 0)
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
    told, predicted = with_text(ids, is_vector, is_text, PAD)
    assert told.tolist() == [[1, 4, 5, 6, 2, 4, 5, 6, PAD], [1, 3, 8, 2, 8, PAD, PAD, PAD, PAD]]
    assert told[predicted].tolist() == ids[is_text].tolist()
    assert predicted.nonzero().tolist() == [[0, 5], [0, 6], [0, 7], [0, 8], [1, 4]]
