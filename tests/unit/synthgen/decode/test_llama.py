import pytest
import torch

from synthgen.decode.llama import LlamaStepper, has_stepper
from synthgen.errors import ModelError

LENGTHS = (9, 4, 6, 1, 7)
STEPS = 5
FORMS = {
    "llama-grouped": ("llama", {}),
    "llama-one-key-head": ("llama", {"num_key_value_heads": 1}),
    "llama-tied-no-head-dim": ("llama", {"num_key_value_heads": 4, "head_dim": None, "tie_word_embeddings": True}),
    "llama-scaled-places": (
        "llama",
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}},
    ),
    "mistral-grouped": ("mistral", {}),
    "mistral-wide-window": ("mistral", {"sliding_window": max(LENGTHS) + STEPS}),
}


def prompts(size, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(size, (n,), generator=generator) for n in LENGTHS]


def padded(stepper, rows, fill):
    """Return embeddings (n, t, width) of rows padded on the left, and where each begins."""
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), fill)
    for i, row in enumerate(rows):
        ids[i, longest - len(row) :] = row
    return stepper.embed(ids), torch.tensor([longest - len(r) for r in rows])


def written(stepper, rows, tokens, *, fill=0):
    """Return the logits of the prefill and of every step, (steps + 1, n, vocabulary)."""
    embeddings, start = padded(stepper, rows, fill)
    out = [stepper.prefill(embeddings, start).clone()]
    out += [stepper.step(tokens[:, t], embeddings.shape[1] + t).clone() for t in range(tokens.shape[1])]
    return torch.stack(out)


def reference(model, rows, tokens):
    """Return the same from the library's own forward pass, each row alone, unpadded and whole."""
    out = []
    for row, more in zip(rows, tokens, strict=True):
        logits = model(torch.cat([row, more]).unsqueeze(0), use_cache=False).logits[0]
        out.append(logits[len(row) - 1 :])
    return torch.stack(out, dim=1)


@torch.inference_mode()
@pytest.mark.parametrize("form", FORMS)
def test_logits_are_those_of_the_library(tiny, form):
    family, changes = FORMS[form]
    model = tiny.language_model(family, **changes)
    rows = prompts(tiny.SIZE)
    tokens = torch.randint(tiny.SIZE, (len(rows), STEPS), generator=torch.Generator().manual_seed(1))
    stepper = LlamaStepper(model, len(rows), max(LENGTHS) + STEPS)
    got = written(stepper, rows, tokens)
    assert got.shape == (STEPS + 1, len(rows), tiny.SIZE)
    torch.testing.assert_close(got, reference(model, rows, tokens), atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(written(stepper, rows, tokens), got, atol=0, rtol=0)  # the cache keeps nothing


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_rows_change_nothing(tiny, dtype):
    model = tiny.language_model("llama").to(dtype)
    stepper = LlamaStepper(model, len(LENGTHS), max(LENGTHS) + STEPS)
    rows, others = prompts(tiny.SIZE), prompts(tiny.SIZE, seed=7)
    tokens = torch.arange(5 * STEPS).view(5, STEPS)
    before = written(stepper, rows, tokens)
    changed = tokens.flip(1).clone()
    changed[1] = tokens[1]
    after = written(stepper, [others[0], rows[1], others[2][:2], others[0], others[4]], changed)
    assert torch.equal(before[:, 1], after[:, 1])
    assert not torch.equal(before[:, 0], after[:, 0])


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_place_in_the_batch_changes_nothing(tiny, dtype):
    stepper = LlamaStepper(tiny.language_model("llama").to(dtype), 5, max(LENGTHS) + STEPS)
    rows, tokens = prompts(tiny.SIZE), torch.arange(5 * STEPS).view(5, STEPS)
    before = written(stepper, rows, tokens)
    order = [3, 0, 4, 2, 1]
    after = written(stepper, [rows[i] for i in order], tokens[order])
    assert torch.equal(before[:, order], after)


@torch.inference_mode()
def test_what_stands_in_the_padding_changes_nothing(tiny):
    stepper = LlamaStepper(tiny.language_model("llama"), 5, max(LENGTHS) + STEPS)
    rows, tokens = prompts(tiny.SIZE), torch.arange(5 * STEPS).view(5, STEPS)
    assert torch.equal(written(stepper, rows, tokens, fill=0), written(stepper, rows, tokens, fill=99))


def test_a_sliding_window_shorter_than_the_text_is_refused(tiny):
    model = tiny.language_model("mistral", sliding_window=16)
    assert LlamaStepper(model, 1, 16).length == 16
    with pytest.raises(ModelError, match="sliding window of 16"):
        LlamaStepper(model, 1, 17)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("gpt2", {}),
        ("llama", {"attention_bias": True}),
        ("llama", {"mlp_bias": True}),
        ("llama", {"hidden_act": "gelu"}),
    ],
)
def test_a_model_of_another_form_is_refused(tiny, family, changes):
    model = tiny.language_model(family, **changes)
    assert not has_stepper(model.config)
    with pytest.raises(ModelError, match="no stepper of its own"):
        LlamaStepper(model, 1, 8)
