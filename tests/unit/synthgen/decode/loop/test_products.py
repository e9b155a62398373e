import pytest
import torch
from torch import nn
from torch.nn import functional

from synthgen.core.workers import has_int8
from synthgen.decode.loop.products import FINER, LEVELS, Packed, Plain, Quantized, can_pack, merged, product

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


needs_int8 = pytest.mark.skipif(not has_int8(), reason="this processor has AMX, or no int8 instructions")
ACTIVATIONS = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def reference(x, weight):
    """Return the product with the roundings of `Quantized`, summed in float64."""
    x, weight = x.float(), weight.float()
    scale, of_weight = (v.abs().amax(dim=1, keepdim=True) / LEVELS for v in (x, weight))
    coarse = (x / scale).round()
    fine = ((x / scale - coarse) * FINER).round()
    numbers = (weight / of_weight).round().double() * of_weight.double()
    return (coarse.double() + fine.double() / FINER) * scale.double() @ numbers.T


@needs_int8
@torch.inference_mode()
@ACTIVATIONS
@pytest.mark.parametrize("n", [1, 7, 64, 130])
@pytest.mark.parametrize("has_bias", [False, True])
def test_int8_products_follow_their_equations(dtype, n, has_bias):
    shapes = (n, IN), (OUT, IN), (n, OUT), (OUT,)
    x, weight, other, bias = (numbers(*s, seed=i, dtype=dtype) for i, s in enumerate(shapes))
    x[:, 3] *= 100  # one large column, as in language models
    made = Quantized(weight, bias if has_bias else None)
    y = (reference(x, weight) + (bias.double() if has_bias else 0)).float()
    near = {"atol": 1e-4, "rtol": 1e-5 if dtype is torch.float32 else 2**-8}  # the result is rounded once
    assert made(x).dtype is dtype
    torch.testing.assert_close(made(x).float(), y, **near)
    torch.testing.assert_close(made.silu(x).float(), functional.silu(y), **near)
    torch.testing.assert_close(made.times(x, other).float(), y * other.float(), **near)
    torch.testing.assert_close(made.plus(x, other).float(), y + other.float(), **near)
    exact = x.float() @ weight.float().T + (bias.float() if has_bias else 0)
    error = (made(x).float() - exact).norm(dim=1) / exact.norm(dim=1)
    assert error.max() < 0.01


@needs_int8
@torch.inference_mode()
@ACTIVATIONS
def test_rows_of_int8_products_do_not_depend_on_other_rows(dtype):
    x, weight = numbers(640, IN, dtype=dtype), numbers(OUT, IN, seed=1, dtype=dtype)
    made = Quantized(weight)
    full, order = made(x), torch.randperm(640, generator=torch.Generator().manual_seed(2))
    assert torch.equal(full[order], made(x[order]))
    for n in (1, 2, 8, 9, 64, 100):
        assert torch.equal(full[:n], made(x[:n]))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.equal(full, made(x))
    finally:
        torch.set_num_threads(threads)


@needs_int8
@torch.inference_mode()
def test_int8_sums_are_exact_for_long_rows():
    signs = torch.where(numbers(5, 20_000) > 0, 1.0, -1.0)
    weight = torch.where(numbers(3, 20_000, seed=1) > 0, 1.0, -1.0)
    assert torch.equal(Quantized(weight)(signs), signs @ weight.T)


@needs_int8
@torch.inference_mode()
def test_int8_products_of_zeros_are_zeros_and_broken_numbers_stay_visible():
    x, weight = numbers(4, IN), numbers(OUT, IN, seed=1)
    x[0], weight[2], x[1, 5], x[2, 5] = 0, 0, float("nan"), float("inf")
    y = Quantized(weight)(x)
    assert torch.equal(y[0], torch.zeros(OUT))
    assert float(y[3, 2]) == 0
    assert not torch.isfinite(y[1:3]).any()
    assert torch.isfinite(y[3]).all()


@needs_int8
def test_int8_is_used_only_on_request():
    assert type(product(torch.zeros(2, 2))) is Plain
    assert type(product(torch.zeros(2, 2), in_int8=True)) is Quantized
    assert type(merged(nn.Linear(5, 3), nn.Linear(5, 2), in_int8=True)) is Quantized


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
    "_is_vnni_supported": "say in has_int8 how torch now tells that the processor has AVX-512 VNNI",
    "_is_amx_tile_supported": "say in has_int8 how torch now tells that the processor has AMX",
    "qlinear_prepack": "pack int8 weights as torch/_inductor/fx_passes/quantization.py does now, or take Plain",
    "qlinear_pointwise": "multiply int8 numbers as torch/_inductor/quantized_lowerings.py does now",
    "_linear_pointwise": "multiply packed weights as torch/_inductor/fx_passes/mkldnn_fusion.py does now",
}


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")
@pytest.mark.parametrize("name", PRIVATE)
def test_private_names_of_torch_exist(name):
    places = torch.cpu, torch.ops.mkldnn, torch.ops.onednn
    assert any(hasattr(place, name) for place in places), f"{torch.__version__}: {PRIVATE[name]}"
