import pytest
import torch

from synthgen.decode.loop.generic import GenericStepper

LENGTHS = (8, 3, 5, 1)
FORMS = {
    "gpt2": ("gpt2", {}),
    "llama-with-biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "mistral-window": ("mistral", {"sliding_window": 6}),
}


def read(stepper, rows):
    """Return the logits after rows of tokens, padded on the right."""
    ids = torch.full((len(rows), max(map(len, rows))), 9)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return stepper.read(stepper.embed(ids), torch.tensor([len(row) for row in rows]))


@torch.inference_mode()
@pytest.mark.parametrize("form", FORMS)
def test_logits_equal_the_library(tiny, form):
    family, changes = FORMS[form]
    model = tiny.language_model(family, **changes)
    if "bias" in form:
        for name, tensor in model.named_parameters():
            if name.endswith("bias"):
                tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(len(name))))
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randint(tiny.SIZE, (n,), generator=generator) for n in LENGTHS]
    tokens = torch.randint(tiny.SIZE, (len(rows), 5), generator=generator)
    stepper = GenericStepper(model, len(rows))
    assert (stepper.group, stepper.continuous) == (len(rows), False)
    for _ in range(2):  # a second batch starts with an empty cache
        got = [read(stepper, rows)]
        got += [stepper.step(tokens[:, t], torch.tensor(LENGTHS) + t) for t in range(5)]
        for i, row in enumerate(rows):
            alone = model(torch.cat([row, tokens[i]]).unsqueeze(0), use_cache=False).logits[0, len(row) - 1 :]
            torch.testing.assert_close(torch.stack(got)[:, i], alone, atol=2e-4, rtol=1e-4)


@torch.inference_mode()
def test_prefix_is_read_before_each_prompt(tiny):
    model = tiny.language_model("gpt2")
    rows, head = [torch.arange(n) + 20 for n in LENGTHS], torch.tensor([7, 8, 9])
    wanted = read(GenericStepper(model, len(rows)), [torch.cat([head, row]) for row in rows])
    stepper = GenericStepper(model, len(rows))
    stepper.read_prefix(stepper.embed(head))
    assert stepper.prefix_length == 3
    torch.testing.assert_close(read(stepper, rows), wanted)
