"""Measure the tokens per second of the decode loop and of `transformers.generate`, and the limit by memory bandwidth.

    python benchmarks/gpu/tokens.py [--device cuda] [--model smollm2] [--shape llama-1b | qwen2-1.5b] [--batch 64]
        [--texts 512] [--tokens 96] [--rounds 3] [--vllm] [--json] [--quick]

The loop and `generate` have the same model, dtype, batch, prompts, sampling and token limit, and take turns. The
prompts contain a label and no vector. Without --device, a GPU is used if there is one. With --shape, the benchmark
uses a model of this shape with random bfloat16 weights and the tokenizer of --model, so the model need not be
downloaded. For each round, the output has the tokens per second of the loop and of `generate`, and their ratio. After
the rounds, it states the limit:

    tokens per second ≤ batch · bandwidth / (bytes of the weights + bytes of the key-value cache at mean length)

The key-value cache is that of the whole batch. The bandwidth is measured with a copy on the same device, and counts
reads and writes. With --vllm, vLLM also writes the texts, once through this project and once with `LLM.generate` on
the same prompts; vLLM must be installed.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, Qwen2Config
from transformers.utils import logging

sys.path.append(str(Path(__file__).parents[1]))  # the other benchmarks

from decode import SAMPLING, Loop, timed

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Latents
from synthgen.decode.base import Settings
from synthgen.decode.loading import decode_dtype, load_model
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.prompter import Prompter
from synthgen.models.store import model_folder

LABELS = ("cardiology", "dermatology", "neurology", "orthopaedics")
SHAPES = {
    "llama-1b": (LlamaConfig, {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
                               "num_attention_heads": 32, "num_key_value_heads": 8}),
    "qwen2-1.5b": (Qwen2Config, {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
                                 "num_attention_heads": 12, "num_key_value_heads": 2}),
}  # fmt: skip


def random_model(shape, tokenizer_folder, folder, divisor=1):
    """Save a model with random weights and a given tokenizer; `divisor` divides all sizes, for quick tests."""
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
    kind, sizes = SHAPES[shape]
    sizes = {name: max(1, n // divisor) for name, n in sizes.items()} if divisor > 1 else sizes
    config = kind(
        **sizes,
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        dtype="bfloat16",
    )
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def requests(n):
    labels = tuple(LABELS[i % len(LABELS)] for i in range(n))
    none = ((),) * n
    return Latents(
        vectors=np.zeros((n, 1), dtype=np.float32),
        ids=tuple(f"r{i}" for i in range(n)),
        labels=labels,
        parent_ids=none,
        weights=none,
        method="none",
        seed_path="benchmark",
    )


def prompts_of(decoder, latents, settings, seed):
    return decoder._prompts(latents, settings, SeedTree(seed))[0]  # noqa: SLF001 - a copy of its rules could differ


class Library:
    """Writes texts with `transformers.generate`, batch by batch, from the prompts of the decoder."""

    def __init__(self, decoder, model):
        self.decoder, self.model = decoder, model

    @torch.inference_mode()
    def write(self, latents, settings, seed):
        """Write a text for each latent, and return the number of tokens of each text."""
        torch.manual_seed(seed)
        d, counts = self.decoder, []
        prompts = prompts_of(d, latents, settings, seed)
        for start in range(0, len(prompts), settings.batch):
            part = prompts[start : start + settings.batch]
            longest = max(map(len, part))
            ids = torch.tensor([[0] * (longest - len(p)) + p for p in part], device=d.device)
            mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in part], device=d.device)
            made = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=True,
                max_new_tokens=settings.max_new_tokens,
                eos_token_id=sorted(d.eos),
                pad_token_id=min(d.eos),
                suppress_tokens=d.never.tolist() or None,
                **SAMPLING,
            )[:, longest:]
            counts += [next((i + 1 for i, t in enumerate(r) if t in d.eos), len(r)) for r in made.tolist()]
        return counts


def bandwidth(device, n_bytes):
    """Return the bytes per second that a copy on the device reads and writes, in the fastest of five runs."""
    source = torch.zeros(n_bytes // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    best = min(timed(lambda: [target.copy_(source) for _ in range(4)])[0] for _ in range(5))
    return 4 * 2 * n_bytes / best


def step_bytes(model, batch, length, *, in_int8=False):
    """Return the bytes that one decoding step reads: all weights, and the key-value cache of the batch.

    The cache holds `length` tokens of each of the `batch` texts. With `in_int8`, each weight has one byte.
    """
    config, table = model.config, model.get_input_embeddings().weight
    is_tied = model.get_output_embeddings().weight.data_ptr() == table.data_ptr()
    weights = sum(p.numel() * (1 if in_int8 else p.element_size()) for p in model.parameters())
    # only single rows of the input table are read
    unread = 0 if is_tied else table.numel() * (1 if in_int8 else table.element_size())
    heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cache = 2 * config.num_hidden_layers * heads * size * table.element_size() * batch * length
    return weights - unread + cache


def plain_vllm(folder, prompts, settings):
    from vllm import LLM, SamplingParams

    llm = LLM(model=str(folder), enable_prefix_caching=True)
    sampling = SamplingParams(max_tokens=settings.max_new_tokens, seed=1, **SAMPLING)
    tasks = [{"prompt_token_ids": list(p)} for p in prompts]
    llm.generate(tasks[: settings.batch], sampling)
    started = time.perf_counter()
    made = llm.generate(tasks, sampling)
    return sum(len(one.outputs[0].token_ids) for one in made) / (time.perf_counter() - started)


def through_vllm(folder, latents, settings):
    decoder = PromptDecoder(folder, Prompter(), decoder="bench", own_loop=False)
    decoder.use_vllm()
    loop = Loop(decoder)
    loop.write(latents, settings, 0)
    wall, _, (_, counts) = timed(lambda: loop.write(latents, settings, 1))
    decoder.vllm.close()
    ours = sum(counts) / wall
    alone = plain_vllm(folder, prompts_of(decoder, latents, settings, 1), settings)
    print(f"vLLM: through synthgen {ours:.0f} tokens/s, alone {alone:.0f} tokens/s, ratio {ours / alone:.2f}")
    return {"through": ours, "alone": alone}


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--shape", choices=list(SHAPES))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--vllm", action="store_true")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--quick", action="store_true", help="batch 4, 8 texts, 6 tokens, 1 round, a tiny --shape")
    args = parser.parse_args(argv)
    args.copied, args.divisor = 1 << 28, 1
    if args.quick:
        args.batch, args.texts, args.tokens, args.rounds, args.copied, args.divisor = 4, 8, 6, 1, 1 << 24, 8
    return args


def compare(args, folder):
    decoder = PromptDecoder(folder, Prompter(), decoder="bench", device=args.device)
    library = Library(decoder, load_model(folder, device=args.device, dtype=decode_dtype(folder, args.device)).model)
    loop, model, latents = Loop(decoder), library.model, requests(args.texts)
    prompts = {label: label for label in LABELS}
    settings = Settings(
        prompts=prompts, candidates=1, max_new_tokens=args.tokens, batch=args.batch, words=0, **SAMPLING
    )
    name = torch.cuda.get_device_name() if args.device == "cuda" else "cpu"
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    weights = "torch.int8" if decoder.in_int8 else str(model.dtype)  # of the loop
    print(f"{model.config.model_type}, {millions:.0f}M parameters, {weights} on {name}, batch {args.batch}")
    first = requests(args.batch)
    loop.write(first, settings, 0), library.write(first, settings, 0)  # kernels are loaded and recorded at first use
    speeds, lengths = {"loop": [], "generate": []}, []
    for number in range(1, args.rounds + 1):
        wall, _, (_, counts) = timed(lambda seed=number: loop.write(latents, settings, seed))
        speeds["loop"].append(sum(counts) / wall)
        lengths += counts
        wall, _, counts = timed(lambda seed=number: library.write(latents, settings, seed))
        speeds["generate"].append(sum(counts) / wall)
        mine, theirs = (of[-1] for of in speeds.values())
        print(f"round {number}: loop {mine:.0f} tokens/s, generate {theirs:.0f} tokens/s, ratio {mine / theirs:.2f}")
    prompt = np.mean([len(p) for p in prompts_of(decoder, latents, settings, 1)])
    rate = bandwidth(decoder.device, args.copied)
    limit = args.batch * rate / step_bytes(model, args.batch, prompt + np.mean(lengths) / 2, in_int8=decoder.in_int8)
    ratio, share = np.median(np.divide(speeds["loop"], speeds["generate"])), np.median(speeds["loop"]) / limit
    print(
        f"ratio: median {ratio:.2f}; limit at {rate / 1e9:.0f} GB/s: {limit:.0f} tokens/s, the loop has {share:.0%}"
    )
    found = {"dtype": weights, "device": name, "millions": millions, "batch": args.batch, **speeds}
    found |= {"ratio": float(ratio), "bytes_per_second": rate, "limit": float(limit), "of_the_limit": float(share)}
    if args.vllm:
        del loop, library, model, decoder
        found["vllm"] = through_vllm(folder, latents, settings)
    return found


def main(argv=None):
    args = arguments(argv)
    logging.disable_progress_bar()
    folder = model_folder(args.model)
    with TemporaryDirectory(prefix="synthgen-bench-") as made:
        if args.shape:
            folder = random_model(args.shape, folder, Path(made), args.divisor)
        found = compare(args, folder)
    if args.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
