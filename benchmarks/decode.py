"""Compare the decode loop with `transformers.generate`: same model, dtype, batch, prompts, sampling and token limit.

    python benchmarks/decode.py [--batch 64] [--texts 512] [--candidates 1 4] [--tokens 96] [--rounds 3] [--threads N]
        [--table FILE] [--encoder minilm] [--decoder smollm2] [--bridge builtin] [--device cpu]
        [--library-dtype auto] [--json] [--quick]

The inputs are the vectors of notes of a fictional clinic, or of the texts of the table. In each round, the decode
loop and `generate` write texts from the same vectors, one after the other. All rounds are done with one candidate
text per record and then with the default number. On a processor without bfloat16 instructions, both compute in
float32, unless --library-dtype sets another dtype for `generate`. On a processor with int8 instructions but without
AMX, the loop uses int8 weights for a model stored in 16 bits, and `generate` does not. The output has:

- the records and tokens per second of each round, and the median and range of the speed ratio of the loop to
  `generate`, by wall time and by processor time; with one thread on a shared core, use the ratio by processor time,
- the perplexity of the texts under the original model, and the cosine between the vector of a text and the vector
  from which it was decoded, each with a bootstrap interval,
- the speed of the matrix products alone, and which share of this speed the loop reaches.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from transformers.utils import logging

sys.path.append(str(Path(__file__).parents[1] / "examples" / "clinic"))  # the fictional clinic

from fictional_clinic import generate

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Latents
from synthgen.decode import loop_decoder
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.config import DecodeConfig
from synthgen.decode.loading import load_model
from synthgen.decode.loop.products import product
from synthgen.decode.loop_decoder import text_of
from synthgen.decode.projector import splice
from synthgen.decode.train.adapters import merge
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder

SAMPLING = {"top_k": 50, "top_p": 0.95, "temperature": 0.8}


def sources(args, n, encoder):
    if args.table:
        rows = [(str(r["text"]), str(r["label"])) for r in pq.read_table(args.table).to_pylist()]
    else:
        rng = SeedTree(7).child("clinic").generator()
        rows = [(row["note"], row["specialty"]) for row in generate(max(8, n // 2), rng)]
    order = SeedTree(7).child("order").generator().permutation(len(rows))
    rows = [rows[order[i % len(rows)]] for i in range(n)]
    return Latents(
        vectors=encoder.encode([text for text, _ in rows]),
        ids=tuple(f"r{i}" for i in range(len(rows))),
        labels=tuple(label for _, label in rows),
        parent_ids=((),) * len(rows),
        weights=((),) * len(rows),
        method="none",
        seed_path="benchmark",
    )


class Library:
    """Writes texts with `transformers.generate`, batch by batch, from the prompts of the decoder."""

    def __init__(self, decoder, model, bridge):
        self.decoder, self.model = decoder, model
        merge(self.model, bridge.adapters)

    @torch.inference_mode()
    def write(self, latents, settings, seed):
        """Return the texts in the order of their records, and the number of tokens of each."""
        torch.manual_seed(seed)
        d = self.decoder
        prompts = [d.template.tokens(d.tokenizer, settings.prompts[label]) for label in latents.labels]
        longest, texts, counts = max(map(len, prompts)), [], []
        size = settings.batch // settings.candidates  # number of prompts whose texts fill the batch
        for start in range(0, len(latents), size):
            part = prompts[start : start + size]
            ids = torch.tensor([[0] * (longest - len(p)) + p for p in part])
            mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in part])
            at = (ids == d.template.placeholder_id) & mask.bool()
            ids, mask, at = ids.to(d.device), mask.to(d.device), at.to(d.device)
            soft = d.projector(torch.from_numpy(latents.vectors[start : start + size].copy()).to(d.device))
            embeddings = splice(self.model.get_input_embeddings()(ids.masked_fill(at, 0)), soft, at)
            made = self.model.generate(
                inputs_embeds=embeddings,
                attention_mask=mask,
                do_sample=True,
                max_new_tokens=settings.max_new_tokens,
                num_return_sequences=settings.candidates,
                eos_token_id=sorted(d.eos),
                pad_token_id=min(d.eos),
                suppress_tokens=d.never.tolist(),
                **SAMPLING,
            )
            for row in made.tolist():
                ended = next((i + 1 for i, token in enumerate(row) if token in d.eos), len(row))
                counts.append(ended)
                texts.append(text_of(d.tokenizer, row[:ended], d.eos)[0])
        return texts, counts


class Loop:
    """Writes texts with the decode loop of this project, and counts the tokens."""

    def __init__(self, decoder):
        self.decoder, self.counts = decoder, []
        loop_decoder.text_of = self.counted

    def counted(self, tokenizer, row, ends, **named):
        """Return the text of a row of tokens, and count its tokens."""
        self.counts.append(len(row))
        return text_of(tokenizer, row, ends, **named)

    def write(self, latents, settings, seed):
        """Return the texts in the order of their records, and the number of tokens of each."""
        self.counts = []
        found = self.decoder.decode(latents, settings, SeedTree(seed), lambda _: None)
        return [c.text for c in found], self.counts


@torch.inference_mode()
def nats(model, tokenizer, texts):
    """Return each text's negative log-likelihood in nats under the model without a vector, and its token count."""
    found = []
    for text in texts:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False).input_ids]])
        logits = model(ids.to(model.device)).logits[0, :-1].float().cpu()
        found.append(
            (float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")), ids.shape[1] - 1)
        )
    return np.array(found)


def interval(statistic, n, rng):
    """Return a statistic of n rows with its 95 % percentile bootstrap interval; `statistic` gets row numbers."""
    low, high = np.quantile([statistic(rng.integers(n, size=n)) for _ in range(1000)], [0.025, 0.975])
    return float(statistic(np.arange(n))), float(low), float(high)


def quality(args, texts, latents, untouched, tokenizer, encoder):
    rng = np.random.Generator(np.random.Philox(3))
    kept = [i for i, text in enumerate(texts) if text]
    few = kept[: args.judged]
    scored = nats(untouched, tokenizer, [texts[i] for i in few])
    targets = latents.vectors / np.linalg.norm(latents.vectors, axis=1, keepdims=True)
    targets = np.repeat(targets, len(texts) // len(latents), axis=0)
    cosines = (encoder.encode([texts[i] for i in kept]) * targets[kept]).sum(axis=1)
    return {
        "perplexity": interval(lambda r: np.exp(scored[r, 0].sum() / scored[r, 1].sum()), len(few), rng),
        "cosine": interval(lambda r: cosines[r].mean(), len(kept), rng),
    }


@torch.inference_mode()
def limit(model, batch, *, in_int8):
    """Return the number of tokens per second that would be possible if only the matrix products took time."""
    # Each matrix is multiplied once per token. The table of input embeddings is multiplied only if it is tied to the
    # output layer; otherwise only single rows of it are read.
    table = model.get_input_embeddings().weight
    is_tied = model.get_output_embeddings().weight.data_ptr() == table.data_ptr()
    weights = [p for p in model.parameters() if p.ndim == 2 and (is_tied or p is not table)]
    made = [
        (product(w, in_int8=in_int8), torch.randn(batch, w.shape[1], dtype=w.dtype, device=w.device)) for w in weights
    ]
    best = min(timed(lambda: [times(x) for times, x in made])[spent(model.device)] for _ in range(8))
    return batch / best


def spent(device):
    """Return which time of `timed` to use: wall time (0) on a GPU, where the CPU waits; otherwise CPU time (1)."""
    return 0 if device.type == "cuda" else 1


def timed(run):
    started = time.perf_counter(), time.process_time()
    made = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started[0], time.process_time() - started[1], made


def compare(args, loop, library, latents, settings):
    """Return wall seconds, CPU seconds and tokens of each round, and the texts and token counts of the last round.

    Both results are dicts with the keys "loop" and "generate".
    """
    rounds, last = {"loop": [], "generate": []}, {}
    for number in range(args.rounds):
        for name, one in (("loop", loop), ("generate", library)):
            wall, busy, last[name] = timed(lambda one=one, seed=number: one.write(latents, settings, seed))
            rounds[name].append((wall, busy, sum(last[name][1])))
        speeds = ", ".join(
            f"{name} {len(latents) / r[-1][0]:.2f} records/s {r[-1][2] / r[-1][0]:.0f} tokens/s"
            for name, r in rounds.items()
        )
        ratio = rounds["generate"][-1][0] / rounds["loop"][-1][0]
        print(f"round {number + 1}: {speeds}, ratio {ratio:.2f}", flush=True)
    return rounds, last


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--candidates", type=int, nargs="+", default=[1, DecodeConfig().candidates])
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--judged", type=int, default=128, help="number of texts whose perplexity is measured")
    parser.add_argument("--table", type=Path, help="parquet with text and label, instead of the clinic's notes")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--decoder", default="smollm2")
    parser.add_argument("--bridge", default="builtin")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--library-dtype", choices=["auto", "bfloat16", "float32"], default="auto")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--quick", action="store_true", help="batch 4, 8 texts, 6 tokens, 1 round")
    args = parser.parse_args(argv)
    if args.quick:
        args.batch, args.texts, args.tokens, args.rounds, args.judged = 4, 8, 6, 1, 8
    torch.set_num_threads(args.threads)
    return args


def side_by_side(args, candidates, loop, library, tools):
    """Print and return the speed and quality of the loop and of `generate` with `candidates` texts per record."""
    encoder, untouched = tools
    latents = sources(args, args.texts // candidates, encoder)
    settings = Settings(
        prompts={label: label.replace("_", " ") for label in sorted(set(latents.labels))},
        candidates=candidates,
        max_new_tokens=args.tokens,
        batch=args.batch,
        **SAMPLING,
    )
    rounds, last = compare(args, loop, library, latents, settings)
    found = {"candidates": candidates, "records": len(latents)}
    for at, what in enumerate(("wall time", "processor time")):
        ratios = [theirs[at] / ours[at] for ours, theirs in zip(rounds["loop"], rounds["generate"], strict=True)]
        found[what] = ratios
        print(
            f"records per second, ratio by {what}: median {np.median(ratios):.2f}, from {min(ratios):.2f} to "
            f"{max(ratios):.2f}; {candidates} candidates, batch {args.batch}, {args.threads} threads"
        )
    for name, (texts, counts) in last.items():
        figures = quality(args, texts, latents, untouched, loop.decoder.tokenizer, encoder)
        found[name] = {
            **figures,
            "tokens": float(np.mean(counts)),
            "records_per_second": [len(latents) / wall for wall, _, _ in rounds[name]],
        }
        shown = ", ".join(f"{what} {v:.3f} [{low:.3f}, {high:.3f}]" for what, (v, low, high) in figures.items())
        print(f"{name}: {shown}, {np.mean(counts):.1f} tokens per text")
    top = limit(untouched, args.batch, in_int8=loop.decoder.in_int8)
    share = float(np.median([r[2] / r[spent(untouched.device)] for r in rounds["loop"]])) / top
    found["of_the_limit"] = share
    print(
        f"matrix products alone: {top:.0f} tokens per second would be possible; the loop reaches {share:.0%} of this"
    )
    return found


def main(argv=None):
    args = arguments(argv)
    logging.disable_progress_bar()
    encoder, bridge = build_encoder(EmbedConfig(model=args.encoder), model_folder), load_bridge(args.bridge)
    folder, device = model_folder(args.decoder), args.device
    decoder = XragDecoder(folder, bridge, decoder=args.decoder, encoder=args.encoder, dim=encoder.dim, device=device)
    untouched, merged = (
        load_model(folder, device=device, dtype=dtype).model for dtype in ("auto", args.library_dtype)
    )
    weights = "torch.int8" if decoder.in_int8 else untouched.dtype
    print(f"{args.decoder} on {device}: weights {weights} in the loop, {merged.dtype} in generate", flush=True)
    loop, library = Loop(decoder), Library(decoder, merged, bridge)
    tools = encoder, untouched
    found = [side_by_side(args, candidates, loop, library, tools) for candidates in args.candidates]
    if args.json:
        print(json.dumps({"batch": args.batch, "threads": args.threads, "compared": found}))


if __name__ == "__main__":
    main()
