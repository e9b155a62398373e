import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import ModelError
from synthgen.decode.projector import Projector, projector_from, splice

NAMES = [f"projector.projector.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias")]


def stored(dim=7, hidden=5, n_soft=3, width=4, seed=1):
    torch.manual_seed(seed)
    made = Projector(dim, hidden, n_soft, width)
    return {f"projector.{name}": tensor.detach() for name, tensor in made.state_dict().items()}


def slow_soft_tokens(tensors, x, n_soft, width):
    """Follow the equation entry by entry in float64, with the error function of the standard library."""
    w1, b1, w2, b2 = (tensors[name].double().numpy() for name in NAMES)
    unit = [value / math.sqrt(sum(v * v for v in x)) * math.sqrt(len(x)) for value in x]
    low = [sum(w * u for w, u in zip(row, unit, strict=True)) + b for row, b in zip(w1, b1, strict=True)]
    gelu = [h * 0.5 * (1 + math.erf(h / math.sqrt(2))) for h in low]
    out = [sum(w * g for w, g in zip(row, gelu, strict=True)) + b for row, b in zip(w2, b2, strict=True)]
    return [out[i * width : (i + 1) * width] for i in range(n_soft)]


@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_the_equation(seed, length):
    tensors = stored(seed=seed)
    x = np.random.default_rng(seed).normal(size=(2, 7)) * length
    got = projector_from(tensors, 3, 4)(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    assert got.shape == (2, 3, 4)
    for row in range(2):
        np.testing.assert_allclose(got[row], slow_soft_tokens(tensors, x[row], 3, 4), atol=2e-5)


def test_names_are_those_of_xrag():
    assert sorted(f"projector.{name}" for name, _ in Projector(7, 5, 3, 4).named_parameters()) == sorted(NAMES)


@pytest.mark.parametrize("names", [*([name] for name in NAMES), NAMES])
def test_missing_tensors_are_listed(names):
    with pytest.raises(ModelError, match="incomplete") as refused:
        projector_from({k: v for k, v in stored().items() if k not in names}, 3, 4)
    assert refused.value.problems == tuple(f"{name}: this tensor is missing" for name in names)


@pytest.mark.parametrize("name", NAMES)
def test_misshaped_tensors_are_listed(name):
    is_first = name == NAMES[0]
    tensors = stored() | {name: torch.zeros(3) if is_first else stored()[name][:-1]}
    with pytest.raises(ModelError, match="damaged" if is_first else "projector have wrong shapes") as refused:
        projector_from(tensors, 3, 4)
    assert [p.split(":")[0] for p in refused.value.problems] == [name]
    with pytest.raises(ModelError, match="projector have wrong shapes"):
        projector_from(stored(n_soft=3), 2, 4)


def test_splice_replaces_the_placeholders_in_order():
    embeddings = torch.arange(2 * 5 * 4, dtype=torch.float32).view(2, 5, 4)
    soft = -torch.arange(1, 2 * 2 * 4 + 1, dtype=torch.float32).view(2, 2, 4)
    marks = torch.tensor([[0, 1, 0, 1, 0], [1, 1, 0, 0, 0]], dtype=torch.bool)
    out = splice(embeddings, soft, marks)
    for row, places in enumerate(([1, 3], [0, 1])):
        for at, place in enumerate(places):
            assert torch.equal(out[row, place], soft[row, at])
    assert torch.equal(out[~marks], embeddings[~marks])


@pytest.mark.parametrize(
    "marked", [[[0, 1, 0], [0, 1, 1]], [[1, 1, 1], [1, 1, 0]], [[1, 1, 1], [1, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
)
def test_splice_refuses_another_number_of_placeholders(marked):
    with pytest.raises(ModelError, match="exactly 2 placeholders"):
        splice(torch.zeros(2, 3, 4), torch.ones(2, 2, 4), torch.tensor(marked, dtype=torch.bool))
    marks = torch.tensor([[True, False]])
    assert splice(torch.zeros(1, 2, 4, dtype=torch.bfloat16), torch.ones(1, 1, 4), marks).dtype == torch.bfloat16


def test_projector_is_read_among_other_tensors_in_bfloat16(tiny):
    tensors = {k: v.to(torch.bfloat16) for k, v in tiny.bridge_tensors(tiny.info(n_soft=1)).items()}
    read = projector_from({"lm_head.weight": torch.ones(2, 2), **tensors}, 1, 40)
    assert (read.dim, read.n_soft, read.width) == (7, 1, 40)
    assert torch.equal(read.projector[2].weight, tensors[NAMES[2]].float())
    assert read(torch.ones(2, 7)).shape == (2, 1, 40)
