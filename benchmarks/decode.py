"""The decode loop beside `transformers.generate`: same model, dtype, batch, lengths, sampling; alternating.

    python benchmarks/decode.py [--batch 64] [--tokens 64] [--rounds 3] [--quick]

Prints tokens per second of each round, the ratio's median and range, and the share of the measured matrix-product
limit that the loop reaches.
"""

import argparse
import time

import numpy as np
import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from synthgen.decode.llama import LlamaStepper
from synthgen.decode.sampling import sample
from synthgen.models.store import model_folder

SAMPLING = {"top_k": 50, "top_p": 0.95, "temperature": 0.8}


@torch.inference_mode()
def ours(model, embeddings, tokens, rng):
    batch, start = embeddings.shape[:2]
    stepper = LlamaStepper(model, batch, start + tokens)
    u = torch.from_numpy(rng.random((tokens, batch), dtype=np.float32))
    logits = stepper.prefill(embeddings, torch.zeros(batch, dtype=torch.long))
    for t in range(tokens):
        token = sample(logits, u[t], **SAMPLING)
        if t + 1 < tokens:
            logits = stepper.step(token, start + t)


@torch.inference_mode()
def library(model, embeddings, tokens, _rng):
    mask = torch.ones(embeddings.shape[:2], dtype=torch.long)
    model.generate(
        inputs_embeds=embeddings, attention_mask=mask, do_sample=True, min_new_tokens=tokens, max_new_tokens=tokens,
        pad_token_id=0, **SAMPLING,
    )  # fmt: skip


def speed(run, model, embeddings, tokens, rng):
    started = time.perf_counter()
    run(model, embeddings, tokens, rng)
    return embeddings.shape[0] * tokens / (time.perf_counter() - started)


@torch.inference_mode()
def limit(model, batch):
    """Return the tokens per second at which the loop's matrix products alone would run."""
    weights = [p for p in model.parameters() if p.ndim == 2]  # the embedding table is the output layer, used once
    inputs = {w.shape[1]: torch.randn(batch, w.shape[1], dtype=w.dtype) for w in weights}
    started = time.perf_counter()
    for _ in range(5):
        for w in weights:
            torch.nn.functional.linear(inputs[w.shape[1]], w)
    return 5 * batch / (time.perf_counter() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="batch 4, 4 tokens, 1 round")
    args = parser.parse_args()
    batch, tokens, rounds = (4, 4, 1) if args.quick else (args.batch, args.tokens, args.rounds)
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(model_folder("smollm2"), dtype="auto", local_files_only=True).eval()
    rng = np.random.Generator(np.random.Philox(0))
    embeddings = torch.randn(batch, 16, model.config.hidden_size).to(model.dtype) * 0.1
    ratios = []
    for number in range(rounds):
        mine, theirs = (speed(run, model, embeddings, tokens, rng) for run in (ours, library))
        ratios.append(mine / theirs)
        print(f"round {number + 1}: loop {mine:.0f} tokens/s, generate {theirs:.0f} tokens/s, ratio {ratios[-1]:.2f}")
    top = limit(model, batch)
    print(f"ratio: median {np.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
    print(f"matrix products alone: {top:.0f} tokens/s; the loop reaches {mine / top:.0%} of it")


if __name__ == "__main__":
    main()
