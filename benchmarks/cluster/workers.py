"""Compare one worker of one or two threads to two workers of one thread each, on an idle and on a busy machine.

    python benchmarks/cluster/workers.py [--latents 64] [--tokens 32] [--texts 256] [--rounds 1] [--threads 2]
        [--encoder minilm] [--decoder smollm2] [--bridge builtin] [--json] [--quick]

"1 x 1" is one worker with one thread; "1 x 2" is one worker whose matrix products use two threads; "2 x 1" is two
workers with one thread each, as in a run. Each combination decodes the same latents (vectors with labels) and embeds
the same texts of a fictional clinic, first on an idle machine ("alone"), then while an endless loop occupies each
core ("busy"). The output has the tokens and texts per second, and states whether all results have the same bytes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parents[2] / "examples" / "clinic"))  # the fictional clinic

from fictional_clinic import generate

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Latents
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.shards import DecodeTask, divide_rows, read_shards, write_shards
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import build_encoder, sentence
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import model_folder


@contextmanager
def busy(cores):
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        if hasattr(os, "sched_setaffinity"):
            for loop, core in zip(loops, sorted(os.sched_getaffinity(0)), strict=False):
                os.sched_setaffinity(loop.pid, {core})
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def decoding(decoder, latents, settings):
    """Return a function that decodes the latents with n workers and returns the token count and the candidates."""

    def write(n_workers):
        task = DecodeTask(open_decoder=lambda: decoder, settings=settings, seeds=SeedTree(5))
        with tempfile.TemporaryDirectory() as folder:
            shards = divide_rows(len(latents), settings)
            write_shards(task, latents, shards, Path(folder), lambda _: None, n_workers=n_workers)
            found = read_shards(Path(folder))
        return sum(len(decoder.tokenizer(c.text).input_ids) + 1 for c in found), found

    return write


def embedding(encoder, texts):
    """Return a function that embeds the texts with n workers and returns the text count and the vectors' bytes."""

    def read(n_workers):
        sentence.usable_cores = lambda: n_workers
        return len(texts), encoder.encode(texts).tobytes()

    return read


def compare(name, unit, work, args):
    """Print and return the units (tokens or texts) per second for each combination of workers, threads and load."""
    found, made = {}, set()
    work(args.threads)  # does one-time work before the timing, such as testing which shapes give the same bits
    for where in ("alone", "busy"):
        with busy(args.threads if where == "busy" else 0):
            for n_workers, n_threads in ((1, 1), (1, args.threads), (args.threads, 1)):
                torch.set_num_threads(n_threads)
                rates = []
                for _ in range(args.rounds):
                    started = time.perf_counter()
                    n, result = work(n_workers)
                    rates.append(n / (time.perf_counter() - started))
                    made.add(result)
                found[f"{n_workers} x {n_threads}, {where}"] = sorted(rates)[len(rates) // 2]
    for way, rate in found.items():
        print(f"{name:<8} {way:<14} {rate:8.1f} {unit} per second", flush=True)
    print(f"{name:<8} the same bytes: {'yes' if len(made) == 1 else 'NO'}")
    return {"rates": found, "same": len(made) == 1}


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latents", type=int, default=64, help="number of latents; four texts are written for each")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--texts", type=int, default=256, help="number of texts to embed")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--decoder", default="smollm2")
    parser.add_argument("--bridge", default="builtin")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--quick", action="store_true", help="6 latents, 6 tokens, 9 texts")
    args = parser.parse_args(argv)
    if args.quick:
        args.latents, args.tokens, args.texts, args.batch = 6, 6, 9, 8
    return args


def main(argv=None):
    args = arguments(argv)
    encoder, bridge = build_encoder(EmbedConfig(model=args.encoder), model_folder), load_bridge(args.bridge)
    decoder = XragDecoder(
        model_folder(args.decoder), bridge, decoder=args.decoder, encoder=args.encoder, dim=encoder.dim
    )
    rows = generate(max(8, args.latents, args.texts), SeedTree(7).child("clinic").generator())
    texts = list(dict.fromkeys(row["note"] for row in rows))[: args.texts]
    vectors = encoder.encode(texts[: args.latents])
    n = len(vectors)
    latents = Latents(
        vectors=vectors,
        ids=tuple(f"r{i}" for i in range(n)),
        labels=("notes",) * n,
        parent_ids=((),) * n,
        weights=((),) * n,
        method="none",
        seed_path="benchmark",
    )
    settings = Settings(
        prompts={"notes": "clinic"},
        candidates=4,
        max_new_tokens=args.tokens,
        batch=args.batch,
        temperature=0.8,
        top_p=0.95,
        top_k=50,
    )
    found = {
        "decode": compare("decode", "tokens", decoding(decoder, latents, settings), args),
        "embed": compare("embed", "texts", embedding(encoder, texts), args),
    }
    if args.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
