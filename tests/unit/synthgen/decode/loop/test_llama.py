from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from synthgen.core.errors import ModelError
from synthgen.core.workers import has_int8
from synthgen.decode.loop import llama
from synthgen.decode.loop.llama import (
    FAMILIES,
    WARM_UP,
    LlamaStepper,
    LlamaWeights,
    Recorded,
    can_record,
    has_stepper,
)
from synthgen.decode.loop.products import LEVELS, can_pack

LENGTHS = (9, 4, 6, 1, 7)
LONGEST = 9
STEPS = 5
TOKENS = torch.arange(5 * STEPS).view(5, STEPS)
ROPE = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
FORMS = {
    "llama-grouped": ("llama", {}),
    "llama-one-key-head": ("llama", {"num_key_value_heads": 1}),
    "llama-tied-no-head-dim": ("llama", {"num_key_value_heads": 4, "head_dim": None, "tie_word_embeddings": True}),
    "llama-scaled-rope": ("llama", {"rope_parameters": ROPE}),
    "mistral-grouped": ("mistral", {}),
    "mistral-wide-window": ("mistral", {"sliding_window": LONGEST + STEPS}),
    "qwen2-biases": ("qwen2", {}),
    "qwen3-norms-of-queries-and-keys": ("qwen3", {}),
}


def prompts(size, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(size, (n,), generator=generator) for n in LENGTHS]


def made(model, *, batch=8, prompt=LONGEST, length=LONGEST + STEPS):
    return LlamaStepper(LlamaWeights(model), batch=batch, prompt=prompt, length=length)


def written(stepper, rows, tokens, *, fill=0, seats=range(8)):
    """Read the prompts one by one; return the logits after the prompt and each step, (steps + 1, n, vocabulary)."""
    first = []
    for row, seat in zip(rows, seats, strict=False):
        ids = torch.full((stepper.group, stepper.prompt), fill)
        ids[:, : len(row)] = row
        lengths = torch.full((stepper.group,), len(row))
        first.append(stepper.read(stepper.embed(ids), lengths)[0].clone())
        stepper.assign(torch.tensor([seat]), torch.tensor([0]))
    out = [torch.stack(first)]
    at = torch.tensor(list(seats)[: len(rows)])
    positions, ids = torch.zeros(stepper.batch, dtype=torch.long), torch.zeros(stepper.batch, dtype=torch.long)
    positions[at] = torch.tensor([len(row) for row in rows])
    for t in range(tokens.shape[1]):
        ids[at] = tokens[:, t]
        out.append(stepper.step(ids, positions)[at])
        positions[at] += 1
    return torch.stack(out)


def reference(model, rows, tokens):
    """Return the same logits from the model in transformers: one forward pass for each row, without padding."""
    out = []
    for row, more in zip(rows, tokens, strict=True):
        logits = model(torch.cat([row, more]).unsqueeze(0), use_cache=False).logits[0]
        out.append(logits[len(row) - 1 :])
    return torch.stack(out, dim=1)


@torch.inference_mode()
@pytest.mark.parametrize("form", FORMS)
def test_logits_equal_the_library(tiny, form):
    family, changes = FORMS[form]
    model = tiny.language_model(family, **changes)
    for name, tensor in model.named_parameters():  # new models have biases of 0 and norms of 1
        if name.endswith(("bias", "q_norm.weight", "k_norm.weight")):
            tensor.add_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(len(name))))
    rows = prompts(tiny.SIZE)
    tokens = torch.randint(tiny.SIZE, (len(rows), STEPS), generator=torch.Generator().manual_seed(1))
    wanted, stepper = reference(model, rows, tokens), made(model)
    got = written(stepper, rows, tokens)
    assert got.shape == (STEPS + 1, len(rows), tiny.SIZE)
    torch.testing.assert_close(got, wanted, atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(written(stepper, rows, tokens), got, atol=0, rtol=0)  # the first call leaves no state


@torch.inference_mode()
@pytest.mark.skipif(not has_int8(), reason="this processor has AMX, or no int8 instructions")
@pytest.mark.parametrize("family", FAMILIES)
def test_int8_weights_give_the_logits_of_the_rounded_weights(tiny, family):
    model, copy = tiny.language_model(family), tiny.language_model(family)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            scale = module.weight.abs().amax(dim=1, keepdim=True) / LEVELS
            module.weight.copy_((module.weight / scale).round() * scale)
    rows = prompts(tiny.SIZE)
    wanted = reference(model, rows, TOKENS)
    weights = LlamaWeights(copy, in_int8=True)
    assert not any(isinstance(layer, type(model.model.layers[0])) for layer in copy.model.layers)  # copied weights
    got = written(LlamaStepper(weights, batch=8, prompt=LONGEST, length=LONGEST + STEPS), rows, TOKENS)
    assert (got - wanted).norm() < 1e-3 * wanted.norm()


BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


@torch.inference_mode()
@BOTH
def test_other_rows_and_the_place_in_the_batch_change_nothing(tiny, dtype):
    stepper = made(tiny.language_model("llama").to(dtype))
    rows, others = prompts(tiny.SIZE), prompts(tiny.SIZE, seed=7)
    before, changed = written(stepper, rows, TOKENS), TOKENS.flip(1).clone()
    changed[1] = TOKENS[1]
    after = written(stepper, [others[0], rows[1], others[2][:2], others[0], others[4]], changed)
    assert torch.equal(before[:, 1], after[:, 1])
    assert not torch.equal(before[:, 0], after[:, 0])
    assert torch.equal(before[:, 1:2], written(stepper, rows[1:2], TOKENS[1:2]))
    order = [3, 0, 4, 2, 1]
    after = written(stepper, [rows[i] for i in order], TOKENS[order], seats=[7, 0, 3, 4, 5])
    assert torch.equal(before[:, order], after)


@torch.inference_mode()
@BOTH
def test_place_in_the_group_has_no_effect(tiny, dtype):
    stepper = made(tiny.language_model("llama").to(dtype), batch=20)
    assert stepper.group == 5
    ids, lengths = torch.zeros(5, LONGEST, dtype=torch.long), torch.tensor(LENGTHS)
    for i, row in enumerate(prompts(tiny.SIZE)):
        ids[i, : len(row)] = row
    order = torch.tensor([3, 0, 4, 2, 1])
    before = stepper.read(stepper.embed(ids), lengths)
    cache = stepper.prompts.clone()
    assert torch.equal(before[order], stepper.read(stepper.embed(ids[order]), lengths[order]))
    for at, prompt in enumerate(order):
        n = LENGTHS[prompt]
        assert torch.equal(cache[:, :, prompt, :, :n], stepper.prompts[:, :, at, :, :n])


@torch.inference_mode()
@BOTH
def test_replaced_rows_and_padding_leave_nothing_behind(tiny, dtype):
    """Each place in the batch held a longer text before, and the unused places still hold theirs."""
    stepper, rows = made(tiny.language_model("llama").to(dtype)), prompts(tiny.SIZE)
    assert torch.equal(written(stepper, rows, TOKENS, fill=0), written(stepper, rows, TOKENS, fill=99))  # padding
    alone = written(stepper, rows[3:4], TOKENS[3:4], seats=[6])
    written(stepper, [torch.arange(9)] * 8, torch.full((8, STEPS), 11))
    assert torch.equal(alone, written(stepper, rows[3:4], TOKENS[3:4], seats=[2]))


@torch.inference_mode()
def test_several_rows_continue_one_prompt(tiny):
    stepper = made(tiny.language_model("llama"))
    row, tokens = prompts(tiny.SIZE)[2], torch.arange(STEPS)
    ids = torch.zeros(stepper.group, stepper.prompt, dtype=torch.long)
    ids[0, : len(row)] = row
    stepper.read(stepper.embed(ids), torch.full((stepper.group,), len(row)))
    stepper.assign(torch.tensor([1, 5]), torch.tensor([0, 0]))
    for t, token in enumerate(tokens):
        logits = stepper.step(token.repeat(8), torch.full((8,), len(row) + t))
        assert torch.equal(logits[1], logits[5])
    assert torch.equal(logits[1], written(stepper, [row], tokens[None])[-1, 0])


@torch.inference_mode()
@BOTH
def test_a_smaller_step_gives_the_same_bits(tiny, dtype):
    stepper = made(tiny.language_model("llama").to(dtype), batch=64, prompt=LONGEST)
    assert stepper.sizes[0] == 64  # also 32, 16 and 8 if they give the same bits on this processor
    rows, tokens = prompts(tiny.SIZE), TOKENS
    before = written(stepper, rows, tokens, seats=[60, 9, 33, 2, 17])
    for size in stepper.sizes:
        written(stepper, rows, tokens[:, :2], seats=[60, 9, 33, 2, 17])
        stepper.move(torch.tensor([60, 9, 33, 17]), torch.tensor([7, 0, 1, 5]))
        at = torch.tensor([7, 0, 1, 2, 5])
        ids, positions = torch.zeros(size, dtype=torch.long), torch.zeros(size, dtype=torch.long)
        positions[at] = torch.tensor(LENGTHS) + 2
        for t in range(2, STEPS):
            ids[at] = tokens[:, t]
            assert torch.equal(stepper.step(ids, positions)[at], before[t + 1])
            positions[at] += 1


@torch.inference_mode()
def test_step_sizes_with_other_bits_are_excluded(tiny, monkeypatch):
    plain = LlamaStepper.step

    def step(self, ids, positions):
        return plain(self, ids, positions) + (1e-6 if len(ids) == 16 else 0)

    monkeypatch.setattr(LlamaStepper, "step", step)
    assert 16 not in made(tiny.language_model("llama"), batch=64).sizes
    assert made(tiny.language_model("llama"), batch=15).sizes == (15,)


@torch.inference_mode()
@pytest.mark.parametrize("shared", [1, 4])
def test_prefix_is_read_once(tiny, shared):
    model = tiny.language_model("llama")
    tokens = TOKENS
    rows = [torch.cat([torch.arange(50, 50 + shared), row]) for row in prompts(tiny.SIZE)]
    size = {"prompt": LONGEST + shared, "length": LONGEST + shared + STEPS}
    wanted = written(made(model, **size), rows, tokens)
    stepper = made(model, **size)
    written(stepper, rows, tokens)  # an earlier call must leave no state
    stepper.read_prefix(stepper.embed(rows[0][:shared]))
    found = []
    for row, more in zip(rows, tokens, strict=True):
        ids = torch.zeros(stepper.group, LONGEST, dtype=torch.long)
        ids[1, : len(row) - shared] = row[shared:]
        out = [stepper.read(stepper.embed(ids), torch.full((2,), len(row) - shared))[1].clone()]
        stepper.assign(torch.tensor([5]), torch.tensor([1]))
        out += [stepper.step(token.repeat(8), torch.full((8,), len(row) + t))[5] for t, token in enumerate(more)]
        found.append(torch.stack(out))
    torch.testing.assert_close(torch.stack(found, dim=1), wanted, atol=2e-4, rtol=1e-4)


@torch.inference_mode()
def test_bfloat16_logits_are_as_exact_as_the_library(tiny):
    """In bfloat16, the error is at most 1.1 times that of transformers. Packing removes the layers from the model."""
    exact = tiny.language_model("llama")
    rows, tokens = prompts(tiny.SIZE), TOKENS
    rounded = tiny.language_model("llama").to(torch.bfloat16)
    wanted, theirs = reference(exact, rows, tokens), reference(rounded, rows, tokens)
    got = written(made(rounded), rows, tokens)
    assert got.dtype == torch.bfloat16
    assert (got.float() - wanted).abs().mean() < 1.1 * (theirs.float() - wanted).abs().mean()
    if can_pack(rounded.lm_head.weight):
        assert not any("layers" in name for name, _ in rounded.named_parameters())


def test_a_sliding_window_shorter_than_the_text_is_rejected(tiny):
    model = tiny.language_model("mistral", sliding_window=16)
    assert made(model, length=16).length == 16
    with pytest.raises(ModelError, match="sliding window of the language model has only 16 tokens"):
        made(model, length=17)


OTHER_FORMS = [
    ("gpt2", {}),
    ("llama", {"attention_bias": True}),
    ("llama", {"mlp_bias": True}),
    ("llama", {"hidden_act": "gelu"}),
    ("qwen2", {"use_sliding_window": True}),
    ("qwen3", {"attention_bias": True}),
]


@pytest.mark.parametrize(("family", "changes"), OTHER_FORMS)
def test_model_of_another_form_is_rejected(tiny, family, changes):
    model = tiny.language_model(family, **changes)
    assert not has_stepper(model.config)
    with pytest.raises(ModelError, match="for Llama models does not support a model of type"):
        LlamaWeights(model)


BATCH, PROMPT, LENGTH = 32, 7, 19


class Tape(TorchDispatchMode):
    """Stand-in for a CUDA graph: it records operations and repeats them on the same memory."""

    def __init__(self):
        super().__init__()
        self.done = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        self.done.append((func, args, kwargs or {}, made))
        return made

    def replay(self):
        for func, args, kwargs, made in self.done:
            new = func(*args, **kwargs)
            for old, now in zip(*([t] if isinstance(t, torch.Tensor) else t for t in (made, new)), strict=True):
                if old.data_ptr() != now.data_ptr():
                    old.copy_(now)


class Stream:
    def wait_stream(self, other):
        pass


@contextmanager
def nothing(*_):
    yield


@pytest.fixture
def recorder(monkeypatch):
    """Replace the CUDA functions by stand-ins that record and replay on the CPU."""
    stand_ins = {"CUDAGraph": Tape, "graph": lambda tape: tape, "Stream": Stream, "current_stream": Stream}
    for name, stand_in in {**stand_ins, "stream": nothing, "device": nothing}.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)


def test_recorded_function_is_replayed_with_new_arguments(recorder):
    assert can_record(torch.device("cuda", 1))
    assert not can_record(torch.device("cpu"))
    calls = []

    def function(a, b):
        calls.append(1)
        return (a * 2 + b).flip(0)

    arguments = [(torch.full((3,), float(i)), torch.arange(3.0) - i) for i in range(4)]
    played = Recorded(function, *arguments[0])
    assert len(calls) == WARM_UP + 1
    for a, b in arguments:
        assert torch.equal(played(a, b), (a * 2 + b).flip(0))
    assert len(calls) == WARM_UP + 1
    assert played(*arguments[1]) is played(*arguments[2])


def recording_stepper(model):
    stepper = LlamaStepper(LlamaWeights(model), batch=BATCH, prompt=PROMPT, length=LENGTH)
    generator = torch.Generator().manual_seed(5)
    stepper.rows[..., :PROMPT, :] = torch.randn(stepper.rows[..., :PROMPT, :].shape, generator=generator)
    return stepper


def steps_of(stepper):
    """Return the logits of four steps of the whole batch and of eight rows."""
    found, device = [], stepper.columns.device
    for size in (BATCH, 8):
        generator = torch.Generator().manual_seed(size)
        for t in range(4):
            ids = torch.randint(50, (size,), generator=generator).to(device)
            found.append(stepper.step(ids, PROMPT + t + torch.arange(size, device=device) % 5).clone())
    return found


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_recorded_steps_give_the_same_bits(tiny, recorder, monkeypatch, dtype):
    launched = recording_stepper(tiny.language_model("llama").to(dtype))
    wanted = steps_of(launched)
    assert launched.recorded == {}
    monkeypatch.setattr(llama, "can_record", lambda _: True)
    played = recording_stepper(tiny.language_model("llama").to(dtype))
    got = steps_of(played)
    assert {BATCH, 8} <= set(played.recorded)
    assert played.sizes == launched.sizes
    assert all(map(torch.equal, got, wanted))
    assert torch.equal(played.rows, launched.rows)


@torch.inference_mode()
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gpu_steps_give_the_same_bits_recorded_or_launched(tiny, monkeypatch):
    model = tiny.language_model("llama").to("cuda", torch.bfloat16)
    recorded = recording_stepper(model)
    assert recorded.columns.is_cuda
    got = steps_of(recorded)
    monkeypatch.setattr(llama, "can_record", lambda _: False)
    assert all(map(torch.equal, got, steps_of(recording_stepper(model))))
