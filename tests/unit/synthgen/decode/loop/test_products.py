import pytest
import torch
from torch import nn
from torch.nn import functional

from synthgen.decode.loop.products import Packed, Plain, can_pack, merged, product

OUT, IN = 48, 80


def numbers(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


needs_packing = pytest.mark.skipif(
    not can_pack(torch.zeros(2, 2, dtype=torch.bfloat16)), reason="this processor multiplies no bfloat16"
)
KINDS = [pytest.param(Plain, torch.float32), pytest.param(Packed, torch.bfloat16, marks=needs_packing)]


@torch.inference_mode()
@pytest.mark.parametrize(("kind", "dtype"), KINDS)
@pytest.mark.parametrize("n", [1, 7, 64, 130])
@pytest.mark.parametrize("has_bias", [False, True])
def test_products_follow_their_equations(kind, dtype, n, has_bias):
    shapes = (n, IN), (OUT, IN), (n, OUT), (OUT,)
    x, weight, other, bias = (numbers(*s, seed=i, dtype=dtype) for i, s in enumerate(shapes))
    made, y = kind(weight), x.float() @ weight.float().T
    if has_bias:
        made, y = kind(weight, bias), y + bias.float()
    near = {"atol": 1e-5, "rtol": 1e-5 if dtype is torch.float32 else 2**-8}  # the result is rounded once
    torch.testing.assert_close(made(x).float(), y, **near)
    torch.testing.assert_close(made.silu(x).float(), functional.silu(y), **near)
    torch.testing.assert_close(made.times(x, other).float(), y * other.float(), **near)
    torch.testing.assert_close(made.plus(x, other).float(), y + other.float(), **near)


@torch.inference_mode()
@pytest.mark.parametrize(("kind", "dtype"), KINDS)
def test_product_equals_the_general_one_and_rows_are_independent(kind, dtype):
    x, weight = numbers(64, IN, dtype=dtype), numbers(OUT, IN, seed=1, dtype=dtype)
    made = kind(weight)
    assert torch.equal(made(x[:9]), functional.linear(x[:9], weight))
    order = torch.randperm(64, generator=torch.Generator().manual_seed(2))
    assert torch.equal(made(x)[order], made(x[order]))


def test_only_bfloat16_on_a_cpu_is_packed():
    assert not can_pack(torch.zeros(2, 2))
    assert not can_pack(torch.zeros(2, 2, dtype=torch.bfloat16, device="meta"))
    assert type(product(torch.zeros(2, 2))) is Plain


@torch.inference_mode()
def test_merged_layers_share_their_weights():
    a, b = nn.Linear(5, 3, bias=False), nn.Linear(5, 2, bias=False)
    x = numbers(4, 5)
    wanted = torch.cat([a(x), b(x)], dim=1)
    made = merged(a, b)
    torch.testing.assert_close(made(x), wanted)
    torch.testing.assert_close(torch.cat([a(x), b(x)], dim=1), wanted)
    assert a.weight.data_ptr() == made.weight.data_ptr()
    assert b.weight.data_ptr() == made.weight[3:].data_ptr()


@torch.inference_mode()
def test_merged_layers_keep_their_biases():
    a, b = nn.Linear(5, 3), nn.Linear(5, 2)
    x = numbers(4, 5)
    torch.testing.assert_close(merged(a, b)(x), torch.cat([a(x), b(x)], dim=1))


PRIVATE = {  # private names that a new version of torch may remove, and the remedy
    "_is_avx512_bf16_supported": "say in has_bfloat16 how torch now tells that the processor multiplies bfloat16",
    "_is_mkldnn_bf16_supported": "say in has_bfloat16 how torch now tells that an ARM processor multiplies bfloat16",
    "_reorder_linear_weight": "pack weights as torch/_inductor/mkldnn_lowerings.py does now, or take Plain",
    "_linear_pointwise": "multiply packed weights as torch/_inductor/fx_passes/mkldnn_fusion.py does now",
}


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")
@pytest.mark.parametrize("name", PRIVATE)
def test_private_names_of_torch_exist(name):
    assert hasattr(torch.cpu, name) or hasattr(torch.ops.mkldnn, name), f"{torch.__version__}: {PRIVATE[name]}"
