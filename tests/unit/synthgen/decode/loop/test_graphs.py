from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from synthgen.decode.loop import llama
from synthgen.decode.loop.graphs import WARM_UP, Recorded, can_record
from synthgen.decode.loop.llama import LlamaStepper, LlamaWeights

BATCH, PROMPT, LENGTH = 32, 7, 19


class Tape(TorchDispatchMode):
    """What a GPU's graph is: the operations between two moments, done again on the same memory."""

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
    """Let this processor record and play as a GPU would."""
    stand_ins = {
        "CUDAGraph": Tape,
        "graph": lambda tape: tape,
        "stream": nothing,
        "device": nothing,
        "Stream": Stream,
        "current_stream": Stream,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)


def test_what_is_played_is_the_function_of_the_new_arguments(recorder):
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


def stepper_of(model):
    stepper = LlamaStepper(LlamaWeights(model), batch=BATCH, prompt=PROMPT, length=LENGTH)
    generator = torch.Generator().manual_seed(5)
    stepper.rows[..., :PROMPT, :] = torch.randn(stepper.rows[..., :PROMPT, :].shape, generator=generator)
    return stepper


def steps_of(stepper, size):
    generator, device = torch.Generator().manual_seed(size), stepper.columns.device
    for t in range(4):
        ids = torch.randint(50, (size,), generator=generator).to(device)
        yield stepper.step(ids, PROMPT + t + torch.arange(size, device=device) % 5).clone()


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_played_steps_give_the_same_bits(tiny, recorder, monkeypatch, dtype):
    model = tiny.language_model("llama").to(dtype)
    launched = stepper_of(model)
    wanted = [made for size in (BATCH, 8) for made in steps_of(launched, size)]
    assert launched.recorded == {}
    monkeypatch.setattr(llama, "can_record", lambda _: True)
    played = stepper_of(tiny.language_model("llama").to(dtype))
    got = [made for size in (BATCH, 8) for made in steps_of(played, size)]
    assert {BATCH, 8} <= set(played.recorded)
    assert played.sizes == launched.sizes
    assert all(map(torch.equal, got, wanted))
    assert torch.equal(played.rows, launched.rows)


def test_only_a_gpu_plays():
    assert can_record(torch.device("cuda", 1))
    assert not can_record(torch.device("cpu"))


@torch.inference_mode()
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_plays_what_it_would_launch(tiny, monkeypatch):
    model = tiny.language_model("llama").to("cuda", torch.bfloat16)
    played = stepper_of(model)
    assert played.columns.is_cuda
    got = [made for size in (BATCH, 8) for made in steps_of(played, size)]
    monkeypatch.setattr(llama, "can_record", lambda _: False)
    launched = stepper_of(model)
    wanted = [made for size in (BATCH, 8) for made in steps_of(launched, size)]
    assert all(map(torch.equal, got, wanted))
